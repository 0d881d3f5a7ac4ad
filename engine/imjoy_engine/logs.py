"""The engine's own log: one line an event on stderr, with every secret blanked.

What is not here: the output of plugins, which `plugins.output` keeps.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Literal

from rich.console import Console
from rich.logging import RichHandler

__all__ = ["JsonFormatter", "SecretFilter", "blank", "configure"]

_FIELDS = ("plugin", "instance", "workspace", "state")
_PLAIN = "%(asctime)s %(levelname)-7s %(message)s"


class SecretFilter(logging.Filter):
    """Replace secrets in a record's text by `[secret]` before anything is written."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__()
        self._secrets = [secret for secret in secrets if secret]

    def add(self, secret: str) -> None:
        """Blank this one as well from now on."""
        self._secrets.append(secret)

    def filter(self, record: logging.LogRecord) -> bool:
        """Return True always: a record is cleaned, never dropped."""
        text = record.getMessage()
        cleaned = text
        for secret in self._secrets:
            cleaned = cleaned.replace(secret, "[secret]")
        if cleaned is not text:
            record.msg, record.args = cleaned, ()
        return True


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time (UTC), level, logger, message, and what the record has besides.

    What it may have besides is `plugin`, `instance`, `workspace` and `state`.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        moment = datetime.fromtimestamp(record.created, UTC)
        line = {
            "time": moment.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name in _FIELDS:
            if (value := getattr(record, name, None)) is not None:
                line[name] = str(value)
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure(
    *, debug: bool, secrets: Iterable[str] = (), style: Literal["text", "json"] = "text"
) -> Console | None:
    """Send the engine's log to stderr; third-party chatter below WARNING is dropped.

    Return the terminal that it is written to, for others that draw there too; None when it is none.
    """
    console = Console(stderr=True)
    if style == "json":
        handler = _stream_handler(JsonFormatter())
    elif console.is_terminal:
        handler = _terminal_handler(console, debug)
    else:
        # A file, a journal, a pipe: whole lines, whatever their length.
        handler = _stream_handler(logging.Formatter(_PLAIN, datefmt="%Y-%m-%d %H:%M:%S"))
    handler.addFilter(SecretFilter(secrets))
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger("imjoy_engine").setLevel(logging.DEBUG if debug else logging.INFO)
    return console if style == "text" and console.is_terminal else None


def blank(secret: str) -> None:
    """Keep a secret that was not known at `configure` out of the log from now on."""
    for handler in logging.getLogger().handlers:
        for kept in handler.filters:
            if isinstance(kept, SecretFilter):
                kept.add(secret)


def _stream_handler(formatter: logging.Formatter) -> logging.Handler:
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    return handler


def _terminal_handler(console: Console, debug: bool) -> logging.Handler:
    handler = RichHandler(
        console=console,
        show_path=debug,
        rich_tracebacks=debug,
        omit_repeated_times=False,
    )
    handler.setFormatter(logging.Formatter("%(message)s", datefmt="%H:%M:%S"))
    return handler

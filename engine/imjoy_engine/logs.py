"""The engine's own log: one line an event on stderr, with every secret blanked.

What is not here: the output of plugins, which `plugins.output` keeps.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from rich.console import Console
from rich.logging import RichHandler

__all__ = ["SecretFilter", "configure"]


class SecretFilter(logging.Filter):
    """Replace secrets in a record's text by `[secret]` before anything is written."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__()
        self._secrets = [secret for secret in secrets if secret]

    def filter(self, record: logging.LogRecord) -> bool:
        """Return True always: a record is cleaned, never dropped."""
        text = record.getMessage()
        cleaned = text
        for secret in self._secrets:
            cleaned = cleaned.replace(secret, "[secret]")
        if cleaned is not text:
            record.msg, record.args = cleaned, ()
        return True


def configure(*, debug: bool, secrets: Iterable[str] = ()) -> None:
    """Send the engine's log to stderr; third-party chatter below WARNING is dropped."""
    handler = RichHandler(
        console=Console(stderr=True),
        show_path=debug,
        rich_tracebacks=debug,
        omit_repeated_times=False,
    )
    handler.addFilter(SecretFilter(secrets))
    handler.setFormatter(logging.Formatter("%(message)s", datefmt="%H:%M:%S"))
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger("imjoy_engine").setLevel(logging.DEBUG if debug else logging.INFO)

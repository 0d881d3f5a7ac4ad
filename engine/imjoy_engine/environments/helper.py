"""Asking a process of our own to do what must be able to crash, or to be ended at once.

The request is a file with a JSON object; the helper writes one JSON object a line, each with the
name of its `event`, and ends with the one that was waited for, or with `error` and its `words`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from imjoy_engine.environments.builder import Attempt
from imjoy_engine.environments.indexes import redacted
from imjoy_engine.processes import Command, Ladder, ProcessTree

__all__ = ["HelperFailure", "ask_helper"]

_KEPT_BYTES = 65536


class HelperFailure(Exception):
    """The helper did not do what it was asked; `words` are its own."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


async def ask_helper(
    module: Sequence[str],
    request: Mapping[str, Any],
    attempt: Attempt,
    variables: Mapping[str, str],
    on_event: Callable[[dict[str, Any]], None],
) -> dict[str, Any]:
    """Return the last event of a helper: `module` is how this interpreter is told to run it.

    What it prints as errors goes to the log of `attempt`. Cancelled, it is gone.

    Raises `HelperFailure`.
    """
    file = attempt.scratch / "request.json"
    await asyncio.to_thread(file.write_text, json.dumps(dict(request)))
    argv = [sys.executable, "-I", *module, str(file)]
    told = _Told(on_event)
    command = Command(argv, variables, Path("/"), held_fds=tuple(attempt.held_fds), grace_s=0)
    tree = await ProcessTree.start(command, told.feed)
    try:
        report = await tree.wait()
    finally:
        await tree.stop(Ladder.at_once())
    attempt.log.extend(redacted(line) for line in told.words())
    if report.exit_code == 0 and told.last.get("event") not in (None, "error"):
        return told.last
    raise HelperFailure(redacted(str(told.last.get("words") or told.stderr() or report.words)))


class _Told:
    """Reads what the helper writes."""

    def __init__(self, on_event: Callable[[dict[str, Any]], None]) -> None:
        self.last: dict[str, Any] = {}
        self._on_event = on_event
        self._unread = b""
        self._stderr = bytearray()

    def feed(self, stream: str, chunk: bytes) -> None:
        """Take the next bytes of a stream."""
        if stream == "stderr":
            self._stderr.extend(chunk[: max(0, _KEPT_BYTES - len(self._stderr))])
            return
        *lines, self._unread = (self._unread + chunk).split(b"\n")
        for line in lines:
            with contextlib.suppress(ValueError):
                self.last = json.loads(line)
                self._on_event(self.last)

    def stderr(self) -> str:
        """Return what it printed as errors."""
        return self._stderr.decode(errors="replace").strip()

    def words(self) -> list[str]:
        """Return what a person may want to read: errors and what the library printed."""
        return [*self.stderr().splitlines(), *str(self.last.get("words", "")).splitlines()]

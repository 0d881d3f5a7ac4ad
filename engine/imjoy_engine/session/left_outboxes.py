"""What an engine that was killed leaves of clients that were away: it is for nobody any more.

A client that returns to the next engine gets a new session. What waited was for ends of the old
one, whose callers are told so. Results of runs are kept elsewhere, what plugins print is in their
logs, and what a plugin that lives on asks is asked again by itself.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from imjoy_engine.records import read_records
from imjoy_engine.session.kept_frames import frame_of, is_message
from imjoy_wire.chunks import CHUNK
from imjoy_wire.lanes import RUN

__all__ = ["LeftOutboxes"]

_LOG = logging.getLogger(__name__)


class LeftOutboxes:
    """Files of earlier engines; `found` finds them before this one has any of its own."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = files
        self._task: asyncio.Task[None] | None = None
        self._is_stopping = threading.Event()

    @classmethod
    async def found(cls, directory: Path) -> LeftOutboxes:
        """Return those that are in a directory now."""
        return cls(await asyncio.to_thread(lambda: sorted(directory.glob("*.records"))))

    def start(self) -> None:
        """Begin to remove them, and to say in the log what is lost with each; nobody waits for it.

        There may be a gigabyte of each.
        """
        self._task = asyncio.get_running_loop().create_task(asyncio.to_thread(self._remove))

    async def close(self) -> None:
        """Leave what has not been read yet to the next engine."""
        self._is_stopping.set()
        if self._task is not None:
            await self._task

    def _remove(self) -> None:
        for path in self._files:
            try:
                waiting = self._waiting_in(path)
                if waiting is None:
                    return
                _say(waiting, path.stat().st_size)
                path.unlink()
            except OSError as error:
                _LOG.warning("What waited for a client that was away cannot be read: %s", error)

    def _waiting_in(self, path: Path) -> Counter[str] | None:
        """Return how many messages, results and events a file holds; None when there is no time.

        Raises OSError.
        """
        waiting: Counter[str] = Counter()
        for record, _ in read_records(path):
            if self._is_stopping.is_set():
                return None
            frame = frame_of(record)
            if is_message(frame):
                waiting["messages"] += 1
            elif frame.kind != CHUNK:  # those belong to a message that was counted
                waiting["results" if RUN in frame.extra else "events"] += 1
        return waiting


def _say(waiting: Counter[str], size_bytes: int) -> None:
    if waiting["messages"]:
        _LOG.warning(
            "A client was away when the last engine ended. %d messages of plugins that waited "
            "for it are lost with its session (%d bytes); %d results of runs are kept.",
            waiting["messages"],
            size_bytes,
            waiting["results"],
        )
    else:
        _LOG.info(
            "A client was away when the last engine ended. Nothing is lost with its session: "
            "what waited were %d results of runs, which are kept, and %d words about plugins.",
            waiting["results"],
            waiting["events"],
        )

"""What waits for a client that is away, on disk: first in, first out, bounded.

Frames are written as records by a thread, and read back when the client has returned. Of frames
with the same `last_of` only the last is handed out. What a full disk does not take stays in memory,
and the plugins are made to wait.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from pathlib import Path

from imjoy_engine.records import append_records, read_records
from imjoy_engine.session.kept_frames import frame_of, is_message, record_of
from imjoy_wire.frames import Frame
from imjoy_wire.lanes import FRAME_OVERHEAD_BYTES

__all__ = ["Outbox"]

_LOG = logging.getLogger(__name__)
_UNWRITTEN_BYTES = 16 << 20


class Outbox:
    """The frames for one client; the file is there while anything waits in it.

    `on_room` is called when there may be room again.
    """

    def __init__(self, path: Path, max_bytes: int, on_room: Callable[[], None]) -> None:
        self.path = path
        self._max_bytes = max_bytes
        self._on_room = on_room
        self._unwritten: deque[tuple[int, Frame]] = deque()  # behind all that is in the file
        self._unwritten_bytes = 0
        self._sizes: dict[int, int] = {}  # of what waits, by number
        self._others: set[int] = set()  # of those the ones that are no messages of peers
        self._last: dict[str, int] = {}
        self._next = 0
        self._offset = 0
        self._waiting_bytes = 0
        self._busy = asyncio.Lock()
        self._writer: asyncio.Task[None] | None = None

    @property
    def is_empty(self) -> bool:
        """Return whether nothing waits."""
        return not self._sizes

    @property
    def messages(self) -> int:
        """Return how many messages of peers wait, which nobody else keeps."""
        return len(self._sizes) - len(self._others)

    @property
    def is_full(self) -> bool:
        """Return whether nothing more should come: too much waits, or the disk is behind."""
        return self._waiting_bytes > self._max_bytes or self._unwritten_bytes > _UNWRITTEN_BYTES

    def put(self, frame: Frame, last_of: str = "") -> None:
        """Keep a frame behind those before it."""
        size = _size(frame)
        self._next += 1
        if last_of:
            self._settle(self._last.get(last_of, 0))
            self._last[last_of] = self._next
        self._sizes[self._next] = size
        if not is_message(frame):
            self._others.add(self._next)
        self._waiting_bytes += size
        self._unwritten.append((self._next, frame))
        self._unwritten_bytes += size
        if self._writer is None or self._writer.done():
            self._writer = asyncio.get_running_loop().create_task(self._write())

    async def take(self, max_bytes: int) -> list[Frame]:
        """Take out the frames that come next: about so many bytes, and one at least if any is."""
        async with self._busy:
            frames: list[Frame] = []
            while not frames and self._sizes:
                entries = await asyncio.to_thread(self._read, max_bytes)
                if not entries:
                    entries = [self._unwritten.popleft()]
                    self._unwritten_bytes -= _size(entries[0][1])
                frames = [frame for number, frame in entries if self._settle(number)]
            if not self._sizes:
                self._last.clear()
                if not self._unwritten:
                    await asyncio.to_thread(self._remove)
        self._on_room()
        return frames

    async def clear(self) -> None:
        """Forget everything, the file as well."""
        self._sizes.clear()
        self._others.clear()
        self._last.clear()
        self._unwritten.clear()
        self._unwritten_bytes = self._waiting_bytes = 0
        async with self._busy:
            await asyncio.to_thread(self._remove)

    async def _write(self) -> None:
        """Put what is in memory into the file."""
        while self._unwritten:
            async with self._busy:
                batch = list(self._unwritten)
                wanted = [entry for entry in batch if entry[0] in self._sizes]
                try:
                    await asyncio.to_thread(self._append, wanted)
                except OSError as error:
                    _LOG.warning("What waits for a client stays in memory: %s", error)
                    return
                # Cleared meanwhile, or all of it is still the first that waits.
                while self._unwritten and self._unwritten[0][0] <= batch[-1][0]:
                    self._unwritten_bytes -= _size(self._unwritten.popleft()[1])
            self._on_room()

    def _settle(self, number: int) -> bool:
        """Count a frame as gone; return whether it was still wanted."""
        size = self._sizes.pop(number, None)
        self._others.discard(number)
        self._waiting_bytes -= size or 0
        return size is not None

    def _append(self, entries: list[tuple[int, Frame]]) -> None:
        append_records(self.path, ({"n": number, **record_of(frame)} for number, frame in entries))

    def _read(self, max_bytes: int) -> list[tuple[int, Frame]]:
        entries: list[tuple[int, Frame]] = []
        start = self._offset
        try:
            for record, behind in read_records(self.path, start):
                entries.append((record["n"], frame_of(record)))
                self._offset = behind
                if behind - start >= max_bytes:
                    break
        except FileNotFoundError:
            pass
        return entries

    def _remove(self) -> None:
        self.path.unlink(missing_ok=True)
        self._offset = 0


def _size(frame: Frame) -> int:
    return frame.payload_bytes + FRAME_OVERHEAD_BYTES

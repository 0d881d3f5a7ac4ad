"""What waits to be sent to one client: in order, bounded in bytes, kept while it is away."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from imjoy_engine.session.links import ClientLink, LinkClosedError
from imjoy_wire.frames import Frame

__all__ = ["Outgoing"]

_ITEM_BYTES = 512
"""What an item costs beside its body: so that a flood of tiny ones is bounded too."""


@dataclass(frozen=True, slots=True)
class _Event:
    name: str
    payload: dict[str, Any]


class Outgoing:
    """A queue with one reader, the current link; `on_full` and `on_room` tell who fills it."""

    def __init__(
        self,
        *,
        high_water_bytes: int,
        low_water_bytes: int,
        on_full: Callable[[], None],
        on_room: Callable[[], None],
    ) -> None:
        self._high_water_bytes = high_water_bytes
        self._low_water_bytes = low_water_bytes
        self._on_full = on_full
        self._on_room = on_room
        self._items: deque[tuple[Frame | _Event, int]] = deque()
        self._bytes = 0
        self._full = False
        self._filled = asyncio.Event()
        self._pump: asyncio.Task[None] | None = None

    @property
    def waiting_bytes(self) -> int:
        """Return how much waits."""
        return self._bytes

    @property
    def is_full(self) -> bool:
        """Return whether the high-water mark was passed and the low one not yet reached."""
        return self._full

    def put_frame(self, frame: Frame) -> None:
        """Queue a frame."""
        size = len(frame.body) + sum(memoryview(part).nbytes for part in frame.buffers)
        self._put(frame, size + _ITEM_BYTES)

    def put_event(self, name: str, payload: dict[str, Any]) -> None:
        """Queue an event."""
        size = sum(len(value) for value in payload.values() if isinstance(value, str))
        self._put(_Event(name, payload), size + _ITEM_BYTES)

    def connect(self, link: ClientLink) -> None:
        """Send what waits and what comes over `link`, instead of any earlier link."""
        self.disconnect()
        self._pump = asyncio.get_running_loop().create_task(self._send_over(link))

    def disconnect(self) -> None:
        """Keep what comes until the next `connect`."""
        if self._pump is not None:
            self._pump.cancel()
            self._pump = None

    def clear(self) -> None:
        """Forget what waits."""
        self._items.clear()
        self._bytes = 0
        self._relieve()

    def _put(self, item: Frame | _Event, size: int) -> None:
        self._items.append((item, size))
        self._bytes += size
        self._filled.set()
        if not self._full and self._bytes > self._high_water_bytes:
            self._full = True
            self._on_full()

    async def _send_over(self, link: ClientLink) -> None:
        while True:
            while not self._items:
                self._filled.clear()
                await self._filled.wait()
            item, size = self._items[0]
            try:
                if isinstance(item, Frame):
                    await link.send_frame(item)
                else:
                    await link.send_event(item.name, item.payload)
            except LinkClosedError:
                return
            if self._items and self._items[0][0] is item:
                self._items.popleft()
                self._bytes -= size
                self._relieve()

    def _relieve(self) -> None:
        if self._full and self._bytes <= self._low_water_bytes:
            self._full = False
            self._on_room()

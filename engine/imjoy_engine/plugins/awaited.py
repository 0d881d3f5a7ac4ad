"""What waits for a plugin that an earlier engine has started, until its process is back."""

from __future__ import annotations

import asyncio

from imjoy_engine.transport import Channel
from imjoy_wire.frames import Frame

__all__ = ["Awaited"]

_HIGH_WATER_BYTES = 4 << 20


class Awaited:
    """The frames for one plugin, and the room for more until it is back or known to have ended.

    Other plugins may be back sooner, and send again what the last engine has not passed on.
    """

    def __init__(self) -> None:
        self._frames: list[Frame] = []
        self._bytes = 0
        self._left: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def is_writable(self) -> bool:
        """Return whether little waits."""
        return self._bytes <= _HIGH_WATER_BYTES or self._left.done()

    async def drained(self) -> None:
        """Return when nothing waits any more."""
        await asyncio.wait({self._left})

    def left(self) -> asyncio.Future[None] | None:
        """Return what is done when everything has left for the plugin's process."""
        return None if self._left.done() else self._left

    def put(self, frame: Frame) -> None:
        """Keep a frame for the plugin."""
        self._frames.append(frame)
        self._bytes += frame.payload_bytes

    def back(self, channel: Channel) -> None:
        """Send what has waited."""
        for frame in self._frames:
            channel.send(frame)
        self._frames.clear()
        left = channel.left()
        if left is None:
            self.over()
        else:
            left.add_done_callback(lambda _: self.over())

    def over(self) -> None:
        """Let go of whoever waits for room: nothing waits here any more."""
        self._frames.clear()
        if not self._left.done():
            self._left.set_result(None)

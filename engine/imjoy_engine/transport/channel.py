"""One byte stream to a worker, seen as frames.

The bytes of a big buffer are received straight into their final place; what is sent is handed to
the transport as it is. Back-pressure goes both ways: `drained()` waits while the worker reads
slowly, `pause_reading(why)` lets the worker wait.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import cast

from imjoy_wire.errors import WireError
from imjoy_wire.frames import Frame, FrameDecoder, encode_frame

__all__ = ["Channel"]

_LOG = logging.getLogger(__name__)
_HIGH_WATER_BYTES = 4 << 20


class Channel(asyncio.BufferedProtocol):
    """Frames in by `on_frame`, frames out by `send`; `closed` is done when the stream has ended.

    `closed` holds None for an orderly end, or the sentence that says what the peer did wrong.
    """

    def __init__(self, on_connected: Callable[[Channel], None], max_frame_bytes: int) -> None:
        self._on_connected = on_connected
        self._decoder = FrameDecoder(max_frame_bytes=max_frame_bytes)
        self._transport: asyncio.Transport | None = None
        self._paused_by: set[int] = set()
        self._writable = asyncio.Event()
        self._writable.set()
        self._left: asyncio.Future[None] | None = None
        self._early: list[Frame] = []
        self._on_frame: Callable[[Frame], object] = self._early.append
        self.closed: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()

    @property
    def is_open(self) -> bool:
        """Return whether a frame that is sent now may still arrive."""
        return not self.closed.done()

    @property
    def fault(self) -> str | None:
        """Return what the peer did wrong, if that is why the stream has ended."""
        return self.closed.result() if self.closed.done() else None

    @property
    def is_writable(self) -> bool:
        """Return whether the peer keeps up: less than the high-water mark waits to be sent."""
        if self._left is None or self._transport is None:
            return self._writable.is_set()
        return self._transport.get_write_buffer_size() <= _HIGH_WATER_BYTES

    @property
    def is_reading(self) -> bool:
        """Return whether the peer's bytes are taken in."""
        return self._transport is not None and self._transport.is_reading()

    def receive_with(self, on_frame: Callable[[Frame], object]) -> None:
        """Hand every frame to `on_frame` from now on, first those that came before."""
        self._on_frame = on_frame
        early, self._early = self._early, []
        for frame in early:
            on_frame(frame)

    def hold(self) -> None:
        """Keep the frames that come until the next `receive_with`."""
        self._on_frame = self._early.append

    def send(self, frame: Frame) -> None:
        """Queue a frame behind those sent before; without effect once the stream has ended."""
        if self._transport is not None and self.is_open:
            self._transport.writelines(encode_frame(frame))

    async def drained(self) -> None:
        """Return when less than the high-water mark waits, or the stream has ended."""
        await self._writable.wait()

    def left(self) -> asyncio.Future[None] | None:
        """Return what is done when all that was sent has left this process; None when it has.

        Then the system keeps it for the worker, whatever becomes of this process.
        """
        transport = self._transport
        if transport is None or not self.is_open or not transport.get_write_buffer_size():
            return None
        if self._left is None:
            self._left = asyncio.get_running_loop().create_future()
            # Has `resume_writing` called when nothing waits.
            transport.set_write_buffer_limits(high=0)
        return self._left

    def pause_reading(self, why: object) -> None:
        """Read nothing more until the same `why` resumes: the peer's writes will block."""
        self._paused_by.add(id(why))
        if self._transport is not None and self.is_open and self._transport.is_reading():
            self._transport.pause_reading()

    def resume_reading(self, why: object) -> None:
        """Read again, unless somebody else wants a pause."""
        self._paused_by.discard(id(why))
        if self._transport is not None and self.is_open and not self._paused_by:
            self._transport.resume_reading()

    def close(self) -> None:
        """End the stream after what was sent."""
        if self._transport is not None:
            self._transport.close()

    def abort(self, reason: str) -> None:
        """End the stream at once, because of `reason`."""
        if not self.closed.done():
            self.closed.set_result(reason)
        if self._transport is not None:
            self._transport.abort()

    # ── asyncio calls these ──────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport over."""
        # uvloop's transports do what asyncio's do and are no subclass of them.
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=_HIGH_WATER_BYTES)
        self._on_connected(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end."""
        self._all_left()
        self._writable.set()
        if not self.closed.done():
            self.closed.set_result(None)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where the next bytes belong."""
        return self._decoder.get_buffer(sizehint)

    def buffer_updated(self, nbytes: int) -> None:
        """Hand out the frames that `nbytes` more bytes complete."""
        try:
            frames = self._decoder.buffer_updated(nbytes)
        except WireError as error:
            _LOG.warning("A worker sent what is no frame: %s", error)
            self.abort(f"The worker sent what is no frame: {error}")
            return
        for frame in frames:
            self._on_frame(frame)

    def eof_received(self) -> bool:
        """Close when the worker does."""
        return False

    def pause_writing(self) -> None:
        """Let senders wait."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Let senders go on."""
        if self._left is not None and self._transport is not None:
            self._all_left()
            self._transport.set_write_buffer_limits(high=_HIGH_WATER_BYTES)
        self._writable.set()

    def _all_left(self) -> None:
        left, self._left = self._left, None
        if left is not None:
            left.set_result(None)

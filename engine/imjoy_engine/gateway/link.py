"""Socket.IO as a `ClientLink`, and the server settings that big binary messages need.

python-socketio accepts per-message compression without a switch, queues without a bound and
handles every event in a task of its own. Here binary data is never compressed, a sender waits
while too much is queued, and frames are handled in the order of their coming.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import socketio
from aiohttp import web
from engineio.async_drivers import aiohttp as aiohttp_driver

from imjoy_engine.session.links import EVENT, LinkClosedError
from imjoy_wire.events import to_event
from imjoy_wire.frames import Frame

__all__ = ["EngineSocketServer", "SocketIOLink"]

_QUEUED_BYTES = 1 << 20


class _PlainWebSocket(aiohttp_driver.WebSocket):  # type: ignore[misc]  # untyped upstream
    """The driver's WebSocket without per-message compression."""

    async def __call__(self, environ: dict[str, Any]) -> web.WebSocketResponse:
        self._sock = web.WebSocketResponse(
            compress=False, max_msg_size=self.server.max_http_buffer_size
        )
        await self._sock.prepare(environ["aiohttp.request"])
        self.environ = environ
        await self.handler(self)
        return self._sock


class EngineSocketServer(socketio.AsyncServer):  # type: ignore[misc]  # untyped upstream
    """A Socket.IO server that keeps frames in order and lets slow requests run beside them."""

    def __init__(self, *, max_message_bytes: int, cors_allowed_origins: Any) -> None:
        super().__init__(
            async_mode="aiohttp",
            cors_allowed_origins=cors_allowed_origins,
            max_http_buffer_size=max_message_bytes,
            http_compression=False,
            ping_interval=25,
            ping_timeout=60,
            logger=False,
            engineio_logger=False,
        )
        self.eio._async = {**self.eio._async, "websocket": _PlainWebSocket}

    async def _handle_event(self, eio_sid: str, namespace: str, id: Any, data: list[Any]) -> None:
        # The base class reads the flag before it awaits anything. A frame is handled here and
        # now, so that a slow plugin slows the reading of this connection; everything else gets
        # a task, so that a request that takes long does not hold the frames back.
        self.async_handlers = not (data and data[0] == "frame")
        await super()._handle_event(eio_sid, namespace, id, data)


class SocketIOLink:
    """One Socket.IO connection as the session sees it."""

    def __init__(self, server: EngineSocketServer, sid: str) -> None:
        self._server = server
        self._sid = sid
        self._queued_bytes = 0
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def send(self, frame: Frame) -> None:
        """Send a frame as one event; a small one without buffers goes as text.

        A frame of kind "event" goes as the event that it names, so that any client understands it.
        """
        if frame.kind == EVENT and "n" not in frame.extra:
            payload = json.loads(bytes(frame.body))
            await self._emit(frame.extra["name"], payload, frame.payload_bytes)
            return
        header, body, *buffers = to_event(frame)
        # python-socketio takes nothing but bytes for binary.
        parts = [
            part if isinstance(part, bytes | str) else bytes(part) for part in (body, *buffers)
        ]
        await self._emit("frame", (header, *parts), frame.payload_bytes)

    async def close(self, reason: str) -> None:
        """Say why, then end the connection."""
        if not self.closed.done():
            await self._server.emit("closing", {"message": reason}, to=self._sid)
            await self._server.disconnect(self._sid)

    async def _emit(self, name: str, data: Any, size: int) -> None:
        if self.closed.done():
            raise LinkClosedError("The client is gone.")
        await self._server.emit(name, data, to=self._sid)
        self._queued_bytes += size
        if self._queued_bytes > _QUEUED_BYTES:
            await self._flushed()
            self._queued_bytes = 0

    async def _flushed(self) -> None:
        """Return when the connection's writer has taken everything; LinkClosedError if it ends."""
        try:
            eio_sid = self._server.manager.eio_sid_from_sid(self._sid, "/")
            socket = self._server.eio.sockets[eio_sid]
        except KeyError:
            raise LinkClosedError("The client is gone.") from None
        taken = asyncio.ensure_future(socket.queue.join())
        try:
            await asyncio.wait({taken, self.closed}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            taken.cancel()
        if self.closed.done():
            raise LinkClosedError("The client is gone.")

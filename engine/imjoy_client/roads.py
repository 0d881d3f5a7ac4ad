"""The two roads to the engine: a data channel, and Socket.IO when there is none."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import aiohttp
import socketio

from imjoy_wire.bundles import Bundles
from imjoy_wire.chunks import CUT_BYTES
from imjoy_wire.errors import WireError
from imjoy_wire.events import to_event
from imjoy_wire.frames import Frame, decode_frame, decode_frames, encode_frame
from imjoy_wire.limits import MAX_HEADER_BYTES

__all__ = ["DataChannel", "RoadClosedError", "open_channel", "send_by_socketio"]

_HELLO_S = 10.0
_MAX_MESSAGE_BYTES = CUT_BYTES + MAX_HEADER_BYTES + (64 << 10)


class RoadClosedError(ConnectionError):
    """This road has ended: what was to be sent goes over the next one."""


async def send_by_socketio(socket: Any, frame: Frame) -> None:
    """Send a frame as one Socket.IO event. Raises RoadClosedError."""
    header, body, *buffers = to_event(frame)
    parts = [part if isinstance(part, (bytes, str)) else bytes(part) for part in (body, *buffers)]
    try:
        # Not asked before: `connected` is still false in the handler of a connection that is back.
        await socket.emit("frame", (header, *parts))
    except socketio.exceptions.SocketIOError as error:
        raise RoadClosedError from error


class DataChannel:
    """An open data channel; `closed` is done when it has ended."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        loop = asyncio.get_running_loop()
        self._bundles = Bundles(socket.send_bytes, loop.call_soon, loop.time)
        self.closed: asyncio.Future[None] = loop.create_future()

    async def send(self, frame: Frame) -> None:
        """Send a frame, small ones of one turn of the loop together. Raises RoadClosedError."""
        if self._socket.closed:
            raise RoadClosedError
        try:
            await self._bundles.send(frame)
        except ConnectionError as error:
            raise RoadClosedError from error

    async def read(self, on_frame: Callable[[Frame], None]) -> None:
        """Hand every frame to `on_frame` until the channel ends."""
        try:
            async for message in self._socket:
                if message.type is aiohttp.WSMsgType.BINARY:
                    for frame in decode_frames(message.data):
                        on_frame(frame)
        except WireError:
            await self._socket.close(code=aiohttp.WSCloseCode.POLICY_VIOLATION)
        finally:
            self.closed.set_result(None)

    async def close(self) -> None:
        """End the channel."""
        await self._socket.close()


async def open_channel(web: aiohttp.ClientSession, url: str, ticket: str) -> DataChannel | None:
    """Return the data channel that the ticket opens, or None when it cannot be had."""
    try:
        socket = await web.ws_connect(url, max_msg_size=_MAX_MESSAGE_BYTES, compress=0)
        hello = Frame("", "", "hello", json.dumps({"ticket": ticket}).encode())
        await socket.send_bytes(b"".join(encode_frame(hello)))
        answer = await socket.receive(timeout=_HELLO_S)
    except (aiohttp.ClientError, OSError, TimeoutError):
        return None
    if answer.type is not aiohttp.WSMsgType.BINARY or decode_frame(answer.data).kind != "welcome":
        await socket.close()
        return None
    return DataChannel(socket)

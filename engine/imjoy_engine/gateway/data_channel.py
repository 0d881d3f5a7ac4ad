"""The data channel: a plain WebSocket that carries a session's frames, one or more a message.

Beside Socket.IO, which stays for requests and takes the frames back when this one breaks. A client
gets a one-time ticket by the event `open_channel`, connects to `/channel` and shows it in a first
frame of kind "hello"; after the engine's "welcome" frames go both ways. The session's numbers see
to it that nothing is lost or doubled when the road changes.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from imjoy_engine.errors import BadRequestError, ClientError, TokenError
from imjoy_engine.gateway.auth import check_origin
from imjoy_engine.ids import new_secret
from imjoy_engine.session import Session
from imjoy_engine.session.links import LinkClosedError
from imjoy_wire.bundles import Bundles
from imjoy_wire.chunks import CUT_BYTES
from imjoy_wire.errors import WireError
from imjoy_wire.frames import Frame, decode_frame, decode_frames
from imjoy_wire.limits import MAX_HEADER_BYTES

__all__ = ["DataChannelLink", "DataChannels"]

_LOG = logging.getLogger(__name__)
_TICKET_S = 30.0
_HELLO_S = 10.0
_REASON_BYTES = 120
MAX_MESSAGE_BYTES = CUT_BYTES + MAX_HEADER_BYTES + (64 << 10)
"""Of one WebSocket message: what is bigger comes in chunks."""


class DataChannelLink:
    """A WebSocket as a `ClientLink`."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self._socket = socket
        loop = asyncio.get_running_loop()
        self._bundles = Bundles(socket.send_bytes, loop.call_soon, time.monotonic)

    async def send(self, frame: Frame) -> None:
        """Send the frame, small ones of one turn of the loop together in one binary message."""
        if self._socket.closed:
            raise LinkClosedError("The client is gone.")
        try:
            await self._bundles.send(frame)
        except ConnectionError as error:
            raise LinkClosedError("The client is gone.") from error

    async def close(self, reason: str) -> None:
        """Close with the reason."""
        await _close(self._socket, WSCloseCode.GOING_AWAY, reason)


class DataChannels:
    """Give out tickets, and serve `/channel` to whoever shows one."""

    def __init__(self, allowed_origins: frozenset[str]) -> None:
        self._allowed_origins = allowed_origins
        self._tickets: dict[str, tuple[Session, asyncio.TimerHandle]] = {}
        self._open: set[web.WebSocketResponse] = set()

    def requests(self) -> dict[str, Callable[[Session, Mapping[str, Any]], dict[str, Any]]]:
        """Return the handler of `open_channel`."""
        return {"open_channel": self._issue}

    def routes(self, app: web.Application) -> None:
        """Serve `/channel`."""
        app.router.add_get("/channel", self._serve)

    async def close(self) -> None:
        """Close every channel, and forget the tickets."""
        for _, timer in self._tickets.values():
            timer.cancel()
        self._tickets.clear()
        for socket in list(self._open):
            await _close(socket, WSCloseCode.GOING_AWAY, "The engine stops.")

    def _issue(self, session: Session, _: Mapping[str, Any]) -> dict[str, Any]:
        if not session.numbered:
            raise BadRequestError(
                "A data channel needs numbered frames.",
                hint='Register with "delivery": 1, or go on over Socket.IO.',
            )
        ticket = new_secret()
        loop = asyncio.get_running_loop()
        timer = loop.call_later(_TICKET_S, self._tickets.pop, ticket, None)
        self._tickets[ticket] = (session, timer)
        return {"ticket": ticket, "path": "/channel"}

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        try:
            check_origin(
                request.headers.get("Origin"), request.headers.get("Host"), self._allowed_origins
            )
        except ClientError as error:
            return web.json_response(error.as_dict(), status=403)
        socket = web.WebSocketResponse(
            compress=False, max_msg_size=MAX_MESSAGE_BYTES, heartbeat=30.0
        )
        await socket.prepare(request)
        self._open.add(socket)
        try:
            session = await self._greet(socket)
            await self._carry(session, socket)
        except (WireError, TokenError) as error:
            await _close(socket, WSCloseCode.POLICY_VIOLATION, str(error))
        finally:
            self._open.discard(socket)
        return socket

    async def _greet(self, socket: web.WebSocketResponse) -> Session:
        """Return the session whose ticket the hello shows. Raises TokenError or WireError."""
        try:
            message = await socket.receive(timeout=_HELLO_S)
        except TimeoutError:
            raise TokenError("No hello came in time.") from None
        hello: Any = None
        if message.type is WSMsgType.BINARY:
            frame = decode_frame(message.data)
            if frame.kind == "hello":
                try:
                    hello = json.loads(bytes(frame.body))
                except ValueError:
                    hello = None
        ticket = hello.get("ticket") if isinstance(hello, dict) else None
        # A dictionary look-up is fine for a 256-bit value that is good for one use.
        entry = self._tickets.pop(ticket, None) if isinstance(ticket, str) else None
        if entry is None:
            raise TokenError("The ticket is unknown, was used before, or is too old.")
        session, timer = entry
        timer.cancel()
        return session

    async def _carry(self, session: Session, socket: web.WebSocketResponse) -> None:
        link = DataChannelLink(socket)
        await link.send(Frame("", "", "welcome", b"{}"))
        session.open_channel(link)
        try:
            async for message in socket:
                if message.type is WSMsgType.BINARY:
                    for frame in decode_frames(message.data):
                        await session.receive(frame)
                elif message.type is WSMsgType.TEXT:
                    raise TokenError("A data channel carries binary frames only.")
        finally:
            session.close_channel(link)


async def _close(socket: web.WebSocketResponse, code: int, reason: str) -> None:
    words = reason.encode()[:_REASON_BYTES].decode(errors="ignore").encode()
    await socket.close(code=code, message=words)

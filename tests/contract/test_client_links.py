"""What every road to a client keeps: order, bytes, room, and the word that it is gone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
import socketio
from aiohttp import web

from imjoy_engine.gateway.data_channel import DataChannelLink
from imjoy_engine.gateway.link import EngineSocketServer, SocketIOLink
from imjoy_engine.session.links import ClientLink, LinkClosedError, event_frame
from imjoy_wire.events import from_event
from imjoy_wire.frames import Frame, decode_frames


class Far:
    """The client's side of a link: the frames that came, and the ways to be a bad client."""

    def __init__(self) -> None:
        self.frames: asyncio.Queue[Frame] = asyncio.Queue()
        self.ended = asyncio.Event()

    async def next(self) -> Frame:
        return await asyncio.wait_for(self.frames.get(), 10)

    async def leave(self) -> None:
        raise NotImplementedError


class SocketIOFar(Far):
    def __init__(self) -> None:
        super().__init__()
        self.socket = socketio.AsyncClient(
            reconnection=False, websocket_extra_options={"max_msg_size": 0}
        )
        self.socket.on("frame", self._frame)
        self.socket.on("note", self._note)
        self.socket.on("disconnect", self._end)

    async def _frame(self, *arguments: Any) -> None:
        await self.frames.put(from_event(arguments))

    async def _note(self, payload: Any) -> None:
        await self.frames.put(event_frame("note", payload))

    async def _end(self, *_: Any) -> None:
        self.ended.set()

    async def leave(self) -> None:
        await self.socket.disconnect()


class WebSocketFar(Far):
    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        super().__init__()
        self.socket = socket
        self.task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for message in self.socket:
            for frame in decode_frames(message.data):
                await self.frames.put(frame)
        self.ended.set()

    async def leave(self) -> None:
        await self.socket.close()
        await self.task


@asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def over_socketio() -> AsyncIterator[tuple[ClientLink, Far]]:
    server = EngineSocketServer(max_message_bytes=1 << 28, cors_allowed_origins=None)
    links: asyncio.Queue[SocketIOLink] = asyncio.Queue()
    live: dict[str, SocketIOLink] = {}

    async def connected(sid: str, *_: Any) -> None:
        live[sid] = SocketIOLink(server, sid)
        await links.put(live[sid])

    async def disconnected(sid: str, *_: Any) -> None:
        live[sid].closed.set_result(None)

    server.on("connect", connected)
    server.on("disconnect", disconnected)
    app = web.Application()
    server.attach(app)
    async with served(app) as url:
        far = SocketIOFar()
        await far.socket.connect(url, transports=["websocket"])
        try:
            yield await links.get(), far
        finally:
            await far.leave()
            await server.shutdown()


@asynccontextmanager
async def over_data_channel() -> AsyncIterator[tuple[ClientLink, Far]]:
    links: asyncio.Queue[DataChannelLink] = asyncio.Queue()

    async def channel(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        await links.put(DataChannelLink(socket))
        async for _ in socket:
            pass
        return socket

    app = web.Application()
    app.router.add_get("/channel", channel)
    async with (
        served(app) as url,
        aiohttp.ClientSession() as client,
        client.ws_connect(f"{url}/channel", max_msg_size=0) as socket,
    ):
        far = WebSocketFar(socket)
        try:
            yield await links.get(), far
        finally:
            await far.leave()


ROADS = {"socketio": over_socketio, "data channel": over_data_channel}


@pytest.fixture(params=list(ROADS))
async def road(request: pytest.FixtureRequest) -> AsyncIterator[tuple[ClientLink, Far]]:
    async with ROADS[request.param]() as ends:
        yield ends


Road = tuple[ClientLink, Far]


async def test_frames_arrive_in_order_as_they_were(road: Road) -> None:
    link, far = road
    frames = [
        Frame("b", "w", "rpc", b'{"type":"log"}'),
        Frame("b", "w", "rpc", b"\xff not text", (b"", b"\x00\xff" * 1000), {"n": 3}),
        Frame("b", "w", "rpc", '{"snow":"☃"}'.encode(), (bytearray(70_000), memoryview(b"xyz"))),
        Frame("b", "w", "rpc", b" " * 200_000),
    ]
    for frame in frames:
        await link.send(frame)
    for frame in frames:
        got = await far.next()
        assert got[:3] == frame[:3]
        assert bytes(got.body) == bytes(frame.body)
        assert [bytes(part) for part in got.buffers] == [bytes(part) for part in frame.buffers]
        assert dict(got.extra) == dict(frame.extra)


async def test_an_event_arrives_with_its_name(road: Road) -> None:
    link, far = road
    await link.send(event_frame("note", {"words": "hello"}))
    got = await far.next()
    assert got.kind == "event"
    assert got.extra["name"] == "note"
    assert json.loads(bytes(got.body)) == {"words": "hello"}


async def test_many_frames_keep_their_order(road: Road) -> None:
    link, far = road
    for number in range(500):
        await link.send(Frame("b", "w", "rpc", b"%d" % number, (bytes(10),) * (number % 2)))
    assert [int(bytes((await far.next()).body)) for _ in range(500)] == list(range(500))


async def test_a_client_that_left_is_said_so(road: Road) -> None:
    link, far = road
    await far.leave()

    async def send_on() -> None:
        while True:
            await link.send(Frame("b", "w", "rpc", b"", (bytes(1 << 20),)))

    with pytest.raises(LinkClosedError):
        await asyncio.wait_for(send_on(), 10)


async def test_closing_ends_the_clients_side(road: Road) -> None:
    link, far = road
    await link.close("The engine stops.")
    await asyncio.wait_for(far.ended.wait(), 10)

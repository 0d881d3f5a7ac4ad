"""The two roads to the engine."""

from __future__ import annotations

import aiohttp
import pytest
import socketio
from aiohttp import web

from imjoy_client.roads import RoadClosedError, open_channel, send_by_socketio
from imjoy_wire.frames import Frame, decode_frame, encode_frame


class Socket:
    """A Socket.IO client of which only `emit` is used."""

    def __init__(self, error=None):
        self.error = error
        self.emitted = []

    async def emit(self, *arguments):
        if self.error is not None:
            raise self.error
        self.emitted.append(arguments)


async def test_a_frame_is_one_event():
    socket = Socket()
    await send_by_socketio(socket, Frame("w", "c", "rpc", b"{}", [memoryview(b"ab")]))
    ((name, (header, body, buffer)),) = socket.emitted
    assert (name, header["to"], body, buffer) == ("frame", "w", b"{}", b"ab")


async def test_a_socket_that_is_not_connected_is_a_closed_road():
    closed = Socket(socketio.exceptions.BadNamespaceError("/ is not a connected namespace."))
    with pytest.raises(RoadClosedError):
        await send_by_socketio(closed, Frame("w", "c", "rpc", b"{}"))


async def channel_to(handler, test):
    """Run the test with a data channel, or None, to a server that does as the handler says."""
    application = web.Application()
    application.router.add_get("/channel", handler)
    runner = web.AppRunner(application, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    async with aiohttp.ClientSession() as session:
        channel = await open_channel(session, f"http://{host}:{port}/channel", "t1")
        await test(channel)
        if channel is not None:
            await channel.close()
    await runner.cleanup()


def frames(*kinds):
    return [b"".join(encode_frame(Frame("c", "w", kind))) for kind in kinds]


def server(*answers):
    """Return a handler that hears hello, sends these, and hangs up."""

    async def handle(request):
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        hello = decode_frame((await socket.receive()).data)
        assert (hello.kind, bytes(hello.body)) == ("hello", b'{"ticket": "t1"}')
        for answer in answers:
            await socket.send_bytes(answer)
        await socket.close()
        return socket

    return handle


async def test_frames_come_until_the_channel_ends():
    async def test(channel):
        came = []
        await channel.read(came.append)
        assert [frame.kind for frame in came] == ["rpc", "rpc"]
        assert channel.closed.done()
        with pytest.raises(RoadClosedError):
            await channel.send(Frame("w", "c", "rpc"))

    await channel_to(server(*frames("welcome", "rpc", "rpc")), test)


async def test_what_is_no_frame_ends_the_channel():
    async def test(channel):
        came = []
        await channel.read(came.append)
        assert came == []

    await channel_to(server(*frames("welcome"), b"nonsense"), test)


async def test_a_channel_that_is_not_welcome_is_none():
    async def test(channel):
        assert channel is None

    await channel_to(server(*frames("refused")), test)

    async def refuse(_):
        return web.Response(status=404)

    await channel_to(refuse, test)

"""The floor: an opaque relay between one client and a bare worker, as small as can be.

    client ──WebSocket or Socket.IO──▶ relay ──Unix socket──▶ worker (floor_worker.py) ──▶ back

Run as `python floor_relay.py websocket|socketio|socketio-text`: prints its port, and ends when its
standard input does. Big messages come in pieces of 512 KiB, which it does not know.
"""

import asyncio
import contextlib
import functools
import sys
import tempfile
from pathlib import Path

import engineio.async_drivers.aiohttp as socketio_driver
import socketio
from aiohttp import web

WORKER = Path(__file__).with_name("floor_worker.py")
PLAIN_WEBSOCKET = functools.partial(web.WebSocketResponse, compress=False)
READ_AHEAD_BYTES = 1 << 20
JOINED_BYTES = 16 << 10


async def message_from(reader):
    size = int.from_bytes(await reader.readexactly(4), "big")
    return await reader.readexactly(size)


def send(writer, message):
    prefix = len(message).to_bytes(4, "big")
    if len(message) > JOINED_BYTES:
        writer.write(prefix)
        writer.write(message)
    else:
        writer.write(prefix + message)


def websocket_front(app, reader, writer):
    async def relay(request):
        socket = PLAIN_WEBSOCKET(max_msg_size=0)
        await socket.prepare(request)

        async def back():
            with contextlib.suppress(asyncio.IncompleteReadError):
                while True:
                    await socket.send_bytes(await message_from(reader))

        task = asyncio.create_task(back())
        async for message in socket:
            send(writer, message.data)
            await writer.drain()
        task.cancel()
        return socket

    app.router.add_get("/", relay)


def socketio_front(app, reader, writer, text):
    socketio_driver.WebSocketResponse = PLAIN_WEBSOCKET
    server = socketio.AsyncServer(
        async_mode="aiohttp", async_handlers=not text, max_http_buffer_size=1 << 30
    )

    async def back(sid):
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                message = await message_from(reader)
                await server.emit("frame", message.decode() if text else message, to=sid)

    async def connected(sid, _environ):
        server.start_background_task(back, sid)

    async def frame(_sid, message):
        send(writer, message.encode() if text else message)
        await writer.drain()

    server.on("connect", connected)
    server.on("frame", frame)
    server.attach(app)


async def main(front):
    app = web.Application()
    with tempfile.TemporaryDirectory(prefix="ij-") as directory:
        path = f"{directory}/worker"
        arrived = asyncio.get_running_loop().create_future()
        listener = await asyncio.start_unix_server(
            lambda *ends: arrived.set_result(ends), path, limit=READ_AHEAD_BYTES
        )
        process = await asyncio.create_subprocess_exec(sys.executable, str(WORKER), path)
        reader, writer = await arrived
        if front == "websocket":
            websocket_front(app, reader, writer)
        else:
            socketio_front(app, reader, writer, text=front == "socketio-text")
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        print(runner.addresses[0][1], flush=True)
        await asyncio.to_thread(sys.stdin.read)
        writer.close()
        listener.close()
        await process.wait()
        await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))

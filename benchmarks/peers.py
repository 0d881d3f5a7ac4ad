"""What is measured: the floors and the engine, each as a coroutine that makes one round trip."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import socketio

import imjoy_client

Call = Callable[[], Awaitable[None]]

START_S = 120.0
STOP_S = 20.0
ECHO = """
from imjoy import api

class Echo:
    def setup(self):
        pass

    async def echo(self, value):
        return value

api.export(Echo())
"""
FLOOR_RELAY = Path(__file__).with_name("floor_relay.py")


@asynccontextmanager
async def process(*arguments: str, **options) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a Python process while the block runs; it is asked to end, then made to."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        **options,
    )
    try:
        yield child
    finally:
        child.stdin.close()
        if child.returncode is None and "imjoy_engine" in arguments:
            child.terminate()
        try:
            async with asyncio.timeout(STOP_S):
                await child.wait()
        except TimeoutError:
            child.kill()
            await child.wait()


@asynccontextmanager
async def floor(message: bytes) -> AsyncIterator[Call]:
    """The floor: a plain WebSocket in front of the opaque relay."""
    async with AsyncExitStack() as stack:
        port = await _started_floor(stack, "websocket")
        session = await stack.enter_async_context(aiohttp.ClientSession())
        link = await stack.enter_async_context(
            session.ws_connect(f"ws://127.0.0.1:{port}/", max_msg_size=0)
        )

        async def call() -> None:
            await link.send_bytes(message)
            answer = await link.receive_bytes()
            if answer != message:
                raise AssertionError("The floor gave back something else.")

        yield call


@asynccontextmanager
async def socketio_floor(message: bytes, *, text: bool = False) -> AsyncIterator[Call]:
    """The same relay with python-socketio in front, with small messages as text if asked."""
    async with AsyncExitStack() as stack:
        port = await _started_floor(stack, "socketio-text" if text else "socketio")
        client = socketio.AsyncClient(
            reconnection=False, websocket_extra_options={"max_msg_size": 0}
        )
        answers: asyncio.Queue[bytes | str] = asyncio.Queue()
        client.on("frame", answers.put_nowait)
        await client.connect(f"http://127.0.0.1:{port}", transports=["websocket"])
        stack.push_async_callback(client.disconnect)
        sent = message.decode() if text else message

        async def call() -> None:
            await client.emit("frame", sent)
            if await answers.get() != sent:
                raise AssertionError("The floor gave back something else.")

        yield call


async def _started_floor(stack: AsyncExitStack, front: str) -> int:
    child = await stack.enter_async_context(process(str(FLOOR_RELAY), front))
    async with asyncio.timeout(START_S):
        return int(await child.stdout.readline())


@asynccontextmanager
async def engine() -> AsyncIterator[tuple[str, str]]:
    """Run a real engine of its own and give its URL and token."""
    with tempfile.TemporaryDirectory(prefix="ij-") as directory:
        arguments = ("-m", "imjoy_engine", "--port", "0", "--workspace", directory)
        store = {"IMJOY_ENGINE_STORE": str(Path(directory) / ".store")}
        async with process(*arguments, env={**os.environ, **store}) as child:
            async with asyncio.timeout(START_S):
                while "/#token=" not in (line := (await child.stdout.readline()).decode()):
                    if not line:
                        raise RuntimeError("The engine did not start; see its words above.")
            url, _, token = line.strip().partition("/#token=")
            reading = asyncio.create_task(_drain(child.stdout))
            try:
                yield url, token
            finally:
                reading.cancel()


@asynccontextmanager
async def engine_echo(url: str, token: str, *, data_channel: bool) -> AsyncIterator[Call]:
    """A client of a running engine that calls a plugin's `echo`."""
    async with imjoy_client.connect(url, token, data_channel=data_channel) as client:
        config = {"name": f"Echo {data_channel}", "type": "native-python", "requirements": []}
        plugin = await client.start_plugin(config, script=ECHO)

        async def call() -> None:
            if await plugin.echo({"x": 1}) != {"x": 1}:
                raise AssertionError("The plugin gave back something else.")

        async with asyncio.timeout(START_S):
            while client.has_data_channel != data_channel:
                await call()  # the client changes over while it already works
        yield call


async def _drain(stream: asyncio.StreamReader) -> None:
    while await stream.read(1 << 16):
        pass

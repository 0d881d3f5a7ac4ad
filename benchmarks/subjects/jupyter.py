"""Jupyter: jupyter_server, two ipykernel kernels, and comm messages over the kernels' WebSockets.

At its best: limits of size and rate off, and TCP_NODELAY on (`jupyter_launch.py`).
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import tempfile
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
import numpy as np

from benchmarks.subjects.calls import Calls
from benchmarks.subjects.processes import START_S, drained, free_port, process

TOKEN = "benchmark"
PROTOCOL = "v1.kernel.websocket.jupyter.org"
WORD_BYTES = 8

KERNEL = """
def opened(comm, _):
    left = 0

    @comm.on_msg
    def came(message):
        nonlocal left
        data = message["content"]["data"]
        if data["do"] == "echo":
            comm.send({"id": data["id"], "value": data["value"]}, buffers=message["buffers"])
        elif data["do"] == "call back":
            left = data["count"]
            comm.send({"callback": 1})
        elif left > 1:
            left -= 1
            comm.send({"callback": 1})
        else:
            comm.send({"id": data["id"]})

get_ipython().kernel.comm_manager.register_target("benchmark", opened)
"""


def packed(kind: str, content: dict[str, Any], buffers: list[Any]) -> bytes:
    """Return a message on the shell channel, as the server's protocol has it."""
    header = {"msg_id": uuid.uuid4().hex, "msg_type": kind, "version": "5.3", "session": "s"}
    header |= {"username": "u", "date": "2020-01-01T00:00:00Z"}
    parts = [b"shell", *(json.dumps(part).encode() for part in (header, {}, {}, content)), *buffers]
    ends = itertools.accumulate(
        (memoryview(part).nbytes for part in parts), initial=WORD_BYTES * (len(parts) + 2)
    )
    words = [len(parts) + 1, *ends]
    return b"".join([*(word.to_bytes(WORD_BYTES, "little") for word in words), *parts])


def unpacked(message: bytes) -> tuple[str, dict[str, Any], list[memoryview]]:
    """Return the kind, the content and the buffers of a message."""
    view = memoryview(message)
    words = np.frombuffer(message, np.uint64, int.from_bytes(view[:WORD_BYTES], "little") + 1)
    ends = [int(word) for word in words[1:]]
    parts = [view[start:end] for start, end in itertools.pairwise(ends)]
    header = json.loads(bytes(parts[1]))
    return header["msg_type"], json.loads(bytes(parts[4])), parts[5:]


class Kernel:
    """One kernel's WebSocket with a comm on it."""

    def __init__(
        self, socket: aiohttp.ClientWebSocketResponse, delete: Callable[[], Awaitable[None]]
    ) -> None:
        self._socket = socket
        self._delete = delete
        self._numbers = itertools.count()
        self._waiting: dict[int, asyncio.Future[list[memoryview]]] = {}
        self.callbacks = 0
        self.reading = asyncio.ensure_future(self._read())

    async def begin(self) -> None:
        await self._send("execute_request", {"code": KERNEL, "silent": True})
        await self._send("comm_open", {"comm_id": "c", "target_name": "benchmark", "data": {}})

    async def stop(self) -> None:
        """Return when the server has ended it."""
        await self._delete()
        self.reading.cancel()
        await self._socket.close()

    async def ask(self, do: str, buffers: tuple[Any, ...] = (), **data: Any) -> Any:
        number = next(self._numbers)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._say({"do": do, "id": number, **data}, *buffers)
        done, _ = await asyncio.wait({answer, self.reading}, return_when="FIRST_COMPLETED")
        if answer not in done:
            raise ConnectionError(f"the connection was lost ({self._socket.close_code})")
        return answer.result()

    async def _say(self, data: dict[str, Any], *buffers: Any) -> None:
        await self._send("comm_msg", {"comm_id": "c", "data": data}, *buffers)

    async def _send(self, kind: str, content: dict[str, Any], *buffers: Any) -> None:
        await self._socket.send_bytes(packed(kind, content, list(buffers)))

    async def _read(self) -> None:
        last = 0
        async for message in self._socket:
            kind, content, buffers = unpacked(message.data)
            if kind != "comm_msg":
                continue
            data = content["data"]
            if "callback" in data:
                self.callbacks += 1
                await self._say({"do": "called", "id": last})
            else:
                self._waiting.pop(data["id"]).set_result(buffers)
            last = max(self._waiting, default=0)


class Jupyter(Calls):
    def __init__(self, kernel: Kernel, other: Kernel, middle_pid: int) -> None:
        self._kernel = kernel
        self._other = other
        self.middle_pid = middle_pid

    async def call(self) -> None:
        await self._kernel.ask("echo", value={"x": 1})

    async def beside(self) -> None:
        await self._other.ask("echo", value={"x": 1})

    async def array(self, array: Any) -> Any:
        (buffer,) = await self._kernel.ask("echo", (memoryview(array).cast("B"),), value=None)
        return np.frombuffer(buffer, array.dtype)

    async def callbacks(self, count: int) -> None:
        before = self._kernel.callbacks
        await self._kernel.ask("call back", count=count)
        if self._kernel.callbacks - before != count:
            raise AssertionError(f"{self._kernel.callbacks - before} callbacks came, not {count}.")

    async def between(self, size: int) -> float:
        raise NotImplementedError("kernels cannot call each other")


class Host:
    """A server whose kernels start, and stop."""

    def __init__(self, web: aiohttp.ClientSession, url: str, pid: int) -> None:
        self._web = web
        self._url = f"{url}/api/kernels"
        self.middle_pid = pid

    async def start(self) -> Kernel:
        async with self._web.post(self._url, json={}) as answer:
            answer.raise_for_status()
            address = f"{self._url}/{(await answer.json())['id']}"
        socket = await self._web.ws_connect(
            f"{address}/channels", protocols=(PROTOCOL,), max_msg_size=0
        )
        kernel = Kernel(socket, lambda: self._delete(address))
        await kernel.begin()
        await kernel.ask("echo", value={"x": 1})
        return kernel

    async def _delete(self, address: str) -> None:
        async with self._web.delete(address) as answer:
            answer.raise_for_status()


@asynccontextmanager
async def hosting(*, best: bool) -> AsyncIterator[Host]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    async with AsyncExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="ij-"))
        module = "benchmarks.subjects.jupyter_launch" if best else "jupyter_server"
        options = {"port": port, "token": TOKEN, "ip": "127.0.0.1", "root_dir": directory}
        server = await stack.enter_async_context(
            process(
                *("-m", module, "--no-browser", "--allow-root"),
                *(f"--ServerApp.{key}={value}" for key, value in options.items()),
                terminate=True,
                env={**os.environ, "JUPYTER_RUNTIME_DIR": directory, "HOME": directory},
            )
        )
        await stack.enter_async_context(drained(server.stdout))
        headers = {"Authorization": f"token {TOKEN}"}
        web = await stack.enter_async_context(aiohttp.ClientSession(headers=headers))
        await _answers(web, f"{url}/api/status")
        yield Host(web, url, server.pid)


@asynccontextmanager
async def opened(*, best: bool) -> AsyncIterator[Jupyter]:
    async with hosting(best=best) as host:
        kernels = [await host.start(), await host.start()]
        try:
            yield Jupyter(*kernels, host.middle_pid)
        finally:
            for kernel in kernels:
                kernel.reading.cancel()


async def _answers(web: aiohttp.ClientSession, url: str) -> None:
    """Return when a server answers."""
    async with asyncio.timeout(START_S):
        while True:
            try:
                async with web.get(url) as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)

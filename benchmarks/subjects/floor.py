"""The floor: a plain WebSocket in front of the opaque relay (floor_relay.py, floor_worker.py)."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import numpy as np

from benchmarks.subjects.processes import line_with, process

RELAY = Path(__file__).parents[1] / "floor_relay.py"
PIECE_BYTES = 512 * 1024

MESSAGE = (
    b'e{"to":"w_1f2e3d4c5b6a7988","from":"b_8899aabbccddeeff","kind":"rpc","sizes":[300],"n":12345}'
    b'{"type":"method","target_id":"w_1f2e3d4c5b6a7988","object_id":"interface1f2e3d4c","name":'
    b'"echo","args":[{"x":1}],"with_kwargs":false,"promise":[{"_rtype":"callback","_rtarget_id":'
    b'"b_8899aabbccddeeff","_rvalue":"p12:resolve"},{"_rtype":"callback","_rtarget_id":'
    b'"b_8899aabbccddeeff","_rvalue":"p12:reject"}],"released":[]}'
)
"""A call of `echo` with {"x": 1}, as large as a client's frame for it."""


class Floor:
    def __init__(self, socket: aiohttp.ClientWebSocketResponse, middle_pid: int) -> None:
        self._socket = socket
        self._turn = asyncio.Lock()
        self.middle_pid = middle_pid

    async def call(self) -> None:
        await self._socket.send_bytes(MESSAGE)
        if await self._socket.receive_bytes() != MESSAGE:
            raise AssertionError("The floor gave back something else.")

    async def beside(self) -> None:
        """One answer after the other: what goes beside an array waits for its end."""
        async with self._turn:
            await self.call()

    async def in_flight(self, calls: int, width: int) -> None:
        """As many callers, each of whom waits for its own answer: they come in order."""
        left = iter(range(calls))
        waiting: deque[asyncio.Future[bytes]] = deque()
        loop = asyncio.get_running_loop()

        async def caller() -> None:
            for _ in left:
                answer = loop.create_future()
                waiting.append(answer)
                await self._socket.send_bytes(MESSAGE)
                if await answer != MESSAGE:
                    raise AssertionError("The floor gave back something else.")

        async def read() -> None:
            for _ in range(calls):
                message = await self._socket.receive_bytes()
                waiting.popleft().set_result(message)

        await asyncio.gather(read(), *(caller() for _ in range(width)))

    async def array(self, array: np.ndarray) -> np.ndarray:
        async with self._turn:
            return await self._transferred(array)

    async def _transferred(self, array: np.ndarray) -> np.ndarray:
        await self._socket.send_bytes(b"a%d" % array.nbytes)
        view = memoryview(array).cast("B")
        for start in range(0, len(view), PIECE_BYTES):
            await self._socket.send_bytes(view[start : start + PIECE_BYTES])
        back = memoryview(bytearray(len(view)))
        done = 0
        while done < len(view):
            piece = await self._socket.receive_bytes()
            back[done : done + len(piece)] = piece
            done += len(piece)
        return np.frombuffer(back, array.dtype)

    async def between(self, size: int) -> float:
        """The way from plugin to plugin is compared with the one to the client and back."""
        array = np.ones(size // 4, np.float32)
        start = time.perf_counter()
        await self.array(array)
        return time.perf_counter() - start

    async def callbacks(self, count: int) -> None:
        await self._socket.send_bytes(b"c%d" % count)
        while await self._socket.receive_bytes() == b"c":
            await self._socket.send_bytes(b"e")


@asynccontextmanager
async def opened() -> AsyncIterator[Floor]:
    async with process(str(RELAY), "websocket") as relay:
        port = await line_with(relay, "")
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"ws://127.0.0.1:{port}/", max_msg_size=0) as socket,
        ):
            yield Floor(socket, relay.pid)

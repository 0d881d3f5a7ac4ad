"""The same relay with python-socketio in front, with small messages as text if asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import socketio

from benchmarks.subjects.calls import Calls
from benchmarks.subjects.floor import MESSAGE, RELAY
from benchmarks.subjects.processes import line_with, process


class SocketIOFloor(Calls):
    def __init__(self, client: socketio.AsyncClient, text: bool, middle_pid: int) -> None:
        self._client = client
        self._text = text
        self._answers: asyncio.Queue[bytes | str] = asyncio.Queue()
        self.middle_pid = middle_pid
        client.on("frame", self._answers.put_nowait)

    async def _send(self, message: bytes) -> None:
        await self._client.emit("frame", message.decode() if self._text else message)

    async def _receive(self) -> bytes:
        answer = await self._answers.get()
        return answer.encode() if isinstance(answer, str) else answer

    async def call(self) -> None:
        await self._send(MESSAGE)
        if await self._receive() != MESSAGE:  # in flight, answers come in order and are all alike
            raise AssertionError("The floor gave back something else.")

    async def callbacks(self, count: int) -> None:
        await self._send(b"c%d" % count)
        while await self._receive() == b"c":
            await self._send(b"e")


@asynccontextmanager
async def opened(*, text: bool = False) -> AsyncIterator[SocketIOFloor]:
    async with process(str(RELAY), "socketio-text" if text else "socketio") as relay:
        port = await line_with(relay, "")
        client = socketio.AsyncClient(
            reconnection=False, websocket_extra_options={"max_msg_size": 0}
        )
        floor = SocketIOFloor(client, text, relay.pid)
        await client.connect(f"http://127.0.0.1:{port}", transports=["websocket"])
        try:
            yield floor
        finally:
            await client.disconnect()

"""A client of Socket.IO as it was (protocol 4, over Engine.IO 3): one WebSocket, nothing else.

Packets are text: 0 open, 2 ping, 42 event, 43 answer; 45 and 46 are the same with as many binary
attachments as the number before the dash says. Those come as messages of their own, each with a 4
before it. https://github.com/socketio/socket.io-protocol/tree/v4
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

PING_S = 20.0
_PACKET = re.compile(r"4([2356])(?:(\d+)-)?(\d*)(\[.*)", re.DOTALL)


class OldSocketIO:
    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count()
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._heard: dict[str, Callable[[Any], None]] = {}
        self._connected = asyncio.get_running_loop().create_future()
        self._reading = asyncio.ensure_future(self._read())
        self._pinging = asyncio.ensure_future(self._ping())

    def on(self, event: str, function: Callable[[Any], None]) -> None:
        self._heard[event] = function

    async def ask(self, event: str, value: Any) -> Any:
        """Return what the server's handler gives back."""
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self.emit(event, value, str(number))
        return await self.outcome(answer)

    async def outcome(self, answer: asyncio.Future[Any]) -> Any:
        """Return what an answer comes to. Raises ConnectionError when the connection ends first."""
        await asyncio.wait({answer, self._reading}, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            raise ConnectionError(f"the connection was lost ({self._socket.close_code})")
        return answer.result()

    async def connected(self) -> None:
        """Return when the server has taken this client in."""
        await self.outcome(self._connected)

    def close(self) -> None:
        self._reading.cancel()
        self._pinging.cancel()

    async def emit(self, event: str, value: Any, number: str = "") -> None:
        buffers: list[bytes] = []
        text = json.dumps([event, _without_bytes(value, buffers)])
        kind = f"45{len(buffers)}-" if buffers else "42"
        await self._socket.send_str(f"{kind}{number}{text}")
        for buffer in buffers:
            await self._socket.send_bytes(b"\x04" + buffer)

    async def _read(self) -> None:
        async for message in self._socket:
            packet = _PACKET.match(message.data)
            if packet is None:
                if message.data.startswith("40"):
                    self._connected.set_result(None)
                continue
            kind, attached, number, text = packet.groups()
            value = json.loads(text)
            if attached:
                buffers = [(await self._socket.receive_bytes())[1:] for _ in range(int(attached))]
                value = _with_bytes(value, buffers)
            if kind in "36":
                self._answers.pop(int(number)).set_result(value[0] if value else None)
            elif value[0] in self._heard:
                self._heard[value[0]](value[1])

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(PING_S)
            await self._socket.send_str("2")


@asynccontextmanager
async def old_socketio(url: str, *, compress: bool) -> AsyncIterator[OldSocketIO]:
    """Be connected while the block runs."""
    address = f"{url}/socket.io/?EIO=3&transport=websocket"
    options = {"max_msg_size": 0, "compress": 15 if compress else 0}
    async with (
        aiohttp.ClientSession() as web,
        web.ws_connect(address, **options) as socket,
    ):
        client = OldSocketIO(socket)
        try:
            await client.connected()
            yield client
        finally:
            client.close()


def _without_bytes(value: Any, buffers: list[bytes]) -> Any:
    if isinstance(value, bytes):
        buffers.append(value)
        return {"_placeholder": True, "num": len(buffers) - 1}
    if isinstance(value, dict):
        return {key: _without_bytes(each, buffers) for key, each in value.items()}
    if isinstance(value, list):
        return [_without_bytes(each, buffers) for each in value]
    return value


def _with_bytes(value: Any, buffers: list[bytes]) -> Any:
    if isinstance(value, dict):
        if value.get("_placeholder"):
            return buffers[value["num"]]
        return {key: _with_bytes(each, buffers) for key, each in value.items()}
    if isinstance(value, list):
        return [_with_bytes(each, buffers) for each in value]
    return value

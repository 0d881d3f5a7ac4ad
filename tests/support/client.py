"""A Socket.IO client that speaks the documented events by hand, as a stranger's would."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import socketio

from support.engine import EngineProcess

ANSWER_S = 30.0


class Stranger:
    """A connected client; everything that came is kept and can be waited for."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []
        self.frames: list[tuple[dict[str, Any], Any, list[bytes]]] = []
        self.disconnected = asyncio.Event()
        self._news = asyncio.Condition()
        self._socket = socketio.AsyncClient(
            reconnection=False, websocket_extra_options={"max_msg_size": 0}
        )
        self._socket.on("frame", self._on_frame)
        self._socket.on("disconnect", self._on_disconnect)
        for name in ("plugin_event", "client_error", "closing"):
            self._socket.on(name, self._keeper(name))

    def _keeper(self, name: str) -> Any:
        async def keep(payload: Any) -> None:
            async with self._news:
                self.events.append((name, payload))
                self._news.notify_all()

        return keep

    async def _on_frame(self, header: Any, body: Any, *buffers: bytes) -> None:
        async with self._news:
            self.frames.append((header, body, list(buffers)))
            self._news.notify_all()

    async def _on_disconnect(self, *_: Any) -> None:
        self.disconnected.set()

    async def connect(self, url: str) -> None:
        await self._socket.connect(url, transports=["websocket"], wait_timeout=10)

    async def close(self) -> None:
        await self._socket.disconnect()

    async def ask(self, event: str, payload: Any = None) -> dict[str, Any]:
        """Return the ack of an event."""
        answer = await self._socket.call(event, payload, timeout=ANSWER_S)
        assert isinstance(answer, dict)
        return answer

    async def tell(self, event: str, *arguments: Any) -> None:
        await self._socket.emit(event, arguments)

    async def register(self, token: str, **payload: Any) -> dict[str, Any]:
        return await self.ask("register_client", {"id": "test", "token": token, **payload})

    async def send(
        self, sender: str, to: str, message: Any, *buffers: bytes, kind: str = "rpc"
    ) -> None:
        header = {"to": to, "from": sender, "kind": kind}
        await self.tell("frame", header, json.dumps(message), *buffers)

    async def event(self, name: str, **wanted: Any) -> Any:
        """Return the first such event with the wanted values, when it has come."""

        def find() -> Any:
            for event, payload in self.events:
                if event == name and all(payload.get(k) == v for k, v in wanted.items()):
                    return payload
            return None

        return await self._found(find, f"{name} {wanted}")

    async def frame(self, kind: str = "rpc", **wanted: Any) -> tuple[dict[str, Any], list[bytes]]:
        """Return message and buffers of the first such frame, when it has come."""

        def find() -> Any:
            for header, body, buffers in self.frames:
                if header["kind"] != kind:
                    continue
                message = json.loads(body)
                if all(message.get(key) == value for key, value in wanted.items()):
                    return message, buffers
            return None

        found = await self._found(find, f"frame {kind} {wanted}")
        assert isinstance(found, tuple)
        return found

    async def _found(self, find: Any, what: str) -> Any:
        try:
            async with asyncio.timeout(ANSWER_S), self._news:
                await self._news.wait_for(lambda: find() is not None)
        except TimeoutError:
            raise AssertionError(
                f"never came: {what}; came: {self.events[-20:]} {self.frames[-5:]}"
            ) from None
        return find()


@asynccontextmanager
async def stranger(
    engine: EngineProcess, *, register: bool = True, **payload: Any
) -> AsyncIterator[Stranger]:
    """Be connected to the engine, and registered unless told otherwise."""
    client = Stranger()
    await client.connect(engine.url)
    try:
        if register:
            answer = await client.register(engine.token, **payload)
            assert answer["success"], answer
        yield client
    finally:
        await client.close()

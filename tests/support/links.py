"""A client as the session sees it: remembers what it was sent, and can be cut or held."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from imjoy_engine.session.links import EVENT, LinkClosedError
from imjoy_wire.frames import Frame


class FakeLink:
    """A ClientLink whose deliveries a test can wait for."""

    def __init__(self) -> None:
        self.received: list[Frame] = []
        self.closed_because: str | None = None
        self._open = True
        self._room = asyncio.Event()
        self._room.set()
        self._arrived = asyncio.Condition()

    def hold(self) -> None:
        """Take nothing more until `release`."""
        self._room.clear()

    def release(self) -> None:
        self._room.set()

    def cut(self) -> None:
        self._open = False
        self._room.set()

    async def send(self, frame: Frame) -> None:
        await self._room.wait()
        if not self._open:
            raise LinkClosedError
        async with self._arrived:
            self.received.append(frame)
            self._arrived.notify_all()

    async def close(self, reason: str) -> None:
        self.closed_because = reason
        self.cut()

    async def got(self, count: int) -> list[Frame]:
        """Return what came, once it is at least `count` items; bounded by 5 s."""
        async with asyncio.timeout(20), self._arrived:
            await self._arrived.wait_for(lambda: len(self.received) >= count)
        return self.received

    async def event(self, name: str, **wanted: Any) -> dict[str, Any]:
        """Return the first event of that name whose payload has the wanted values."""

        def find() -> dict[str, Any] | None:
            for frame in self.received:
                if frame.kind == EVENT and frame.extra["name"] == name:
                    payload: dict[str, Any] = json.loads(frame.body)
                    if all(payload.get(key) == value for key, value in wanted.items()):
                        return payload
            return None

        async with asyncio.timeout(10), self._arrived:
            await self._arrived.wait_for(lambda: find() is not None)
        found = find()
        assert found is not None
        return found

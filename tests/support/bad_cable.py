"""A connection in memory between a client and the engine: cuts, delays, truncates, repeats."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable

from imjoy_client.roads import RoadClosedError
from imjoy_engine.session.links import LinkClosedError
from imjoy_wire.errors import FrameError
from imjoy_wire.frames import Frame, decode_frame, encode_frame

__all__ = ["BadCable", "tick"]

Take = Callable[[Frame], Awaitable[None]]


async def tick() -> None:
    """Let everything else in the loop have a turn."""
    loop = asyncio.get_running_loop()
    turn = loop.create_future()
    loop.call_soon(_end, turn)
    await turn


def _end(turn: asyncio.Future[None]) -> None:
    if not turn.cancelled():
        turn.set_result(None)


class BadCable:
    """One connection: a `ClientLink` for the engine, a road for the client, until it is cut."""

    def __init__(self, chance: random.Random, to_client: Take, to_engine: Take) -> None:
        self._chance = chance
        self._ways: list[tuple[deque[bytes], Take]] = [(deque(), to_client), (deque(), to_engine)]
        self._is_cut = False
        self._carrying = asyncio.ensure_future(self._carry())

    async def send(self, frame: Frame) -> None:
        """Take a frame of the engine's, as a ClientLink does."""
        if self._is_cut:
            raise LinkClosedError
        await self._put(0, frame)

    async def close(self, reason: str) -> None:
        self.cut()

    async def road(self, frame: Frame) -> None:
        """Take a frame of the client's, as a road does."""
        if self._is_cut:
            raise RoadClosedError
        await self._put(1, frame)

    def cut(self) -> None:
        """Lose what is under way, but for a few frames that still come, the last one in part.

        What is cut already is not cut again.
        """
        if self._is_cut:
            return
        self._is_cut = True
        for way, _ in self._ways:
            still = self._chance.randint(0, len(way))
            while len(way) > still:
                way.pop()
            if way and self._chance.random() < 0.5:
                last = way.pop()
                way.append(last[: self._chance.randrange(len(last))])

    async def ended(self) -> None:
        """Return when nothing comes out of it any more; after `cut`."""
        await self._carrying

    async def _put(self, index: int, frame: Frame) -> None:
        content = b"".join(encode_frame(frame))
        self._ways[index][0].extend([content] * (2 if self._chance.random() < 0.05 else 1))
        while len(self._ways[index][0]) > 20 and not self._is_cut:
            await tick()

    async def _carry(self) -> None:
        while not self._is_cut or any(way for way, _ in self._ways):
            await tick()
            way, take = self._chance.choice(self._ways)
            for _ in range(self._chance.randint(0, 4)):
                if way:
                    await self._deliver(way.popleft(), take)

    async def _deliver(self, content: bytes, take: Take) -> None:
        try:
            await take(decode_frame(content))
        except FrameError:
            # What was cut off, or came late over a road that has been left: nobody misses it.
            return

"""The frames of one session over whichever road there is: each arrives once and in its order.

What the engine has not acknowledged when a road ends is sent again over the next.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

from imjoy_client.roads import RoadClosedError
from imjoy_wire.chunks import Assembler, is_big
from imjoy_wire.delivery import ACK, Incoming, Sent, ack_number
from imjoy_wire.eager import begun
from imjoy_wire.errors import FrameError
from imjoy_wire.frames import Frame
from imjoy_wire.lanes import GRANT, WINDOW_BYTES, Lanes, granted

__all__ = ["Road", "Traffic"]

_ACK_DELAY_S = 0.05
Road = Callable[[Frame], Any]
"""Sends one frame; raises RoadClosedError when it has ended."""


class Traffic:
    """Both directions of a session; `on_frame` gets whole frames."""

    def __init__(self, on_frame: Callable[[Frame], None]) -> None:
        self._on_frame = on_frame
        self._lanes = Lanes(WINDOW_BYTES)
        self._sent = Sent()
        self._incoming = Incoming()
        self._assembler = Assembler()
        self._news = asyncio.Event()
        self._ack_timer: asyncio.TimerHandle | None = None
        self._ack_is_due = False
        self._pump: asyncio.Task[None] | None = None
        self._idle_road: Road | None = None
        self._rest: Awaitable[Any] | None = None  # of a frame that `send` has begun to send

    def begin_anew(self) -> None:
        """Forget everything: the engine has begun another session."""
        self._lanes = Lanes(WINDOW_BYTES)
        self._sent, self._incoming, self._assembler = Sent(), Incoming(), Assembler()

    def travel_by(self, road: Road) -> None:
        """Send over this road from now on, first what the engine has not acknowledged."""
        self.stop()
        self._pump = asyncio.get_running_loop().create_task(self._send_over(road))

    def stop(self) -> None:
        """Keep what is to be sent until there is a road again."""
        if self._pump is not None:
            self._pump.cancel()
        self._pump = self._idle_road = self._rest = None

    def close(self) -> None:
        """Send nothing any more."""
        self.stop()
        if self._ack_timer is not None:
            self._ack_timer.cancel()

    def send(self, frame: Frame) -> None:
        """Send or queue a frame; it arrives once, after those sent before to the same peer."""
        road = self._idle_road
        if road is None or is_big(frame) or self._lanes or not self._sent.has_room:
            self._lanes.put(frame)
            self._news.set()
            return
        try:
            self._rest = begun(road(self._sent.number(frame)))
        except RoadClosedError:
            self._idle_road = None  # it goes again over the next road
        if self._rest is not None:
            self._idle_road = None
            self._news.set()

    def forget(self, peer: str) -> None:
        """Drop what is under way to and from a peer that is gone."""
        self._lanes.drop(peer)
        self._assembler.forget(peer)

    def arrived(self, frame: Frame) -> None:
        """Take a frame that has come over any road."""
        if frame.kind == ACK:
            self._sent.acknowledged(ack_number(frame))
            self._news.set()
            return
        try:
            taken = self._incoming.take(frame)
        except FrameError:
            return  # from a road that has been left: it comes again, in its order, over the new one
        if self._incoming.should_ack:
            self._news.set()
        elif self._ack_timer is None:
            loop = asyncio.get_running_loop()
            self._ack_timer = loop.call_later(_ACK_DELAY_S, self._owe_ack)
        if taken is None:
            return
        if taken.kind == GRANT:
            self._lanes.grant(*granted(taken))
            self._news.set()
        else:
            for whole in self._assembler.feed(taken):
                self._on_frame(whole)

    async def _send_over(self, road: Road) -> None:
        with contextlib.suppress(RoadClosedError):
            for again in self._sent.unacknowledged():
                await road(again)
            while True:
                if self._rest is not None:
                    rest, self._rest = self._rest, None
                    await rest
                if self._ack_is_due or self._incoming.should_ack:
                    self._ack_is_due = False
                    await road(self._incoming.ack())
                frame = self._lanes.take() if self._sent.has_room else None
                if frame is not None:
                    await road(self._sent.number(frame))
                else:
                    self._news.clear()
                    self._idle_road = road  # `send` may use it itself until there is news
                    await self._news.wait()
                    self._idle_road = None

    def _owe_ack(self) -> None:
        self._ack_timer = None
        if self._incoming.owes_ack:
            self._ack_is_due = True
            self._news.set()

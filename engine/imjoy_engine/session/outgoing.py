"""What waits to be sent to one client: fair, bounded in bytes, kept while it is away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from imjoy_engine.session.kept_frames import is_message
from imjoy_engine.session.links import ClientLink, LinkClosedError
from imjoy_engine.session.outbox import Outbox
from imjoy_wire.chunks import CHUNK, is_big
from imjoy_wire.delivery import ACK, Sent
from imjoy_wire.eager import begun
from imjoy_wire.frames import Frame
from imjoy_wire.lanes import WINDOW_BYTES, Lanes, grant_of

__all__ = ["Outgoing"]


class Outgoing:
    """A queue with one reader, the current link.

    `on_full` is called with the peer of whose frames too much waits, `on_room` when it is little
    again: who fills the queue is held, and the others are not.

    With `numbered` the client acknowledges: what it has not when its link breaks is sent again
    over the next one. Without, a frame that the breaking link had taken may be lost. While there
    is no link, more than the low-water mark waits in `outbox`, if there is one.
    """

    def __init__(
        self,
        *,
        numbered: bool,
        high_water_bytes: int,
        low_water_bytes: int,
        on_full: Callable[[str], None],
        on_room: Callable[[str], None],
    ) -> None:
        self._high_water_bytes = high_water_bytes
        self._low_water_bytes = low_water_bytes
        self._on_full = on_full
        self._on_room = on_room
        self._numbered = numbered
        self._lanes = self._new_lanes()
        self._sent = Sent() if numbered else None
        self._again: list[Frame] = []
        self._ack: Frame | None = None
        self._grants: dict[tuple[str, str], int] = {}
        self._full: dict[str, str] = {}  # who is held, and to whom it has sent too much
        self._news = asyncio.Event()
        self._pump: asyncio.Task[None] | None = None
        self._idle_link: ClientLink | None = None
        self._rested = asyncio.Event()
        self.outbox: Outbox | None = None
        self._refilling: asyncio.Task[None] | None = None
        self._rest: Awaitable[None] | None = None  # of a frame that `put` has begun to send

    @property
    def waiting_bytes(self) -> int:
        """Return how much waits."""
        return self._lanes.waiting_bytes

    @property
    def messages(self) -> int:
        """Return how many messages of peers wait, which nobody else keeps.

        While the client is away, with those that it has not acknowledged.
        """
        here = sum(map(is_message, (*self._again, *self._lanes)))
        return here + (self.outbox.messages if self.outbox is not None else 0)

    @property
    def is_full(self) -> bool:
        """Return whether somebody passed the high-water mark and has not reached the low one."""
        return bool(self._full)

    def put(self, frame: Frame, last_of: str = "") -> None:
        """Send a frame, or queue it behind those of the same two peers.

        For a client that is away only the last of those with the same `last_of` is kept.
        """
        if self.outbox is not None and self._belongs_in(self.outbox, last_of):
            self.outbox.put(frame, last_of)
            self._news.set()
            self._hold_if_full(frame)
            return
        link = self._idle_link
        if link is not None and not (self._lanes or is_big(frame)) and self._has_room:
            self._send_now(link, frame)
            return
        self._lanes.put(frame)
        self._news.set()
        self._hold_if_full(frame)

    def _belongs_in(self, outbox: Outbox, last_of: str) -> bool:
        if not outbox.is_empty or self._refilling is not None:
            return True
        is_away = self._pump is None
        return is_away and (bool(last_of) or self._lanes.waiting_bytes > self._low_water_bytes)

    def _hold_if_full(self, frame: Frame) -> None:
        sender, to = frame.sender, frame.to
        if sender in self._full:
            return
        is_full = self._lanes.bytes_between(sender, to) > self._high_water_bytes
        if is_full or (self.outbox is not None and self.outbox.is_full):
            self._full[sender] = to
            self._on_full(sender)

    @property
    def _has_room(self) -> bool:
        return self._sent is None or self._sent.has_room

    def _send_now(self, link: ClientLink, frame: Frame) -> None:
        """Send what nothing stands before; the pump goes on when the link has no room for more."""
        if self._sent is None:
            self._again = [frame]
        else:
            frame = self._sent.number(frame)
        try:
            self._rest = begun(link.send(frame))
        except LinkClosedError:
            self._idle_link = None  # it goes again over the next link
            return
        if self._rest is None:
            self._again = []
        else:
            self._idle_link = None
            self._news.set()

    def put_ack(self, ack: Frame) -> None:
        """Send an ack next, instead of any earlier one that still waits."""
        self._ack = ack
        self._news.set()

    def put_grant(self, sender: str, to: str, count: int) -> None:
        """Tell the client that `count` more bytes of chunks of this lane were passed on."""
        self._grants[sender, to] = self._grants.get((sender, to), 0) + count
        self._news.set()

    def acknowledged(self, number: int) -> None:
        """Forget what the client has. Raises FrameError for what was never sent."""
        if self._sent is not None:
            for frame in self._sent.acknowledged(number):
                if frame.kind == CHUNK:
                    self._lanes.grant(frame.sender, frame.to, frame.payload_bytes)
            self._news.set()

    def connect(self, link: ClientLink) -> None:
        """Send what waits and what comes over `link`, instead of any earlier link."""
        self.disconnect()
        self._pump = asyncio.get_running_loop().create_task(self._send_over(link))

    async def flushed(self) -> None:
        """Return when the link has taken all that waits; at once when there is none."""
        while self._pump is not None and not self._is_idle:
            self._rested.clear()
            await self._rested.wait()

    @property
    def _is_idle(self) -> bool:
        is_left = self._lanes or (self.outbox is not None and not self.outbox.is_empty)
        return self._idle_link is not None and not self._news.is_set() and not is_left

    def disconnect(self) -> None:
        """Keep what comes until the next `connect`."""
        self._idle_link = self._rest = None
        self._rested.set()
        if self._pump is not None:
            self._pump.cancel()
            self._pump = None
        if self._sent is not None:
            self._again = self._sent.unacknowledged()
        self.relieve()

    def clear(self) -> None:
        """Forget what waits, but in the outbox."""
        self._lanes = self._new_lanes()
        self.relieve()

    async def _send_over(self, link: ClientLink) -> None:
        try:
            while self._again:
                await link.send(self._again[0])
                self._again.pop(0)
            while True:
                frame = await self._next(link)
                if frame.kind == ACK:
                    await link.send(frame)
                    continue
                # Until the link has taken it, it is the first to go over the next one.
                if self._sent is None:
                    self._again = [frame]
                    await link.send(frame)
                    self._again = []
                else:
                    await link.send(self._sent.number(frame))
        except LinkClosedError:
            return

    async def _next(self, link: ClientLink) -> Frame:
        while True:
            if self._rest is not None:
                rest, self._rest = self._rest, None
                await rest
                self._again = []
            if self._ack is not None:
                ack, self._ack = self._ack, None
                return ack
            if self._grants:
                (sender, to), count = self._grants.popitem()
                return grant_of(sender, to, count)
            if self._has_room:
                frame = self._lanes.take()
                if frame is not None:
                    self.relieve()
                    return frame
                if self.outbox is not None and not self.outbox.is_empty:
                    await self._refill(self.outbox)
                    continue
            self._news.clear()
            self._idle_link = link  # `put` may use it itself until there is news
            self._rested.set()
            await self._news.wait()
            self._idle_link = None

    async def _refill(self, outbox: Outbox) -> None:
        """Go on with what is in the outbox; it is not lost when this link ends meanwhile."""
        if self._refilling is None:
            self._refilling = asyncio.get_running_loop().create_task(self._take_back(outbox))
        await asyncio.shield(self._refilling)

    async def _take_back(self, outbox: Outbox) -> None:
        try:
            for frame in await outbox.take(self._low_water_bytes):
                self._lanes.put(frame)
        finally:
            self._refilling = None

    def _new_lanes(self) -> Lanes:
        """Return lanes whose window is what a client has not acknowledged of big messages.

        So little of them is on the way that a small frame behind them does not wait for long.
        """
        return Lanes(WINDOW_BYTES if self._numbered else None, cuts=self._numbered)

    def relieve(self) -> None:
        """Let those go on who were held and have room now."""
        if not self._full or (self.outbox is not None and self.outbox.is_full):
            return
        is_away = self._pump is None and self.outbox is not None
        for sender, to in list(self._full.items()):
            if is_away or self._lanes.bytes_between(sender, to) <= self._low_water_bytes:
                del self._full[sender]
                self._on_room(sender)

"""Frames of a worker that may outlive this engine: each is taken once, and then acknowledged.

At once; or as soon as what had to be kept of them is on disk, and what was for other workers has
left this process for them: what is acknowledged, nobody sends again. For one that does not read its
frames nobody waits for long: whoever sends to it has others to talk with.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol
from weakref import WeakSet

from imjoy_engine.transport.channel import Channel
from imjoy_wire.delivery import Incoming
from imjoy_wire.errors import WireError
from imjoy_wire.frames import Frame

__all__ = ["Receiver", "receive_numbered"]

_PATIENCE_S = 2.0
"""What a receiver has to take what it was given; then its sender's acknowledgements go on."""


class Receiver(Protocol):
    """Whom a frame was passed on to."""

    def left(self) -> asyncio.Future[None] | None:
        """Return what is done when all it was given has left this process; None when it has."""
        ...


class _Receivers:
    """Those that frames of one worker were passed on to."""

    def __init__(self) -> None:
        self._given: set[Receiver] = set()
        self._slow: WeakSet[Receiver] = WeakSet()

    def add(self, receiver: Receiver) -> None:
        """Take note of one that was given a frame."""
        self._given.add(receiver)

    def when_left(self, then: Callable[[], None]) -> None:
        """Call `then` when all they were given has left; slow ones are not waited for."""
        while self._given:
            receiver = self._given.pop()
            left = receiver.left()
            if left is None:
                self._slow.discard(receiver)
            elif receiver not in self._slow:
                self._wait_for(receiver, left, lambda: self.when_left(then))
                return
        then()

    def _wait_for(
        self, receiver: Receiver, left: asyncio.Future[None], then: Callable[[], None]
    ) -> None:
        def go_on(_: object = None) -> None:
            timer.cancel()
            left.remove_done_callback(go_on)
            if not left.done():
                self._slow.add(receiver)
            then()

        timer = asyncio.get_running_loop().call_later(_PATIENCE_S, go_on)
        left.add_done_callback(go_on)


def receive_numbered(
    channel: Channel,
    on_frame: Callable[[Frame], Receiver | None],
    written: Callable[[], asyncio.Future[None] | None] = lambda: None,
) -> None:
    """Hand every frame to `on_frame`, and tell the worker of those that were handed on.

    `on_frame` returns to whom, if this engine's end would lose it. `written` returns what is done
    when all that `on_frame` has had kept is on disk; None when it is. What comes in one piece is
    acknowledged in one piece: what the worker must send the next engine again is what this one has
    not passed on. A worker whose numbers are wrong is hung up on.
    """
    incoming = Incoming()
    loop = asyncio.get_running_loop()
    receivers = _Receivers()

    def acknowledge() -> None:
        ack, keeping = incoming.ack(), written()
        if keeping is None:
            channel.send(ack)
        else:
            keeping.add_done_callback(lambda _: channel.send(ack))

    def take(frame: Frame) -> None:
        if not incoming.owes_ack:
            loop.call_soon(receivers.when_left, acknowledge)
        try:
            taken = incoming.take(frame)
        except WireError as error:
            channel.abort(f"The worker's frames are out of order: {error}")
            return
        receiver = on_frame(taken) if taken is not None else None
        if receiver is not None:
            receivers.add(receiver)

    channel.receive_with(take)

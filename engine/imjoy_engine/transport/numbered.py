"""Frames of a worker that may outlive this engine: each is taken once, and then acknowledged.

At once; or as soon as what had to be kept of them is on disk, and what was for other workers has
left this process for them: what is acknowledged, nobody sends again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from imjoy_engine.transport.channel import Channel
from imjoy_wire.delivery import Incoming
from imjoy_wire.errors import WireError
from imjoy_wire.frames import Frame

__all__ = ["Receiver", "receive_numbered"]


class Receiver(Protocol):
    """Whom a frame was passed on to."""

    def left(self) -> asyncio.Future[None] | None:
        """Return what is done when all it was given has left this process; None when it has."""
        ...


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
    receivers: set[Receiver] = set()

    def acknowledge() -> None:
        while receivers:
            receiver = receivers.pop()
            if (left := receiver.left()) is not None:
                left.add_done_callback(lambda _: acknowledge())
                return
        ack, keeping = incoming.ack(), written()
        if keeping is None:
            channel.send(ack)
        else:
            keeping.add_done_callback(lambda _: channel.send(ack))

    def take(frame: Frame) -> None:
        if not incoming.owes_ack:
            loop.call_soon(acknowledge)
        try:
            taken = incoming.take(frame)
        except WireError as error:
            channel.abort(f"The worker's frames are out of order: {error}")
            return
        receiver = on_frame(taken) if taken is not None else None
        if receiver is not None:
            receivers.add(receiver)

    channel.receive_with(take)

"""Frames of a worker that may outlive this engine: each is taken once, and acknowledged at once.

Or as soon as what had to be kept of them is on disk: what is acknowledged, nobody sends again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from imjoy_engine.transport.channel import Channel
from imjoy_wire.delivery import Incoming
from imjoy_wire.errors import WireError
from imjoy_wire.frames import Frame

__all__ = ["receive_numbered"]


def receive_numbered(
    channel: Channel,
    on_frame: Callable[[Frame], None],
    written: Callable[[], asyncio.Future[None] | None] = lambda: None,
) -> None:
    """Hand every frame to `on_frame`, and tell the worker of those that were handed on.

    `written` returns what is done when all that `on_frame` has had kept is on disk; None when it
    is. What comes in one piece is acknowledged in one piece: what the worker must send the next
    engine again is what this one has not passed on. A worker whose numbers are wrong is hung up on.
    """
    incoming = Incoming()
    loop = asyncio.get_running_loop()

    def acknowledge() -> None:
        if not incoming.owes_ack:
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
        if taken is not None:
            on_frame(taken)

    channel.receive_with(take)

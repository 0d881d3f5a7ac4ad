from __future__ import annotations

import asyncio
import socket

import pytest

from imjoy_engine.plugins.awaited import Awaited
from imjoy_engine.transport import Channel
from imjoy_wire.frames import Frame, FrameDecoder


def frame(size: int) -> Frame:
    return Frame("w_b", "w_a", "rpc", bytes(size))


async def test_what_waits_is_sent_in_order_and_has_left_then() -> None:
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    loop = asyncio.get_running_loop()
    _, channel = await loop.create_unix_connection(
        lambda: Channel(lambda _: None, 1 << 20), sock=ours
    )
    awaited = Awaited()
    for size in (1, 2, 3 << 20):
        awaited.put(frame(size))
    left = awaited.left()
    assert left is not None
    awaited.back(channel)
    assert not left.done()
    decoder, sizes = FrameDecoder(), []
    while len(sizes) < 3:
        data = await loop.sock_recv(theirs, 1 << 20)
        sizes += [each.payload_bytes for each in decoder.feed(data)]
    assert sizes == [1, 2, 3 << 20]
    await asyncio.wait_for(left, 20)
    assert awaited.left() is None
    channel.close()
    await channel.closed
    theirs.close()


async def test_too_much_makes_others_wait_until_nothing_will_come() -> None:
    awaited = Awaited()
    awaited.put(frame(1 << 20))
    assert awaited.is_writable
    awaited.put(frame(4 << 20))
    assert not awaited.is_writable
    drained = asyncio.ensure_future(awaited.drained())
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(drained), 0.01)
    awaited.over()
    awaited.over()
    await asyncio.wait_for(drained, 20)
    assert awaited.is_writable
    assert awaited.left() is None

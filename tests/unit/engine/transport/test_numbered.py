from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable

import pytest

from imjoy_engine.transport import Channel, receive_numbered
from imjoy_wire.delivery import ack_number
from imjoy_wire.frames import Frame, FrameDecoder, encode_frame


class Ends:
    """A channel, and the worker's end of its socket."""

    def __init__(
        self,
        channel: Channel,
        worker: socket.socket,
        written: Callable[[], asyncio.Future[None] | None] = lambda: None,
    ) -> None:
        self.channel = channel
        self.worker = worker
        self.taken: list[bytes] = []
        self.receiver: Channel | None = None
        receive_numbered(channel, self._take, written)

    def _take(self, frame: Frame) -> Channel | None:
        self.taken.append(bytes(frame.body))
        if self.receiver is not None:
            self.receiver.send(frame)
        return self.receiver

    async def send(self, *numbers: int) -> None:
        frames = [Frame("b", "w", "rpc", b"%d" % number, (), {"n": number}) for number in numbers]
        data = b"".join(bytes(part) for frame in frames for part in encode_frame(frame))
        await asyncio.get_running_loop().sock_sendall(self.worker, data)

    async def hears(self) -> int:
        """Return what the next ack acknowledges."""
        decoder = FrameDecoder()
        async with asyncio.timeout(20):
            while True:
                data = await asyncio.get_running_loop().sock_recv(self.worker, 65536)
                if frames := decoder.feed(data):
                    (ack,) = frames
                    return ack_number(ack)


@pytest.fixture
async def ends() -> AsyncIterator[Ends]:
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    _, channel = await asyncio.get_running_loop().create_unix_connection(
        lambda: Channel(lambda _: None, 1 << 20), sock=ours
    )
    yield Ends(channel, theirs)
    channel.close()
    await channel.closed
    theirs.close()


async def test_what_comes_together_is_acknowledged_together_and_at_once(ends: Ends) -> None:
    await ends.send(1, 2, 3)
    assert await ends.hears() == 3
    assert ends.taken == [b"1", b"2", b"3"]
    await ends.send(4)
    assert await ends.hears() == 4


async def test_what_comes_twice_is_taken_once(ends: Ends) -> None:
    await ends.send(1, 2)
    await ends.hears()
    await ends.send(2, 3)
    assert await ends.hears() == 3
    assert ends.taken == [b"1", b"2", b"3"]


async def test_a_gap_ends_the_channel(ends: Ends) -> None:
    await ends.send(2)
    assert "out of order" in str(await asyncio.wait_for(ends.channel.closed, 20))
    assert ends.taken == []


async def test_what_must_be_kept_is_acknowledged_when_it_is() -> None:
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    loop = asyncio.get_running_loop()
    _, channel = await loop.create_unix_connection(
        lambda: Channel(lambda _: None, 1 << 20), sock=ours
    )
    keeping: list[asyncio.Future[None] | None] = [None, loop.create_future(), None]
    slow = keeping[1]
    assert slow is not None
    later = Ends(channel, theirs, lambda: keeping.pop(0))
    await later.send(1)
    assert await later.hears() == 1
    await later.send(2)
    hears = asyncio.ensure_future(later.hears())
    assert not (await asyncio.wait({hears}, timeout=0.05))[0]
    assert later.taken == [b"1", b"2"]
    slow.set_result(None)
    assert await hears == 2
    channel.close()
    await channel.closed
    theirs.close()


async def test_what_another_process_is_given_is_acknowledged_when_it_has_left(ends: Ends) -> None:
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    loop = asyncio.get_running_loop()
    _, receiver = await loop.create_unix_connection(
        lambda: Channel(lambda _: None, 1 << 20), sock=ours
    )
    assert receiver.left() is None
    receiver.send(Frame("b", "", "rpc", bytes(3 << 20)))
    left = receiver.left()
    assert left is not None
    assert receiver.left() is left
    assert receiver.is_writable
    receiver.send(Frame("b", "", "rpc", bytes(3 << 20)))
    assert not receiver.is_writable
    ends.receiver = receiver
    await ends.send(1)
    hears = asyncio.ensure_future(ends.hears())
    assert not (await asyncio.wait({hears}, timeout=0.05))[0]
    assert ends.taken == [b"1"]
    while not left.done():
        await loop.sock_recv(theirs, 1 << 20)
    assert await hears == 1
    assert receiver.left() is None
    assert receiver.is_writable
    # Nothing of the order to be told stays: little that waits holds nobody.
    receiver.send(Frame("b", "", "rpc", bytes(2 << 20)))
    assert receiver.is_writable
    ends.receiver = None
    await ends.send(2)
    assert await ends.hears() == 2
    last = receiver.left()
    assert last is not None
    theirs.close()
    await asyncio.wait_for(last, 20)
    await receiver.closed


async def test_one_that_does_not_read_holds_its_senders_others_up_for_a_moment_only(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = socket.socketpair()
    loop = asyncio.get_running_loop()
    _, receiver = await loop.create_unix_connection(
        lambda: Channel(lambda _: None, 1 << 20), sock=ours
    )
    receiver.send(Frame("b", "", "rpc", bytes(3 << 20)))
    monkeypatch.setattr("imjoy_engine.transport.numbered._PATIENCE_S", 0.05)
    ends.receiver = receiver
    await ends.send(1)
    assert await ends.hears() == 1
    # It is known to be slow now: nobody waits for it again.
    monkeypatch.setattr("imjoy_engine.transport.numbered._PATIENCE_S", 60)
    await ends.send(2)
    assert await ends.hears() == 2
    assert receiver.left() is not None
    receiver.abort("enough")
    await receiver.closed
    theirs.close()

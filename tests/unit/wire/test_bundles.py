import asyncio

import pytest

from imjoy_wire.bundles import BUNDLE_BYTES, CLOSE_S, Bundles
from imjoy_wire.frames import Frame, decode_frames

SMALL = [Frame("a", "b", "rpc", b"%d" % number) for number in range(5)]


class Socket:
    """Takes messages; with `room` cleared a write waits after it has taken its message."""

    def __init__(self):
        self.messages = []
        self.room = asyncio.Event()
        self.room.set()
        self.is_gone = False

    async def write(self, data):
        if self.is_gone:
            raise ConnectionResetError("gone")
        self.messages.append(data)
        await self.room.wait()

    def sizes(self):
        return [len(decode_frames(message)) for message in self.messages]

    def frames(self):
        return [frame for message in self.messages for frame in decode_frames(message)]


class Clock:
    now = 1000.0


@pytest.fixture
async def socket():
    return Socket()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def bundles(socket, clock):
    return Bundles(socket.write, asyncio.get_running_loop().call_soon, lambda: clock.now)


async def end_of_turn():
    later = asyncio.Event()
    asyncio.get_running_loop().call_soon(later.set)
    await later.wait()


async def test_frames_that_are_not_close_together_go_at_once(socket, bundles, clock):
    for frame in SMALL:
        await bundles.send(frame)
        clock.now += 2 * CLOSE_S
    assert socket.sizes() == [1] * len(SMALL)


async def test_the_first_of_a_burst_goes_at_once_and_the_others_together(socket, bundles):
    for frame in SMALL:
        await bundles.send(frame)
    assert socket.sizes() == [1]
    await end_of_turn()
    assert socket.sizes() == [1, 4]
    assert socket.frames() == SMALL


async def test_after_a_burst_a_frame_by_itself_goes_at_once_again(socket, bundles, clock):
    await bundles.send(SMALL[0])
    await bundles.send(SMALL[1])
    await end_of_turn()
    clock.now += 1.0
    await bundles.send(SMALL[2])
    assert socket.sizes() == [1, 1, 1]


async def test_a_large_frame_keeps_its_place_among_small_ones(socket, bundles):
    large = Frame("a", "b", "rpc", b"{}", (bytes(BUNDLE_BYTES),))
    sent = [SMALL[0], SMALL[1], large, SMALL[2]]
    for frame in sent:
        await bundles.send(frame)
    await end_of_turn()
    assert socket.sizes() == [1, 1, 1, 1]
    assert [frame.body for frame in socket.frames()] == [frame.body for frame in sent]


async def test_after_a_bundle_that_found_no_room_the_next_frame_waits(socket, bundles):
    await bundles.send(SMALL[0])
    socket.room.clear()
    await bundles.send(SMALL[1])
    await end_of_turn()
    sending = asyncio.ensure_future(bundles.send(SMALL[2]))
    await end_of_turn()
    assert socket.frames() == SMALL[:2]
    assert not sending.done()
    socket.room.set()
    await sending
    assert socket.frames() == SMALL[:3]


async def test_an_error_between_two_frames_is_raised_by_the_next(socket, bundles):
    await bundles.send(SMALL[0])
    await bundles.send(SMALL[1])
    socket.is_gone = True
    await end_of_turn()
    with pytest.raises(ConnectionError):
        await bundles.send(SMALL[2])

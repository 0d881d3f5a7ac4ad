from __future__ import annotations

import asyncio
from pathlib import Path

from imjoy_engine.session.links import event_frame
from imjoy_engine.session.outbox import Outbox
from imjoy_engine.session.outgoing import Outgoing
from imjoy_wire.chunks import cut
from imjoy_wire.delivery import WINDOW_BYTES, ack_of
from imjoy_wire.frames import Frame
from imjoy_wire.lanes import WINDOW_BYTES as LANE_WINDOW_BYTES
from support.links import FakeLink


class Water:
    def __init__(self) -> None:
        self.marks: list[str] = []

    def full(self, peer: str) -> None:
        self.marks.append(f"{peer} full")

    def room(self, peer: str) -> None:
        self.marks.append(f"{peer} room")


def outgoing(water: Water) -> Outgoing:
    return Outgoing(
        numbered=False,
        high_water_bytes=10_000,
        low_water_bytes=2_000,
        on_full=water.full,
        on_room=water.room,
    )


def frame(number: int, size: int = 10) -> Frame:
    return Frame(to="b", sender="w", kind="rpc", body=b"%d" % number, buffers=(bytes(size),))


async def test_order_is_kept_across_frames_events_and_links() -> None:
    queue, first, second = outgoing(Water()), FakeLink(), FakeLink()
    queue.put(frame(1))
    queue.connect(first)
    queue.put(event_frame("plugin_event", {"event": "state"}, sender="w", to="b"))
    await first.got(2)
    queue.disconnect()
    queue.put(frame(2))
    queue.put(frame(3))
    queue.connect(second)
    await second.got(2)
    queue.disconnect()
    assert first.received == [
        frame(1),
        event_frame("plugin_event", {"event": "state"}, sender="w", to="b"),
    ]
    assert second.received == [frame(2), frame(3)]


async def test_what_a_dying_link_did_not_take_goes_over_the_next() -> None:
    queue, dying, healthy = outgoing(Water()), FakeLink(), FakeLink()
    dying.hold()
    queue.connect(dying)
    queue.put(frame(1))
    dying.cut()
    queue.connect(healthy)
    assert await healthy.got(1) == [frame(1)]
    queue.disconnect()


async def test_the_filler_is_held_at_the_high_mark_and_let_go_at_the_low_one() -> None:
    water, link = Water(), FakeLink()
    queue = outgoing(water)
    link.hold()
    queue.connect(link)
    for number in range(12):
        queue.put(frame(number, 1000))
    assert water.marks == ["w full"]
    assert queue.is_full
    link.release()
    await link.got(12)
    # The mark is passed while the queue empties; the next delivery proves it has been.
    queue.put(frame(12))
    await link.got(13)
    assert water.marks == ["w full", "w room"]
    queue.disconnect()


async def test_clearing_lets_the_filler_go() -> None:
    water = Water()
    queue = outgoing(water)
    queue.put(frame(1, 20_000))
    queue.clear()
    assert water.marks == ["w full", "w room"]
    assert queue.waiting_bytes == 0


async def test_nothing_is_left_running_after_disconnect() -> None:
    queue = outgoing(Water())
    before = asyncio.all_tasks()
    queue.connect(FakeLink())
    queue.disconnect()
    await asyncio.gather(*(asyncio.all_tasks() - before), return_exceptions=True)
    assert asyncio.all_tasks() == before


async def test_a_numbered_client_gets_again_what_it_has_not_acknowledged() -> None:
    queue = Outgoing(
        numbered=True,
        high_water_bytes=10_000,
        low_water_bytes=2_000,
        on_full=Water().full,
        on_room=Water().room,
    )
    first, second = FakeLink(), FakeLink()
    queue.connect(first)
    for number in range(1, 5):
        queue.put(frame(number))
    await first.got(4)
    queue.acknowledged(2)
    queue.put_ack(ack_of(9))
    await first.got(5)
    assert first.received[4] == ack_of(9)
    queue.connect(second)
    queue.put(frame(5))
    await second.got(3)
    queue.disconnect()
    assert [each.extra["n"] for each in second.received] == [3, 4, 5]
    assert [each.body for each in second.received] == [b"3", b"4", b"5"]


async def test_a_numbered_client_that_acknowledges_nothing_is_sent_a_window_only() -> None:
    queue = Outgoing(
        numbered=True,
        high_water_bytes=1 << 30,
        low_water_bytes=1,
        on_full=Water().full,
        on_room=Water().room,
    )
    link = FakeLink()
    queue.connect(link)
    for number in range(1, 80):
        queue.put(frame(number, 1 << 19))
    await link.got(WINDOW_BYTES >> 19)
    queue.put_ack(ack_of(1))
    received = await link.got((WINDOW_BYTES >> 19) + 1)
    assert received[-1] == ack_of(1)
    queue.acknowledged(1)
    await link.got((WINDOW_BYTES >> 19) + 2)
    queue.disconnect()


async def test_a_grant_that_a_dying_link_lost_goes_over_the_next() -> None:
    queue = Outgoing(
        numbered=True,
        high_water_bytes=10_000,
        low_water_bytes=2_000,
        on_full=Water().full,
        on_room=Water().room,
    )
    first, second = FakeLink(), FakeLink()
    queue.connect(first)
    queue.put_grant("b", "w", 500)
    await first.got(1)
    queue.connect(second)
    await second.got(1)
    queue.disconnect()
    assert second.received == first.received
    assert second.received[0].extra == {"lane": ["b", "w"], "bytes": 500, "n": 1}


async def pump_waits() -> None:
    """Return when a queue that was connected in this turn of the loop has nothing to do."""
    for _ in range(3):
        later = asyncio.Event()
        asyncio.get_running_loop().call_soon(later.set)
        await later.wait()


async def test_a_frame_that_nothing_stands_before_is_sent_at_once() -> None:
    queue, link = outgoing(Water()), FakeLink()
    queue.connect(link)
    await pump_waits()
    queue.put(frame(1))
    queue.put(frame(2))
    assert link.received == [frame(1), frame(2)]
    queue.disconnect()


async def test_what_was_begun_on_a_link_that_dies_goes_over_the_next() -> None:
    queue, dying, healthy = outgoing(Water()), FakeLink(), FakeLink()
    queue.connect(dying)
    await pump_waits()
    dying.hold()
    queue.put(frame(1))
    queue.put(frame(2))
    dying.cut()
    queue.put(frame(3))
    queue.connect(healthy)
    assert await healthy.got(3) == [frame(1), frame(2), frame(3)]
    queue.disconnect()


async def test_what_a_closed_link_refuses_at_once_goes_over_the_next() -> None:
    queue, dead, healthy = outgoing(Water()), FakeLink(), FakeLink()
    queue.connect(dead)
    await pump_waits()
    dead.cut()
    queue.put(frame(1))
    queue.put(frame(2))
    queue.connect(healthy)
    assert await healthy.got(2) == [frame(1), frame(2)]
    queue.disconnect()


async def test_for_a_client_that_is_away_the_disk_is_used_and_its_plugins_go_on(
    tmp_path: Path,
) -> None:
    water = Water()
    queue = outgoing(water)
    queue.outbox = Outbox(tmp_path / "s.records", 100_000, queue.relieve)
    link = FakeLink()
    for number in range(40):
        queue.put(frame(number, 1000))
    assert water.marks == []
    assert queue.waiting_bytes < 5000
    queue.connect(link)
    for number in range(40, 60):
        queue.put(frame(number, 1000))
    await link.got(60)
    queue.disconnect()
    assert link.received == [frame(number, 1000) for number in range(60)]
    for number in range(200):
        queue.put(frame(number, 1000))
    assert water.marks == ["w full"]
    queue.clear()
    await queue.outbox.clear()


async def test_of_progress_the_last_is_told_to_who_returns(tmp_path: Path) -> None:
    queue, link = outgoing(Water()), FakeLink()
    queue.outbox = Outbox(tmp_path / "s.records", 100_000, queue.relieve)
    for number in range(5):
        queue.put(frame(number), "progress" if number in (1, 2, 4) else "")
    queue.connect(link)
    await link.got(3)
    queue.put(frame(5))
    await link.got(4)
    queue.disconnect()
    assert link.received == [frame(number) for number in (0, 3, 4, 5)]


async def test_who_fills_the_queue_is_held_and_its_neighbour_is_not() -> None:
    water, link = Water(), FakeLink()
    queue = outgoing(water)
    link.hold()
    queue.connect(link)
    queue.put(Frame("b2", "quiet", "rpc", b"x"))
    for number in range(12):
        queue.put(frame(number, 1000))
    queue.put(Frame("b2", "quiet", "rpc", b"y"))
    assert water.marks == ["w full"]
    queue.disconnect()


async def test_of_a_big_message_only_a_window_goes_ahead_of_the_acks_and_small_ones_pass() -> None:
    queue = Outgoing(
        numbered=True,
        high_water_bytes=1 << 30,
        low_water_bytes=1,
        on_full=Water().full,
        on_room=Water().room,
    )
    link = FakeLink()
    queue.connect(link)
    big = frame(1, 3 * LANE_WINDOW_BYTES)
    queue.put(big)
    chunks = LANE_WINDOW_BYTES // max(piece.payload_bytes for piece in cut(big, 0))
    await link.got(1 + chunks)
    queue.put(Frame("b2", "other", "rpc", b"small"))
    assert (await link.got(2 + chunks))[-1].body == b"small"
    queue.acknowledged(1 + chunks)
    await link.got(2 + 2 * chunks)
    queue.disconnect()


async def test_flushed_is_when_the_link_has_taken_all_that_waits() -> None:
    queue, link = outgoing(Water()), FakeLink()
    link.hold()
    queue.connect(link)
    for number in range(3):
        queue.put(frame(number))
    flushed = asyncio.ensure_future(queue.flushed())
    assert not (await asyncio.wait({flushed}, timeout=0.05))[0]
    link.release()
    await asyncio.wait_for(flushed, 20)
    assert len(link.received) == 3
    await asyncio.wait_for(queue.flushed(), 20)
    link.hold()
    queue.put(frame(4))
    flushed = asyncio.ensure_future(queue.flushed())
    assert not (await asyncio.wait({flushed}, timeout=0.05))[0]
    # Nobody is there any more to whom it could be sent.
    queue.disconnect()
    await asyncio.wait_for(flushed, 20)

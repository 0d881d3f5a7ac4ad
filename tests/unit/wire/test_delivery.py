from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imjoy_wire.delivery import ACK, Incoming, Sent, ack_number, ack_of
from imjoy_wire.errors import FrameError
from imjoy_wire.frames import Frame


def frame(number: int, size: int = 1) -> Frame:
    return Frame("b", "a", "rpc", b"%d" % number, (bytes(size),), {"hint": number})


def test_a_frame_arrives_once_as_it_was() -> None:
    sent, incoming = Sent(), Incoming()
    numbered = sent.number(frame(1))
    assert incoming.take(numbered) == frame(1)
    assert incoming.take(numbered) is None


def test_an_ack_frees_what_it_names_and_all_before() -> None:
    sent = Sent()
    frames = [sent.number(frame(number)) for number in range(1, 5)]
    sent.acknowledged(2)
    assert sent.unacknowledged() == frames[2:]
    sent.acknowledged(2)
    sent.acknowledged(4)
    assert sent.unacknowledged() == []
    assert sent.kept_bytes == 0
    with pytest.raises(FrameError, match="only 4 were sent"):
        sent.acknowledged(5)


def test_the_window_is_bounded_in_bytes_and_in_frames() -> None:
    by_bytes = Sent(window_bytes=100)
    by_bytes.number(frame(1, 200))
    assert not by_bytes.has_room
    by_bytes.acknowledged(1)
    assert by_bytes.has_room
    by_count = Sent(window_frames=2)
    by_count.number(frame(1))
    assert by_count.has_room
    by_count.number(frame(2))
    assert not by_count.has_room


def test_a_gap_and_a_missing_number_are_the_senders_fault() -> None:
    sent, incoming = Sent(), Incoming()
    sent.number(frame(1))
    with pytest.raises(FrameError, match="frame 2 came after frame 0"):
        incoming.take(sent.number(frame(2)))
    with pytest.raises(FrameError, match="without its number"):
        incoming.take(frame(1))
    for wrong in (None, -1, "1", True):
        with pytest.raises(FrameError, match="ack without a number"):
            ack_number(Frame("", "", ACK, extra={"n": wrong}))


def test_acks_are_owed_by_count_and_by_size() -> None:
    sent, incoming = Sent(), Incoming()
    assert not incoming.owes_ack
    incoming.take(sent.number(frame(1)))
    assert incoming.owes_ack
    assert not incoming.should_ack
    incoming.take(sent.number(frame(2, 2 << 20)))
    assert incoming.should_ack
    assert incoming.ack() == ack_of(2)
    assert not incoming.owes_ack
    for number in range(64):
        incoming.take(sent.number(frame(number)))
    assert incoming.should_ack


@given(st.lists(st.sampled_from(["send", "cut", "ack", "lost ack"]), max_size=80))
def test_whenever_the_link_is_cut_nothing_is_lost_or_doubled(moves: list[str]) -> None:
    sent, incoming = Sent(), Incoming()
    on_the_way: list[Frame] = []
    arrived: list[bytes] = []
    written = 0

    def deliver(count: int) -> None:
        for numbered in on_the_way[:count]:
            taken = incoming.take(numbered)
            if taken is not None:
                arrived.append(bytes(taken.body))
        del on_the_way[:count]

    for move in [*moves, "cut", "ack"]:
        if move == "send":
            written += 1
            on_the_way.append(sent.number(frame(written)))
        elif move == "cut":
            # The link took half of what was under way with it; the new one begins anew.
            deliver(len(on_the_way) // 2)
            on_the_way[:] = sent.unacknowledged()
        else:
            deliver(len(on_the_way))
            ack = incoming.ack()
            if move == "ack":
                sent.acknowledged(ack_number(ack))
    assert arrived == [b"%d" % number for number in range(1, written + 1)]
    assert sent.unacknowledged() == []

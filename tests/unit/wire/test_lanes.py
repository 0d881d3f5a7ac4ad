from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imjoy_wire.chunks import CHUNK, CHUNK_BYTES, CUT_BYTES, Assembler
from imjoy_wire.errors import FrameError
from imjoy_wire.frames import Frame
from imjoy_wire.lanes import FRAME_OVERHEAD_BYTES, GRANT, Lanes, grant_of, granted


def frame(sender: str, size: int = 1, to: str = "x") -> Frame:
    return Frame(to, sender, "rpc", bytes(size))


def drained(lanes: Lanes) -> list[Frame]:
    return list(iter(lanes.take, None))


def test_an_empty_queue_gives_nothing() -> None:
    lanes = Lanes()
    assert lanes.take() is None
    assert not lanes.is_ready
    assert (len(lanes), lanes.waiting_bytes) == (0, 0)


def test_a_small_frame_waits_for_one_chunk_of_another_lane_at_most() -> None:
    lanes = Lanes()
    lanes.put(frame("big", CUT_BYTES * 100))
    lanes.take()
    lanes.put(frame("small"))
    position = [taken.sender for taken in (lanes.take(), lanes.take())]
    assert "small" in position


def test_lanes_are_served_in_turn_and_each_in_its_order() -> None:
    lanes = Lanes()
    for size in (1, 2, 3):
        lanes.put(frame("a", size))
        lanes.put(frame("b", size))
    taken = [(each.sender, each.payload_bytes) for each in drained(lanes)]
    assert taken == [("a", 1), ("b", 1), ("a", 2), ("b", 2), ("a", 3), ("b", 3)]
    assert (len(lanes), lanes.waiting_bytes) == (0, 0)


def test_waiting_bytes_count_payload_and_overhead_until_the_last_piece() -> None:
    lanes = Lanes()
    lanes.put(frame("a", CUT_BYTES + 1))
    expected = CUT_BYTES + 1 + FRAME_OVERHEAD_BYTES
    lanes.take()
    assert lanes.waiting_bytes == expected
    drained(lanes)
    assert lanes.waiting_bytes == 0


def test_a_full_window_holds_its_own_lane_only() -> None:
    lanes = Lanes(window_bytes=2 * CHUNK_BYTES)
    lanes.put(frame("slow", 10 * CHUNK_BYTES))
    chunks = [taken for taken in drained(lanes) if taken.kind == CHUNK]
    assert len(chunks) == 2
    assert not lanes.is_ready
    lanes.put(frame("slow", 1))
    lanes.put(frame("other", 1))
    assert [taken.sender for taken in drained(lanes)] == ["other"]
    lanes.grant("slow", "x", CHUNK_BYTES)
    assert len(drained(lanes)) == 1
    lanes.grant("slow", "x", 2 * CHUNK_BYTES)
    assert len(drained(lanes)) == 2


def test_a_reader_that_knows_no_chunks_gets_whole_frames() -> None:
    lanes = Lanes(cuts=False)
    big = frame("a", CUT_BYTES * 3)
    lanes.put(big)
    assert drained(lanes) == [big]


def test_a_grant_says_its_lane_and_its_bytes() -> None:
    assert granted(grant_of("a", "b", 5)) == ("a", "b", 5)


@pytest.mark.parametrize(
    "extra",
    [
        {},
        {"lane": ["a"], "bytes": 1},
        {"lane": ["a", 1], "bytes": 1},
        {"lane": ["a", "b"], "bytes": -1},
        {"lane": ["a", "b"], "bytes": True},
        {"lane": "ab", "bytes": 1},
    ],
)
def test_a_malformed_grant_is_the_senders_fault(extra: dict[str, object]) -> None:
    with pytest.raises(FrameError, match="a grant without"):
        granted(Frame("", "", GRANT, extra=extra))


def test_what_waits_for_a_gone_peer_is_forgotten() -> None:
    lanes = Lanes(window_bytes=CHUNK_BYTES)
    lanes.put(frame("a", 10 * CHUNK_BYTES, to="gone"))
    drained(lanes)
    lanes.put(frame("b"))
    lanes.drop("gone")
    assert len(lanes) == 1
    assert [taken.sender for taken in drained(lanes)] == ["b"]
    assert lanes.waiting_bytes == 0


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from([0, 1, 5, CUT_BYTES + 3])), max_size=12
    )
)
def test_whatever_goes_in_comes_out_whole_and_in_order(items: list[tuple[str, int]]) -> None:
    lanes, assembler = Lanes(window_bytes=CHUNK_BYTES), Assembler()
    for sender, size in items:
        lanes.put(frame(sender, size))
    out: list[tuple[str, int]] = []
    while (taken := lanes.take()) is not None:
        out += [(whole.sender, whole.payload_bytes) for whole in assembler.feed(taken)]
        if taken.kind == CHUNK:
            lanes.grant(taken.sender, taken.to, taken.payload_bytes)
    for sender in "abc":
        assert [i for i in out if i[0] == sender] == [i for i in items if i[0] == sender]
    assert assembler.is_idle

from __future__ import annotations

import pytest

from imjoy_wire.chunks import cut
from imjoy_wire.delivery import WINDOW_FRAMES
from imjoy_wire.errors import FrameError
from imjoy_wire.frames import Frame
from imjoy_worker.kept import Kept, without
from imjoy_worker.once import ONCE


def frame(text: str, to: str = "b") -> Frame:
    return Frame(to, "w", "rpc", text.encode())


def bodies(frames: list[Frame]) -> list[bytes]:
    return [bytes(each.body) for each in frames]


def test_what_is_not_acknowledged_is_sent_again_in_order():
    kept = Kept()
    numbers = [kept.number(frame(text)).extra["n"] for text in "abcd"]
    assert numbers == [1, 2, 3, 4]
    kept.acknowledged(2)
    again = kept.begin_again()
    assert bodies(again) == [b"c", b"d"]
    assert "n" not in (again[0].extra or {})


def test_the_next_engine_counts_anew():
    kept = Kept()
    kept.number(frame("a"))
    assert kept.number(kept.begin_again()[0]).extra["n"] == 1
    kept.acknowledged(1)
    assert kept.begin_again() == []


def test_an_ack_of_what_was_never_sent_is_refused():
    kept = Kept()
    kept.number(frame("a"))
    with pytest.raises(FrameError, match="only 1 were sent"):
        kept.acknowledged(2)


def test_room_ends_with_the_window_and_comes_back_with_acks():
    kept = Kept()
    for _ in range(WINDOW_FRAMES):
        assert kept.has_room
        kept.number(frame("x"))
    assert not kept.has_room
    kept.acknowledged(1)
    assert kept.has_room


def test_of_a_cut_message_all_is_sent_again_unless_all_has_arrived():
    whole = Frame("b", "w", "rpc", b"{}", (bytes(3 << 20),))
    pieces = list(cut(whole, 7))
    assert len(pieces) > 3
    kept = Kept()
    kept.number(frame("before"))
    for piece in pieces[:3]:
        kept.number(piece)
    kept.number(frame("between", to="c"))
    kept.acknowledged(5)
    assert kept.begin_again() == pieces[:3]
    for piece in pieces:
        kept.number(piece)
    kept.acknowledged(len(pieces) - 1)
    again = kept.begin_again()
    assert again == pieces
    for piece in again:
        kept.number(piece)
    kept.acknowledged(len(pieces))
    assert kept.begin_again() == []


def test_what_belongs_to_a_run_outlives_its_caller():
    whole = Frame("gone", "w", "rpc", b"{}", (bytes(2 << 20),), {"run": {"id": "r"}})
    pieces = list(cut(whole, 3))
    small = Frame("gone", "w", "rpc", b"{}", (), {"run": {"id": "s"}})
    kept = Kept()
    for each in (*pieces, frame("a"), small, frame("no run", to="gone")):
        kept.number(each)
    kept.forget("gone")
    again = kept.begin_again()
    assert again == [*pieces, frame("a"), small]
    more = [*again, frame("no run", to="gone")]
    assert without(more, "gone") == again


def test_nothing_is_kept_for_a_peer_that_is_gone():
    pieces = list(cut(Frame("gone", "w", "rpc", b"{}", (bytes(2 << 20),)), 1))
    kept = Kept()
    kept.number(frame("a"))
    kept.number(pieces[0])
    kept.forget("gone")
    kept.number(pieces[1])
    assert bodies(kept.begin_again())[:1] == [b"a"]


def test_what_goes_to_another_worker_is_marked_anew_whatever_engine_there_is():
    kept = Kept()
    first, second = (kept.marked(frame(text, to="w_b")) for text in "ab")
    assert (first.extra[ONCE], second.extra[ONCE]) == (1, 2)
    kept.number(first)
    (again,) = kept.begin_again()
    assert again.extra[ONCE] == 1
    assert kept.marked(frame("c", to="w_c")).extra[ONCE] == 3
    page = frame("d", to="c_page")
    assert kept.marked(page) is page

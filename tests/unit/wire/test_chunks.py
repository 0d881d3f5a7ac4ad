from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imjoy_wire.chunks import CHUNK, CHUNK_BYTES, CUT_BYTES, Assembler, cut, is_big
from imjoy_wire.errors import FrameError, FrameTooLargeError, WireError
from imjoy_wire.frames import Frame, FrameDecoder, encode_frame


def message(*sizes: int, sender: str = "a", kind: str = "rpc") -> Frame:
    noise = random.Random(sum(sizes))
    body, *buffers = (noise.randbytes(size) for size in sizes)
    return Frame("b", sender, kind, body, tuple(buffers), {"hint": 1})


def same(one: Frame, other: Frame) -> bool:
    return (
        one[:3] == other[:3]
        and bytes(one.body) == bytes(other.body)
        and [bytes(part) for part in one.buffers] == [bytes(part) for part in other.buffers]
        and dict(one.extra) == dict(other.extra)
    )


@pytest.mark.parametrize(
    "sizes",
    [
        (CUT_BYTES + 1,),
        (10, CUT_BYTES),
        (0, 0, CHUNK_BYTES * 3, 0),
        (5, CHUNK_BYTES - 5, CHUNK_BYTES, 1),
        (1, 3 * CHUNK_BYTES + 7, 2, 0, CHUNK_BYTES),
    ],
)
def test_a_cut_message_becomes_whole_again(sizes: tuple[int, ...]) -> None:
    original = message(*sizes)
    pieces = list(cut(original, 7))
    chunk_bytes = [piece.payload_bytes for piece in pieces[1:]]
    assert all(CHUNK_BYTES * 3 // 4 <= size <= CHUNK_BYTES * 5 // 4 for size in chunk_bytes)
    assert max(chunk_bytes) - min(chunk_bytes) < len(chunk_bytes)
    assert [piece.kind for piece in pieces[1:]] == [CHUNK] * (len(pieces) - 1)
    assembler = Assembler()
    results = [frame for piece in pieces for frame in assembler.feed(piece)]
    assert len(results) == 1
    assert same(results[0], original)
    assert assembler.is_idle


def test_small_frames_pass_untouched() -> None:
    frame = message(CUT_BYTES)
    assert not is_big(frame)
    assert Assembler().feed(frame)[0] is frame


def test_nothing_is_copied_when_cutting() -> None:
    data = bytearray(CUT_BYTES * 2)
    pieces = list(cut(Frame("b", "a", "rpc", b"{}", (data,)), 1))
    data[-1] = 255
    assert pieces[-1].buffers[-1][-1] == 255


def stream(frames: Iterable[Frame]) -> bytes:
    return b"".join(bytes(part) for frame in frames for part in encode_frame(frame))


def put_together(data: bytes, step: int) -> tuple[list[Frame], list[Frame]]:
    """Return what came, and what it made whole, when so many bytes come at once."""
    assembler = Assembler()
    decoder = FrameDecoder(places=assembler.places)
    came: list[Frame] = []
    whole: list[Frame] = []
    while data:
        view = decoder.get_buffer()
        count = min(step, len(view), len(data))
        view[:count], data = data[:count], data[count:]
        for frame in decoder.buffer_updated(count):
            came.append(frame)
            whole += assembler.feed(frame)
    assert assembler.is_idle
    return came, whole


@pytest.mark.parametrize("step", [3000, 7001, 200_000, 1 << 20])
def test_what_is_received_from_a_stream_lies_in_its_place_at_once(step: int) -> None:
    big = message(10, CUT_BYTES * 2 + 7, 0, 3)
    came, (whole, after) = put_together(stream([*cut(big, 1), message(3)]), step)
    assert same(whole, big)
    assert same(after, message(3))
    place: Any = whole.buffers[0]
    place[:] = bytes(len(place))
    chunks = [frame for frame in came if frame.kind == CHUNK]
    for chunk in chunks[1:]:  # the first may have been read together with its announcement
        assert not any(chunk.buffers[0])


@given(
    st.lists(st.integers(0, 60_000), min_size=1, max_size=4),
    st.lists(st.integers(1, 50_000), min_size=1, max_size=4),
    st.integers(500, 90_000),
)
def test_chunks_of_any_sizes_come_to_their_places(
    sizes: list[int], lengths: list[int], step: int
) -> None:
    """Also those that lie across parts, and those that are read together with others."""
    original = message(*sizes)
    mark = {**original.extra, "cut": {"id": 1, "sizes": sizes}}
    data = b"".join([bytes(original.body), *map(bytes, original.buffers)])
    pieces = [Frame("b", "a", "rpc", b"", (), mark)]
    while data:
        length = lengths[len(pieces) % len(lengths)]
        pieces.append(Frame("b", "a", CHUNK, b"", (data[:length],), {"cut": 1}))
        data = data[length:]
    _, (whole,) = put_together(stream(pieces), step)
    assert same(whole, original)


def test_a_chunk_with_more_than_was_announced_has_no_place() -> None:
    assembler = Assembler()
    decoder = FrameDecoder(places=assembler.places)
    announced = Frame("b", "a", "rpc", b"", (), {"cut": {"id": 1, "sizes": [0, 50_000]}})
    for frame in decoder.feed(stream([announced])):
        assembler.feed(frame)
    too_much = Frame("b", "a", CHUNK, b"", (bytes(50_001),), {"cut": 1})
    (arrived,) = decoder.feed(stream([too_much]))
    with pytest.raises(FrameError, match="more than its message"):
        assembler.feed(arrived)


def test_between_two_peers_order_is_kept_and_others_pass() -> None:
    big, after = message(CUT_BYTES + 5), message(3)
    other = message(4, sender="c")
    assembler = Assembler()
    first, *rest = cut(big, 1)
    assert assembler.feed(first) == []
    assert assembler.feed(after) == []
    assert assembler.feed(other) == [other]
    results = [frame for piece in rest for frame in assembler.feed(piece)]
    assert [frame.payload_bytes for frame in results] == [CUT_BYTES + 5, 3]


def test_two_big_ones_of_one_sender_may_interleave() -> None:
    one, two = message(CUT_BYTES + 1), message(CUT_BYTES + 2)
    pieces_one, pieces_two = list(cut(one, 1)), list(cut(two, 2))
    assembler = Assembler()
    results = []
    for piece in [pieces_one[0], pieces_two[0], *pieces_two[1:], *pieces_one[1:]]:
        results += assembler.feed(piece)
    assert same(results[0], one)
    assert same(results[1], two)


def test_what_a_gone_sender_left_is_forgotten() -> None:
    assembler = Assembler()
    assembler.feed(next(cut(message(CUT_BYTES + 1), 1)))
    assembler.forget("a")
    assert assembler.is_idle


def test_too_large_is_said_before_anything_is_held() -> None:
    with pytest.raises(FrameTooLargeError, match="2000000 bytes; 1000000 are allowed"):
        Assembler(1_000_000).feed(
            Frame("b", "a", "rpc", extra={"cut": {"id": 1, "sizes": [2_000_000]}})
        )
    first = next(cut(message(CUT_BYTES + 1), 1))
    assembler = Assembler(CUT_BYTES + 1)
    assembler.feed(first)
    with pytest.raises(FrameTooLargeError):
        assembler.feed(next(cut(message(CUT_BYTES + 1), 2)))


@pytest.mark.parametrize(
    ("kind", "mark", "buffers"),
    [
        (CHUNK, None, ()),
        (CHUNK, 9, (b"x",)),
        (CHUNK, {"id": 1}, (b"x",)),
        (CHUNK, [1], ()),
        ("rpc", 1, ()),
        ("rpc", {"id": 1}, ()),
        ("rpc", {"id": 1, "sizes": []}, ()),
        ("rpc", {"id": 1, "sizes": [-1]}, ()),
        ("rpc", {"id": 1, "sizes": [True]}, ()),
        ("rpc", {"id": "1", "sizes": [1]}, ()),
        ("rpc", {"id": 1, "sizes": [1] * 5000}, ()),
        ("rpc", {"id": 0, "sizes": [5]}, ()),
        (CHUNK, 0, (b"123456",)),
    ],
)
def test_malformed_pieces_are_the_senders_fault(kind: str, mark: Any, buffers: Any) -> None:
    assembler = Assembler()
    assembler.feed(Frame("b", "a", "rpc", extra={"cut": {"id": 0, "sizes": [5]}}))
    extra = {} if mark is None else {"cut": mark}
    with pytest.raises(FrameError):
        assembler.feed(Frame("b", "a", kind, b"", buffers, extra))


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["rpc", CHUNK]),
            st.one_of(
                st.none(),
                st.integers(0, 3),
                st.fixed_dictionaries(
                    {"id": st.integers(0, 3), "sizes": st.lists(st.integers(-1, 20), max_size=4)}
                ),
            ),
            st.binary(max_size=30),
        ),
        max_size=20,
    )
)
def test_any_sequence_of_pieces_gives_frames_or_one_typed_error(pieces: list[Any]) -> None:
    assembler = Assembler(100)
    for kind, mark, data in pieces:
        extra = {} if mark is None else {"cut": mark}
        try:
            frames = assembler.feed(Frame("b", "a", kind, b"", (data,), extra))
        except WireError:
            return
        assert all(frame.payload_bytes <= 100 for frame in frames)

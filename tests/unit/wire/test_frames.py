from __future__ import annotations

import contextlib
import random
import tracemalloc
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from imjoy_wire.errors import FrameError, FrameTooLargeError, UnsendableFrameError
from imjoy_wire.frames import Frame, FrameDecoder, decode_frame, decode_frames, encode_frame
from imjoy_wire.limits import MAX_BUFFERS, MAX_FRAME_BYTES, MAX_HEADER_BYTES, MAX_NAME_CHARS
from support.vectors import load

VECTORS = load("frames")
MIB = 1024 * 1024

names = st.text(max_size=20)
extras = st.dictionaries(
    st.text(max_size=5).filter(lambda key: key not in {"to", "from", "kind", "sizes"}),
    st.none() | st.integers(-(2**53), 2**53) | st.text(max_size=5) | st.lists(st.booleans()),
    max_size=3,
)
frames = st.builds(
    Frame,
    to=names,
    sender=names,
    kind=names,
    body=st.binary(max_size=300),
    buffers=st.lists(st.binary(max_size=300), max_size=4).map(tuple),
    extra=extras,
)


def named(cases: list[dict[str, Any]]) -> Any:
    return pytest.mark.parametrize("case", cases, ids=lambda case: case["name"])


def described(case: dict[str, Any]) -> Frame:
    header = dict(case["header"])
    route = (header.pop("to"), header.pop("from"), header.pop("kind"))
    buffers = tuple(bytes.fromhex(buffer) for buffer in case["buffers"])
    return Frame(*route, bytes.fromhex(case["body"]), buffers, header)


def encoded(*sent: Frame) -> bytes:
    return b"".join(piece for frame in sent for piece in encode_frame(frame))


def plain(frame: Frame) -> tuple[Any, ...]:
    body, buffers = bytes(frame.body), [bytes(buffer) for buffer in frame.buffers]
    return (*frame[:3], body, buffers, dict(frame.extra))


def received(decoder: FrameDecoder, data: bytes, sizes: list[int]) -> list[Frame]:
    """Have a reader write the data into the decoder's own buffers, in pieces of these sizes."""
    arrived: list[Frame] = []
    turn = 0
    while data:
        view = decoder.get_buffer()
        assert len(view) > 0
        count = min(len(view), len(data), sizes[turn % len(sizes)] if sizes else len(data))
        view[:count] = data[:count]
        arrived += decoder.buffer_updated(count)
        data, turn = data[count:], turn + 1
    return arrived


@named(VECTORS["both"])
def test_written_and_read(case: dict[str, Any]) -> None:
    frame = described(case)
    data = bytes.fromhex(case["frame"])
    assert encoded(frame) == data
    assert plain(decode_frame(data)) == plain(frame)
    for size in (1, 2, 7, len(data)):
        decoder = FrameDecoder()
        pieces = [data[at : at + size] for at in range(0, len(data), size)]
        arrived = [frame for piece in pieces for frame in decoder.feed(piece)]
        assert [plain(one) for one in arrived] == [plain(frame)]
        assert decoder.is_between_frames


@named(VECTORS["both"])
def test_a_message_that_is_cut_or_has_a_tail_is_refused(case: dict[str, Any]) -> None:
    data = bytes.fromhex(case["frame"])
    for cut in [data[:size] for size in range(len(data))] + [data + b"\0"]:
        with pytest.raises(FrameError):
            decode_frame(cut)


@named(VECTORS["refused"])
def test_refused(case: dict[str, Any]) -> None:
    data = bytes.fromhex(case["frame"])
    with pytest.raises(FrameError):
        decode_frame(data)
    decoder = FrameDecoder()
    with pytest.raises(FrameError) as refusal:
        received(decoder, data, [1])
    for use in (decoder.get_buffer, lambda: decoder.buffer_updated(1), lambda: decoder.feed(b"x")):
        with pytest.raises(FrameError) as again:
            use()
        assert again.value is refusal.value


@given(st.lists(frames, max_size=4), st.lists(st.integers(1, 40), max_size=5))
@example([Frame("a", "b", "k", b"", (b"\0" * 40_000,))], [7000])
def test_frames_arrive_however_the_stream_is_cut(sent: list[Frame], sizes: list[int]) -> None:
    data = encoded(*sent)
    decoder = FrameDecoder()
    assert [plain(frame) for frame in received(decoder, data, sizes)] == list(map(plain, sent))
    assert decoder.is_between_frames
    assert [plain(frame) for frame in FrameDecoder().feed(data)] == list(map(plain, sent))


@given(st.lists(frames, min_size=1, max_size=3), st.data())
@settings(max_examples=300)
def test_a_mutilated_stream_is_read_or_refused(sent: list[Frame], data: st.DataObject) -> None:
    stream = bytearray(encoded(*sent))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(stream)))
        stream[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    with contextlib.suppress(FrameError):
        FrameDecoder(max_frame_bytes=MIB).feed(stream)
    with contextlib.suppress(FrameError):
        decode_frame(stream)


@given(st.binary(max_size=200))
@settings(max_examples=300)
def test_any_bytes_are_refused_or_waited_for(data: bytes) -> None:
    with contextlib.suppress(FrameError):
        assert FrameDecoder().feed(b"IJ\1\0" + data) == []
    with contextlib.suppress(FrameError):
        FrameDecoder().feed(data)


def test_a_stream_is_cut_inside_a_frame_and_nowhere_else() -> None:
    data = encoded(Frame("a", "b", "rpc", b"x", (bytes(100_000),)))
    decoder = FrameDecoder()
    assert decoder.is_between_frames
    for part in (data[:4], data[4:50], data[50:90_000]):
        decoder.feed(part)
        assert not decoder.is_between_frames
    decoder.feed(data[90_000:])
    assert decoder.is_between_frames


def test_buffers_are_not_copied_on_the_way_out() -> None:
    buffers = (b"abc", bytearray(4), memoryview(bytes(8)).cast("d"))
    pieces = encode_frame(Frame("a", "b", "rpc", b"body", buffers))
    assert all(one is other for one, other in zip(pieces[1:], buffers, strict=True))
    assert len(decode_frame(b"".join(pieces)).buffers[2]) == 8
    body = bytes(MIB)
    assert encode_frame(Frame("a", "b", "rpc", body))[1] is body


def test_views_of_a_message_are_no_copies() -> None:
    message = bytearray(encoded(Frame("a", "b", "rpc", b"body", (b"abc",))))
    frame = decode_frame(message)
    message[-3:] = b"xyz"
    assert bytes(frame.buffers[0]) == b"xyz"


def test_a_large_buffer_is_received_in_its_place() -> None:
    large = random.Random(1).randbytes(9 * MIB + 5)
    decoder = FrameDecoder()
    data = encoded(Frame("a", "b", "rpc", b"x", (large, b"tail")), Frame("c", "d", "rpc"))
    arrived: list[Frame] = []
    at, turns = 0, 0
    while at < len(data):
        view = decoder.get_buffer()
        count = min(len(view), len(data) - at)
        view[:count] = data[at : at + count]
        arrived += decoder.buffer_updated(count)
        at, turns = at + count, turns + 1
    assert turns <= 6
    buffer = arrived[0].buffers[0]
    assert isinstance(buffer, bytearray)
    assert buffer == large
    assert [bytes(part) for part in arrived[0].buffers[1:]] == [b"tail"]
    assert arrived[1].to == "c"


def test_a_reader_that_keeps_its_views_does_no_harm() -> None:
    large = random.Random(2).randbytes(9 * MIB)
    data = encoded(Frame("a", "b", "rpc", large))
    decoder = FrameDecoder()
    kept, arrived = [], []
    while data:
        view = decoder.get_buffer()
        kept.append(view[:1])
        count = min(len(view), len(data), MIB)
        view[:count] = data[:count]
        arrived += decoder.buffer_updated(count)
        data = data[count:]
    assert arrived[0].body == large


def test_a_frame_that_has_gone_out_is_not_held() -> None:
    decoder = FrameDecoder()
    tracemalloc.start()
    try:
        data = encoded(Frame("a", "b", "rpc", bytes(3 * MIB)))
        received(decoder, data, [])
        del data
        assert tracemalloc.get_traced_memory()[0] < MIB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("arrived_bytes", [0, 5 * MIB])
def test_memory_is_set_aside_as_bytes_arrive(arrived_bytes: int) -> None:
    head = encode_frame(Frame("a", "b", "rpc", b"", (b"",)))[0]
    header = bytes(head[8:]).replace(b"[0,0]", b"[0,%d]" % MAX_FRAME_BYTES)
    start = head[:4] + len(header).to_bytes(4, "big") + header
    decoder = FrameDecoder()
    piece = bytes(MIB)
    tracemalloc.start()
    try:
        decoder.feed(start)
        for _ in range(arrived_bytes // MIB):
            decoder.feed(piece)
        decoder.get_buffer()
        assert tracemalloc.get_traced_memory()[1] < 5 * MIB + 2 * arrived_bytes
    finally:
        tracemalloc.stop()


def test_a_decoder_keeps_the_limits_it_is_given() -> None:
    frame = encoded(Frame("a", "b", "rpc", b"12345", (b"678", b"")))
    assert FrameDecoder(8, 2).feed(frame)
    for limits in ((7, 2), (8, 1)):
        with pytest.raises(FrameTooLargeError):
            FrameDecoder(*limits).feed(frame)
        with pytest.raises(FrameTooLargeError):
            decode_frame(frame, *limits)


def test_a_frame_over_the_limits_of_the_format_is_not_written() -> None:
    with pytest.raises(UnsendableFrameError, match="a header of"):
        encode_frame(Frame("a", "b", "rpc", extra={"note": "x" * MAX_HEADER_BYTES}))
    with pytest.raises(UnsendableFrameError, match="4097 buffers"):
        encode_frame(Frame("a", "b", "rpc", b"", [b""] * (MAX_BUFFERS + 1)))
    for value in (b"bytes", float("nan"), {1, 2}):
        with pytest.raises(UnsendableFrameError, match="not JSON"):
            encode_frame(Frame("a", "b", "rpc", extra={"note": value}))


def test_headers_up_to_the_limit_fit() -> None:
    name = "n" * MAX_NAME_CHARS
    extra = {"note": "x" * (MAX_HEADER_BYTES - 3 * MAX_NAME_CHARS - 100)}
    sent = [Frame(name, name, name, b"x", (), extra)] * 5
    assert [plain(frame) for frame in FrameDecoder().feed(encoded(*sent))] == list(map(plain, sent))
    for size in (65_000, 65_543, 70_000):
        assert len(received(FrameDecoder(), encoded(*sent), [size])) == 5


def test_the_header_of_a_forwarded_frame_cannot_be_overruled() -> None:
    extra = {"to": "elsewhere", "sizes": [9], "hint": 1}
    frame = decode_frame(encoded(Frame("a", "b", "rpc", b"x", (), extra)))
    assert plain(frame) == ("a", "b", "rpc", b"x", [], {"hint": 1})


def test_payload_bytes_counts_body_and_buffers() -> None:
    floats = memoryview(bytes(16)).cast("d")
    assert Frame("a", "b", "rpc", b"123", (b"45", floats)).payload_bytes == 21


@given(st.lists(frames, min_size=1, max_size=5))
def test_one_message_may_bring_several_frames(sent):
    assert decode_frames(encoded(*sent)) == [decode_frame(encoded(frame)) for frame in sent]


@given(st.lists(frames, min_size=1, max_size=3), st.integers(1, 200))
def test_a_message_cut_inside_a_frame_is_refused(sent, missing):
    message = encoded(*sent)
    last = len(encoded(sent[-1]))
    with pytest.raises(FrameError):
        decode_frames(message[: -min(missing, last - 1)])


def with_header(text: str) -> bytes:
    header = text.encode()
    return b"IJ\x01\x00" + len(header).to_bytes(4, "big") + header


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        ("[0]}", {}),
        ('[0],"n":7}', {"n": 7}),
        ('[0],"n":7,"m":8}', {"n": 7, "m": 8}),
        ('[0],"n":"7"}', {"n": "7"}),
        (' [ 0 ] , "n" : 7 }', {"n": 7}),
    ],
)
def test_a_route_that_is_known_changes_nothing_about_what_follows_it(rest, expected):
    for _ in range(2):
        frame = decode_frame(with_header('{"to":"a","from":"b","kind":"c","sizes":' + rest))
        assert frame[:3] == ("a", "b", "c")
        assert dict(frame.extra) == expected


@pytest.mark.parametrize("rest", ["[00]}", "[0]", "[0]}}", '[0],"n":07}', "[-1]}", "[0,]}", "[]}"])
def test_a_route_that_is_known_makes_no_broken_header_good(rest):
    start = '{"to":"a","from":"b","kind":"c","sizes":'
    decode_frame(with_header(start + "[0]}"))
    with pytest.raises(FrameError):
        decode_frame(with_header(start + rest))


def test_of_a_key_that_comes_twice_the_last_counts_also_on_a_known_route():
    start = '{"to":"a","from":"b","kind":"c","sizes":'
    decode_frame(with_header(start + "[0]}"))
    assert decode_frame(with_header(start + '[0],"to":"z"}')).to == "z"


def test_routes_are_forgotten_before_they_are_too_many():
    for number in range(3000):
        frame = Frame(f"peer {number}", "b", "c")
        assert decode_frame(encoded(frame)) == frame

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imjoy_wire.errors import FrameError, FrameTooLargeError
from imjoy_wire.events import from_event, to_event
from imjoy_wire.frames import Frame, decode_frame, encode_frame
from imjoy_wire.limits import MAX_TEXT_BODY_BYTES

HEADER = {"to": "w-1", "from": "b-1", "kind": "rpc"}


def deep(levels: int) -> Any:
    value: Any = None
    for _ in range(levels):
        value = [value]
    return value


def test_a_short_body_alone_is_text() -> None:
    assert to_event(Frame("w-1", "b-1", "rpc", "{}ü".encode())) == (HEADER, "{}ü")
    assert to_event(Frame("w-1", "b-1", "rpc", bytearray(b"{}"))) == (HEADER, "{}")


@pytest.mark.parametrize(
    "frame",
    [
        Frame("w-1", "b-1", "rpc", b"1", (b"buffer",)),
        Frame("w-1", "b-1", "rpc", b"1" * (MAX_TEXT_BODY_BYTES + 1)),
        Frame("w-1", "b-1", "rpc", b"\xff"),
    ],
    ids=["with a buffer", "long", "not UTF-8"],
)
def test_any_other_body_is_binary_and_nothing_is_copied(frame: Frame) -> None:
    header, body, *buffers = to_event(frame)
    assert header == HEADER
    assert body is frame.body
    assert all(one is other for one, other in zip(buffers, frame.buffers, strict=True))


@given(st.text(max_size=50), st.lists(st.binary(max_size=9), max_size=3), st.booleans())
def test_an_event_carries_what_a_frame_does(
    text: str, buffers: list[bytes], has_extra: bool
) -> None:
    extra = {"hint": [1, {"a": None}]} if has_extra else {}
    frame = Frame("w-1", "b-1", "rpc", text.encode("utf-8", "replace"), tuple(buffers), extra)
    arrived = from_event(to_event(frame))
    assert arrived == frame
    assert b"".join(encode_frame(arrived)) == b"".join(encode_frame(frame))
    assert dict(decode_frame(b"".join(encode_frame(arrived))).extra) == extra


def test_a_header_may_not_speak_of_sizes() -> None:
    assert from_event([{**HEADER, "sizes": [5]}, ""]).extra == {}


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        [HEADER],
        [None, ""],
        ["header", ""],
        [[HEADER], ""],
        [{}, ""],
        [{**HEADER, "to": None}, ""],
        [{**HEADER, "from": 1}, ""],
        [{**HEADER, "kind": ["rpc"]}, ""],
        [{**HEADER, "kind": "k" * 257}, ""],
        [{**HEADER, "note": b"bytes"}, ""],
        [{**HEADER, "note": float("nan")}, ""],
        [{**HEADER, "note": deep(40)}, ""],
        [{**HEADER, "note": deep(50_000)}, ""],
        [{**HEADER, "note": "x" * 40_000}, ""],
        [HEADER, None],
        [HEADER, 1],
        [HEADER, {"a": 1}],
        [HEADER, "\ud800"],
        [HEADER, "", "text"],
        [HEADER, "", b"", None],
        [HEADER, b"", [b""]],
    ],
)
def test_what_is_no_frame_is_refused(arguments: list[Any]) -> None:
    with pytest.raises(FrameError):
        from_event(arguments)


def test_the_limits_are_kept() -> None:
    arguments = [HEADER, "12345", b"678", b""]
    assert from_event(arguments, 8, 2).payload_bytes == 8
    for limits in ((7, 2), (8, 1)):
        with pytest.raises(FrameTooLargeError):
            from_event(arguments, *limits)

"""Cutting, lanes and numbers, held to the vectors that the browser's end passes too."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from imjoy_wire.chunks import Assembler, cut
from imjoy_wire.delivery import ACK, Incoming, Sent, ack_number
from imjoy_wire.errors import FrameError
from imjoy_wire.frames import Frame
from imjoy_wire.lanes import GRANT, WINDOW_BYTES, Lanes, granted
from imjoy_wire.limits import MAX_FRAME_BYTES
from support.vectors import load

CHUNKS, DELIVERY, LANES = load("chunks"), load("delivery"), load("lanes")
PERIOD = bytes(range(251))


def described(header: dict[str, Any], sizes: list[int], at: int = 0) -> Frame:
    total = sum(sizes)
    payload = (PERIOD * ((at + total) // len(PERIOD) + 1))[at : at + total]
    parts = []
    for size in sizes:
        parts.append(payload[:size])
        payload = payload[size:]
    body, *buffers = parts
    extra = {key: value for key, value in header.items() if key not in ("to", "from", "kind")}
    return Frame(header["to"], header["from"], header["kind"], body, tuple(buffers), extra)


def plain(frame: Frame) -> Frame:
    return frame._replace(
        body=bytes(frame.body),
        buffers=tuple(bytes(part) for part in frame.buffers),
        extra=dict(frame.extra),
    )


@contextlib.contextmanager
def refused(expected: object) -> Iterator[None]:
    """Expect a FrameError, or none."""
    with pytest.raises(FrameError) if expected else contextlib.nullcontext():
        yield


def by_name(vectors: list[dict[str, Any]]) -> Any:
    return pytest.mark.parametrize("vector", vectors, ids=[entry["name"] for entry in vectors])


@by_name(CHUNKS["cut"])
def test_frames_are_cut(vector: dict[str, Any]) -> None:
    frame = described(vector["header"], vector["sizes"])
    at = 0
    for piece, expected in zip(cut(frame, vector["id"]), vector["pieces"], strict=True):
        assert plain(piece) == described(expected["header"], expected["sizes"], at)
        at += sum(expected["sizes"])


@by_name(CHUNKS["assemble"])
def test_frames_are_put_together(vector: dict[str, Any]) -> None:
    assembler = Assembler(vector.get("max_message_bytes", MAX_FRAME_BYTES))
    for step in vector["steps"]:
        if "forget" in step:
            assembler.forget(step["forget"])
            continue
        with refused(step.get("error")):
            wholes = assembler.feed(described(step["header"], step["sizes"], step.get("at", 0)))
            expected = [described(each["header"], each["sizes"]) for each in step["gives"]]
            assert [plain(whole) for whole in wholes] == expected


@by_name(DELIVERY["sent"])
def test_what_was_sent_is_kept(vector: dict[str, Any]) -> None:
    sent = Sent()
    for step in vector["steps"]:
        if "number" in step:
            frame = Frame("b", "a", "rpc", b"", (bytes(step["number"]),))
            numbered = [sent.number(frame) for _ in range(step.get("times", 1))]
            assert numbered[-1].extra == {"n": step["n"]}
        elif "ack" in step:
            with refused(step.get("error")):
                sent.acknowledged(step["ack"])
        elif "has_room" in step:
            assert sent.has_room == step["has_room"]
        else:
            assert [frame.extra["n"] for frame in sent.unacknowledged()] == step["unacknowledged"]
            assert sent.kept_bytes == step["kept_bytes"]


@by_name(DELIVERY["incoming"])
def test_what_comes_is_taken_once(vector: dict[str, Any]) -> None:
    incoming = Incoming()
    for step in vector["steps"]:
        if "take" in step:
            for later in range(step.get("times", 1)):
                number = step["take"] + later if later else step["take"]
                frame = Frame("b", "a", "rpc", b"", (bytes(step["bytes"]),), {"n": number})
                with refused(step.get("error")):
                    taken = incoming.take(frame)
                    assert taken == (frame._replace(extra={}) if step["gives"] else None)
        elif "ack" in step:
            assert incoming.ack() == Frame("", "", ACK, extra={"n": step["ack"]})
        else:
            assert (incoming.owes_ack, incoming.should_ack) == (step["owes"], step["should"])


@pytest.mark.parametrize("vector", DELIVERY["ack_number"])
def test_an_ack_names_a_number(vector: dict[str, Any]) -> None:
    with refused(vector.get("error")):
        assert ack_number(Frame("", "", ACK, extra=vector["header"])) == vector["gives"]


@by_name(LANES["lanes"])
def test_lanes_are_served_in_turn(vector: dict[str, Any]) -> None:
    lanes = Lanes(WINDOW_BYTES)
    for step in vector["steps"]:
        if "put" in step:
            sender, to = step["put"]
            lanes.put(Frame(to, sender, "rpc", b"", (bytes(step["bytes"]),)))
        elif "take" in step:
            frame = lanes.take()
            if step["take"] is None:
                assert frame is None
            else:
                assert frame is not None
                assert [frame.sender, frame.to] == step["take"]
                assert (frame.kind, frame.payload_bytes) == (step["kind"], step["bytes"])
        elif "grant" in step:
            lanes.grant(*step["grant"], step["bytes"])
        elif "drop" in step:
            lanes.drop(step["drop"])
        else:
            assert lanes.waiting_bytes == step["waiting_bytes"]


@pytest.mark.parametrize("vector", LANES["granted"])
def test_a_grant_names_its_lane_and_bytes(vector: dict[str, Any]) -> None:
    with refused(vector.get("error")):
        assert list(granted(Frame("", "", GRANT, extra=vector["header"]))) == vector["gives"]

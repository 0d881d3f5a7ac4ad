"""Buffers that go from worker to worker by shared memory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from imjoy_wire.errors import FrameError
from imjoy_wire.frames import Frame
from imjoy_worker import shared
from imjoy_worker.shared import SHARED_BYTES, SharedMemory


@pytest.fixture
def ends(tmp_path: Path) -> tuple[SharedMemory, SharedMemory]:
    return SharedMemory(str(tmp_path), "w_a"), SharedMemory(str(tmp_path), "w_b")


def frame(*buffers: bytes, to: str = "w_b") -> Frame:
    return Frame(to, "w_a", "rpc", b"{}", buffers, {"hint": 1})


def test_buffers_arrive_as_they_were_and_can_be_written(ends, tmp_path):
    sender, receiver = ends
    original = frame(os.urandom(SHARED_BYTES + 3), b"", b"small")
    sent = sender.put(original)
    assert sent.buffers == ()
    assert len(list(tmp_path.iterdir())) == 1
    got = receiver.take(sent)
    assert [bytes(buffer) for buffer in got.buffers] == list(original.buffers)
    assert dict(got.extra) == {"hint": 1}
    assert not list(tmp_path.iterdir())
    got.buffers[0][0] = 7
    assert got.buffers[0][0] == 7


@pytest.mark.parametrize(
    "other",
    [frame(b"small"), frame(bytes(SHARED_BYTES), to="b_page"), frame()],
)
def test_what_is_small_or_for_a_client_travels_as_it_is(ends, other):
    sender, receiver = ends
    assert sender.put(other) is other
    assert receiver.take(other) is other


def test_without_a_directory_or_room_it_travels_as_it_is(ends, tmp_path, monkeypatch):
    big = frame(bytes(SHARED_BYTES))
    assert SharedMemory(None, "w_a").put(big) is big
    assert SharedMemory(str(tmp_path / "gone"), "w_a").put(big) is big
    assert SharedMemory(str(tmp_path), "w_a", puts=False).put(big) is big
    monkeypatch.setattr(shared, "MAX_UNFETCHED_BYTES", SHARED_BYTES * 2)
    sender, receiver = ends
    first = sender.put(big)
    assert sender.put(big).buffers == ()
    assert sender.put(big) is big
    receiver.take(first)
    assert sender.put(big).buffers == ()


def test_what_a_gone_receiver_has_not_fetched_is_removed(ends, tmp_path):
    sender, _ = ends
    sender.put(frame(bytes(SHARED_BYTES)))
    kept = sender.put(frame(bytes(SHARED_BYTES), to="w_c"))
    sender.forget("w_b")
    assert [path.name for path in tmp_path.iterdir()] == [kept.extra["shm"]["name"]]


@pytest.mark.parametrize(
    "mark",
    [
        {"name": "w_a-x-0", "sizes": [1]},
        {"name": "../w_b-x", "sizes": [1]},
        {"name": "w_b-../../etc/passwd", "sizes": [1]},
        {"name": "w_b-nothing-0", "sizes": [1]},
        {"name": "w_b-x", "sizes": [-1]},
        {"name": "w_b-x", "sizes": "1"},
        {"name": 7, "sizes": []},
        "w_b-x",
    ],
)
def test_nobody_can_be_made_to_open_anything_else(ends, tmp_path, mark):
    (tmp_path / "w_a-x-0").write_bytes(b"x")
    with pytest.raises(FrameError):
        ends[1].take(Frame("w_b", "b", "rpc", b"{}", (), {"shm": mark}))
    assert (tmp_path / "w_a-x-0").exists()


def test_a_file_that_is_too_short_is_refused(ends, tmp_path):
    (tmp_path / "w_b-x").write_bytes(b"x" * 10)
    with pytest.raises(FrameError, match="too short"):
        ends[1].take(
            Frame("w_b", "w_a", "rpc", b"{}", (), {"shm": {"name": "w_b-x", "sizes": [11]}})
        )

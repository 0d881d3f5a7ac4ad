from __future__ import annotations

import resource
import sys
from pathlib import Path

import pytest

from imjoy_wire.buffers import buffer_bytes, copy_of, flat_view, room_for, take_memory
from imjoy_wire.codec import pack

EIGHT = bytes(range(8))


@pytest.mark.parametrize(
    "view",
    [
        memoryview(EIGHT).cast("d"),
        memoryview(EIGHT).cast("B", (2, 4)),
        memoryview(EIGHT).cast("B", (2, 4))[::-1],
        memoryview(EIGHT).cast("H")[::2],
        memoryview(EIGHT)[::3],
        memoryview(EIGHT).cast("b"),
        memoryview(b""),
        memoryview(bytearray(8)).cast("I")[:0],
    ],
)
def test_a_view_of_any_items_becomes_one_of_bytes(view: memoryview) -> None:
    flat = flat_view(view)
    assert (flat.format, flat.ndim, len(flat)) == ("B", 1, view.nbytes)
    assert flat.tobytes() == view.tobytes()
    assert buffer_bytes(view) == len(flat)
    (packed,) = pack([view])[1]
    assert (packed.format, len(packed)) == ("B", view.nbytes)


def test_bytes_that_lie_in_order_are_not_copied() -> None:
    data = bytearray(8)
    views = [flat_view(memoryview(data).cast("d")), flat_view(memoryview(data))]
    data[0] = 7
    assert [view[0] for view in views] == [7, 7]


@pytest.mark.parametrize("size", [0, 1, 1000, 5 << 20])
def test_room_is_empty_bytes_that_can_be_written(size):
    room = room_for(size)
    assert len(room) == size
    assert not any(room[:1000])
    room[:] = b"x" * size
    assert bytes(room[-3:]) == b"x" * min(3, size)


def resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def test_room_for_much_takes_no_memory_before_it_is_written():
    before = resident_bytes()
    rooms = [room_for(1 << 30) for _ in range(8)]
    assert sum(map(len, rooms)) == 8 << 30
    assert resident_bytes() - before < 64 << 20


def test_where_no_such_room_is_to_be_had_it_is_had_otherwise(monkeypatch):
    def refuse(*_):
        raise OSError("no memory to promise")

    monkeypatch.setattr("mmap.mmap", refuse)
    assert len(room_for(5 << 20)) == 5 << 20


def test_memory_is_taken_for_what_is_about_to_be_written():
    before = resident_bytes()
    room = room_for(64 << 20)
    take_memory(room, 1000, 16 << 20)
    if sys.platform == "linux":  # since 5.14; else it comes as it is written
        assert resident_bytes() - before > 12 << 20
    assert resident_bytes() - before < 32 << 20
    take_memory(room, len(room) - 100_000, len(room))
    assert not any(room[:2000])


def test_where_memory_cannot_be_taken_at_once_it_comes_as_it_is_written():
    for room in (memoryview(bytearray(1 << 20)), room_for(8 << 20)[4096:]):
        take_memory(room, 0, len(room))
        room[-1:] = b"x"


@pytest.mark.parametrize("size", [0, 5, 1 << 20, (9 << 20) + 3])
def test_a_copy_is_the_same_bytes_that_nobody_changes(size):
    data = bytearray(b"abc" * (size // 3 + 1))[:size]
    copied = copy_of(memoryview(data))
    data[:] = bytes(size)
    assert bytes(copied) == (b"abc" * (size // 3 + 1))[:size]


def test_what_nobody_can_change_is_not_copied():
    data = bytes(9 << 20)
    assert copy_of(data) is data

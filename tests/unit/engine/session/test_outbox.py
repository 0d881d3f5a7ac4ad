from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from imjoy_engine.records import read_records
from imjoy_engine.session.outbox import Outbox
from imjoy_wire.frames import Frame


def frame(number: int, size: int = 100) -> Frame:
    return Frame("b", "w", "rpc", b"%d" % number, (bytes(size),), {"run": {"id": "ü"}})


def outbox(directory: Path, max_bytes: int = 1 << 20) -> Outbox:
    return Outbox(directory / "s.records", max_bytes, lambda: None)


async def written(box: Outbox, count: int) -> None:
    """Return when the file holds so many records."""

    def look() -> int:
        return len(list(read_records(box.path))) if box.path.exists() else 0

    async with asyncio.timeout(20):
        while await asyncio.to_thread(look) < count:
            pass


async def everything(box: Outbox, at_once: int = 500) -> list[Frame]:
    frames = []
    while not box.is_empty:
        frames += await box.take(at_once)
    return frames


async def test_what_waits_comes_back_in_its_order_and_leaves_nothing(tmp_path: Path) -> None:
    box = outbox(tmp_path)
    for number in range(50):
        box.put(frame(number))
    await written(box, 50)
    assert await everything(box) == [frame(number) for number in range(50)]
    assert not box.path.exists()
    box.put(frame(50))
    await written(box, 1)
    assert await everything(box) == [frame(50)]


async def test_a_frame_that_says_nothing_beside_its_route_is_written_like_any(
    tmp_path: Path,
) -> None:
    box = outbox(tmp_path)
    plain = Frame("b", "w", "rpc", b"{}")
    box.put(plain)
    await written(box, 1)
    assert await everything(box) == [plain]


async def test_frames_come_while_others_are_taken(tmp_path: Path) -> None:
    box = outbox(tmp_path)
    taken: list[Frame] = []
    for number in range(200):
        box.put(frame(number))
        if number % 7 == 0:
            taken += await box.take(300)
    taken += await everything(box)
    assert taken == [frame(number) for number in range(200)]


@pytest.mark.parametrize("is_written", [True, False])
async def test_of_what_has_one_name_only_the_last_comes_back(
    tmp_path: Path, is_written: bool
) -> None:
    box = outbox(tmp_path)
    for number in range(10):
        box.put(frame(number), "progress" if number % 2 else "")
        if is_written and number == 5:
            await written(box, 4)
    assert await everything(box) == [frame(number) for number in (0, 2, 4, 6, 8, 9)]
    # What was taken is not replaced any more.
    box.put(frame(10), "progress")
    assert await everything(box) == [frame(10)]


async def test_it_is_full_until_enough_was_taken(tmp_path: Path) -> None:
    told = asyncio.Event()
    box = Outbox(tmp_path / "s.records", 5000, told.set)
    box.put(frame(1, 3000))
    assert not box.is_full
    box.put(frame(2, 3000))
    assert box.is_full
    await written(box, 2)
    told.clear()
    await box.take(1)
    assert told.is_set()
    assert not box.is_full


async def test_a_full_disk_keeps_everything_in_memory(tmp_path: Path) -> None:
    box = outbox(tmp_path / "directory")
    (tmp_path / "directory").write_text("in the way")
    for number in range(3):
        box.put(frame(number))
        await asyncio.wait({box._writer or asyncio.ensure_future(asyncio.Event().wait())})
    (tmp_path / "directory").unlink()
    box.put(frame(3))
    await written(box, 4)
    assert await everything(box) == [frame(number) for number in range(4)]


async def test_what_is_thrown_away_leaves_no_file(tmp_path: Path) -> None:
    box = outbox(tmp_path)
    for number in range(5):
        box.put(frame(number))
    await written(box, 5)
    box.put(frame(6))
    await box.clear()
    assert box.is_empty
    assert await box.take(1000) == []
    assert not box.path.exists()


async def test_messages_that_nobody_else_keeps_are_counted(tmp_path: Path) -> None:
    box = outbox(tmp_path)
    message = Frame("b", "w", "rpc", b"{}")
    piece = Frame("b", "w", "chunk", b"{}", (), {"cut": 1})
    for each in (message, frame(1), piece, Frame("", "", "event"), message):
        box.put(each)
    assert box.messages == 2
    await box.take(1)
    await everything(box)
    assert box.messages == 0
    box.put(message)
    await box.clear()
    assert box.messages == 0

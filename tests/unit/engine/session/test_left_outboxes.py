from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from imjoy_engine.records import append_records
from imjoy_engine.session.kept_frames import record_of
from imjoy_engine.session.left_outboxes import LeftOutboxes
from imjoy_engine.session.links import event_frame
from imjoy_wire.frames import Frame

PLAIN = Frame("b", "w", "rpc", b"{}")
RESULT = Frame("b", "w", "rpc", b"{}", (), {"run": {"id": "r", "state": "done"}})
CUT = Frame("b", "w", "rpc", b"", (), {"cut": {"id": 1, "sizes": [2]}})
CHUNK = Frame("b", "w", "chunk", b"{}", (), {"cut": 1})
EVENT = event_frame("plugin_event", {"event": "state"}, sender="w", to="b")


async def removed(directory: Path) -> None:
    """Return when nothing is left."""
    left = await LeftOutboxes.found(directory)
    left.start()
    async with asyncio.timeout(20):
        while await asyncio.to_thread(lambda: any(directory.glob("*.records"))):
            pass
    await left.close()


@pytest.mark.parametrize(
    ("frames", "level", "words"),
    [
        ([PLAIN, RESULT, EVENT], logging.WARNING, "1 messages of plugins"),
        ([CUT, CHUNK, CHUNK], logging.WARNING, "1 messages of plugins"),
        ([RESULT, EVENT, EVENT], logging.INFO, "1 results of runs, which are kept, and 2 words"),
    ],
)
async def test_what_is_lost_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, frames: list[Frame], level: int, words: str
) -> None:
    caplog.set_level(logging.INFO)
    records = ({"n": number, **record_of(frame)} for number, frame in enumerate(frames))
    append_records(tmp_path / "outbox" / "s_1.records", records)
    await removed(tmp_path / "outbox")
    assert [record.levelno for record in caplog.records] == [level]
    assert words in caplog.text
    assert not list((tmp_path / "outbox").iterdir())


async def test_where_nothing_is_left_nothing_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await removed(tmp_path / "outbox")
    (tmp_path / "outbox").mkdir()
    await removed(tmp_path / "outbox")
    assert not caplog.records


async def test_a_file_that_was_cut_off_is_no_trouble(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "outbox" / "s_1.records"
    size = append_records(path, [{"n": 1, **record_of(PLAIN)}] * 2)
    with path.open("ab") as file:
        file.truncate(size - 3)
    await removed(path.parent)
    assert "1 messages of plugins" in caplog.text


async def test_what_there_was_no_time_for_is_left_to_the_next(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "s_1.records"
    append_records(path, [{"n": 1, **record_of(PLAIN)}])
    left = await LeftOutboxes.found(tmp_path)
    await left.close()
    left.start()
    await left.close()
    assert path.exists()
    assert not caplog.records
    await removed(tmp_path)
    assert "1 messages of plugins" in caplog.text


async def test_what_this_engine_keeps_for_its_own_clients_stays(tmp_path: Path) -> None:
    left = await LeftOutboxes.found(tmp_path)
    path = tmp_path / "s_2.records"
    append_records(path, [{"n": 1, **record_of(PLAIN)}])
    left.start()
    await left.close()
    assert path.exists()

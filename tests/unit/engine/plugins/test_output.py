from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from imjoy_engine.plugins.output import OutputLog, is_end


class Heard:
    def __init__(self) -> None:
        self.pieces: list[tuple[str, str]] = []

    def __call__(self, stream: str, text: str) -> None:
        self.pieces.append((stream, text))

    @property
    def text(self) -> str:
        return "".join(text for _, text in self.pieces)


async def test_what_is_printed_is_passed_on_kept_and_remembered(tmp_path: Path) -> None:
    heard = Heard()
    log = OutputLog(tmp_path / "logs" / "a.log", heard, max_file_bytes=1 << 20)
    log.feed("stdout", b"one\ntwo")
    log.feed("stdout", b" and more\n")
    log.feed("stderr", b"oh\n")
    await log.close()
    assert heard.pieces == [("stdout", "one\ntwo and more\n"), ("stderr", "oh\n")]
    assert log.path.read_text() == "one\ntwo and more\noh\n"
    assert log.last_lines() == ["one", "two and more", "oh"]


async def test_a_log_that_cannot_be_written_stops_nothing_and_goes_on_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    heard = Heard()
    log = OutputLog(tmp_path / "logs" / "a.log", heard, max_file_bytes=1 << 20)
    (tmp_path / "logs").write_text("in the way of a directory")
    for number in range(2):
        log.feed("stdout", f"lost {number}\n".encode())
        await log.close()
    assert caplog.text.count("cannot be written") == 1
    (tmp_path / "logs").unlink()
    log.feed("stdout", b"kept\n")
    await log.close()
    assert heard.text == "lost 0\nlost 1\nkept\n"
    assert log.path.read_text() == "kept\n"


async def test_an_open_line_counts_among_the_last(tmp_path: Path) -> None:
    log = OutputLog(tmp_path / "a.log", Heard(), max_file_bytes=1 << 20)
    log.feed("stdout", b"whole\nhalf")
    assert log.last_lines() == ["whole", "half"]
    await log.close()


async def test_a_progress_bar_is_remembered_by_its_last_state(tmp_path: Path) -> None:
    log = OutputLog(tmp_path / "a.log", Heard(), max_file_bytes=1 << 20)
    log.feed("stderr", b"10%\r50%\r100%\n")
    assert log.last_lines() == ["100%"]
    await log.close()


async def test_the_last_lines_of_a_crash_are_those_that_explain_it(tmp_path: Path) -> None:
    log = OutputLog(tmp_path / "a.log", Heard(), max_file_bytes=1 << 20)
    log.feed(
        "stderr", b"Fatal Python error: Aborted\n\nCurrent thread 0x1 (most recent call first):\n"
    )
    log.feed("stderr", b'  File "P", line 6 in f\n')
    log.feed("stderr", b'\nThread 0x2 (most recent call first):\n  File "x", line 1 in y\n' * 100)
    assert log.last_lines()[-2:] == ['  File "P", line 6 in f', ""]
    await log.close()
    assert log.path.read_text().count("Thread 0x2") == 100


async def test_a_character_cut_between_two_chunks_survives(tmp_path: Path) -> None:
    heard = Heard()
    log = OutputLog(tmp_path / "a.log", heard, max_file_bytes=1 << 20)
    snowman = "☃".encode()
    log.feed("stdout", snowman[:1])
    log.feed("stdout", snowman[1:] + b"\xff\n")
    await log.close()
    assert heard.text == "☃�\n"


async def test_a_flood_is_bounded_and_said(tmp_path: Path) -> None:
    heard = Heard()
    log = OutputLog(tmp_path / "a.log", heard, max_file_bytes=1 << 20)
    chunk = b"x" * 65_535 + b"\n"
    for _ in range(1000):
        log.feed("stderr", chunk)
    await log.close()
    assert len(heard.text) < 1 << 20
    assert "bytes skipped: printed faster than shown" in heard.text
    assert log.path.stat().st_size < 1 << 20


async def test_the_end_of_a_flood_is_kept(tmp_path: Path) -> None:
    heard = Heard()
    log = OutputLog(tmp_path / "a.log", heard, max_file_bytes=1 << 20)
    for _ in range(1000):
        log.feed("stderr", b"x" * 65_535 + b"\n")
        log.feed("stdout", b"y" * 99 + b"\n")
    log.feed("stderr", b"ValueError: why it ended\n")
    log.feed("stdout", b"goodbye\n")
    assert "ValueError: why it ended" in log.last_lines()
    await log.close()
    assert [text.endswith("\n") for _, text in heard.pieces] == [True] * len(heard.pieces)
    assert ("stdout", "goodbye") in [(each, text.splitlines()[-1]) for each, text in heard.pieces]
    assert heard.text.index("bytes skipped") < heard.text.index("ValueError: why it ended\n")
    assert len(heard.text) < 1 << 20


async def test_a_full_file_is_rotated_once(tmp_path: Path) -> None:
    log = OutputLog(tmp_path / "a.log", Heard(), max_file_bytes=10)
    for word in (b"first line\n", b"second line\n", b"third line\n"):
        log.feed("stdout", word)
        await log.close()
    assert log.path.read_text() == "third line\n"
    assert log.path.with_suffix(".1.log").read_text() == "second line\n"


async def test_the_engines_own_lines_are_in_the_file_alone(tmp_path: Path) -> None:
    heard: list[tuple[str, str]] = []
    log = OutputLog(
        tmp_path / "a.i_1.log", lambda *entry: heard.append(entry), max_file_bytes=1 << 20
    )
    log.mark("starting")
    log.feed("stdout", b"half a line")
    log.mark("ready")
    log.mark_end("failed. It broke.")
    await log.close()
    assert heard == [("stdout", "half a line")]
    lines = log.path.read_text().splitlines()
    assert [re.sub(r"\d", "0", line) for line in lines] == [
        "── 0000-00-00 00:00:00 starting",
        "half a line",
        "── 0000-00-00 00:00:00 ready",
        "── 0000-00-00 00:00:00 ended: failed. It broke.",
    ]
    assert [is_end(line) for line in lines] == [False, False, False, True]
    assert log.last_lines() == ["half a line"]


async def test_a_tools_last_words_stand_before_the_end(tmp_path: Path) -> None:
    heard = Heard()
    log = OutputLog(tmp_path / "a.log", heard, max_file_bytes=1 << 20)
    log.mark_end("failed. No build.", "$ uv pip install nothing\nNo solution found\n")
    await log.close()
    lines = log.path.read_text().splitlines()
    assert lines[1:3] == ["$ uv pip install nothing", "No solution found"]
    assert [is_end(line) for line in lines] == [False, False, False, True]
    assert heard.pieces == []


async def test_what_calls_raise_is_kept_but_for_a_flood_of_it(tmp_path: Path) -> None:
    heard = Heard()
    log = OutputLog(tmp_path / "a.log", heard, max_file_bytes=1 << 30)
    log.mark_raised("f()\nValueError: no\n")
    for _ in range(20):
        log.mark_raised("x" * (100 << 10))
    await log.close()
    text = log.path.read_text()
    assert "raised in a call: f()\nValueError: no\n" in text
    assert len(text) < 300 << 10
    assert heard.pieces == []


async def test_what_was_printed_is_told_again_with_its_time_and_without_marks(
    tmp_path: Path,
) -> None:
    log = OutputLog(tmp_path / "a.i_1.log", Heard(), max_file_bytes=1 << 20)
    before_s = int(time.time())
    log.mark("starting")
    log.feed("stdout", b"one\ntwo\n")
    await log.close()
    later = OutputLog(log.path, Heard(), max_file_bytes=1 << 20)
    later.feed("stdout", b"three\n")
    await later.close()
    pieces = await later.recent()
    assert "".join(piece.text for piece in pieces) == "one\ntwo\nthree\n"
    assert [piece.time_s for piece in pieces if piece.time_s is None] == []
    assert before_s <= pieces[0].time_s <= pieces[-1].time_s <= time.time()
    await later.recall()
    assert later.last_lines() == ["three", "one", "two", "three"]

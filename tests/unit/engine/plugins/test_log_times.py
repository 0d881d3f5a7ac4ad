from __future__ import annotations

from pathlib import Path

from imjoy_engine.plugins.log_times import Printed, note_time, printed, times_path


def written(log: Path, *pieces: tuple[int | None, bytes]) -> Path:
    """Return a log with these pieces, and the times of those that have one."""
    for time_s, content in pieces:
        offset = log.stat().st_size if log.exists() else 0
        with log.open("ab") as file:
            file.write(content)
        if time_s is not None:
            note_time(log, offset, time_s)
    return log


def test_each_piece_has_its_second(tmp_path: Path) -> None:
    log = written(
        tmp_path / "a.log", (5, b"one\n"), (None, b"two\n"), (7, b"three\nfo"), (9, b"ur\n")
    )
    assert printed(log, 1 << 14) == [
        Printed("one\ntwo\n", 5),
        Printed("three\nfo", 7),
        Printed("ur\n", 9),
    ]


def test_of_a_long_log_the_last_whole_lines_are_returned(tmp_path: Path) -> None:
    log = written(tmp_path / "a.log", (5, b"first\n"), (7, b"second\nthird\n"), (9, b"fourth\n"))
    assert printed(log, 16) == [Printed("third\n", 7), Printed("fourth\n", 9)]


def test_a_log_without_times_is_returned_all_the_same(tmp_path: Path) -> None:
    log = written(tmp_path / "a.log", (None, b"one\n"))
    assert printed(log, 1 << 14) == [Printed("one\n", None)]
    note_time(log, 4, 7)
    log = written(log, (None, b"two\n"))
    assert printed(log, 1 << 14) == [Printed("one\n", 7), Printed("two\n", 7)]
    assert printed(tmp_path / "none.log", 1 << 14) == []


def test_a_character_between_two_pieces_survives(tmp_path: Path) -> None:
    snowman = "☃\n".encode()
    log = written(tmp_path / "a.log", (5, snowman[:1]), (6, snowman[1:] + b"\xff"))
    assert "".join(piece.text for piece in printed(log, 1 << 14)) == "☃\n�"


def test_a_log_that_begins_anew_has_no_times_of_before(tmp_path: Path) -> None:
    log = written(tmp_path / "a.log", (5, b"one\n"), (6, b"two\n"))
    log.unlink()
    written(log, (8, b"three\nfour\n"))
    assert printed(log, 1 << 14) == [Printed("three\nfour\n", 8)]


def test_lines_that_a_full_disk_has_cut_are_passed_over(tmp_path: Path) -> None:
    log = written(tmp_path / "a.log", (5, b"one\n"))
    with times_path(log).open("a") as file:
        file.write("4 \n")
    written(log, (7, b"two\n"))
    assert printed(log, 1 << 14) == [Printed("one\n", 5), Printed("two\n", 7)]


def test_a_disk_without_room_for_times_stops_nothing(tmp_path: Path) -> None:
    log = written(tmp_path / "a.log", (None, b"one\n"))
    times_path(log).mkdir()
    note_time(log, 0, 5)
    assert printed(log, 1 << 14) == [Printed("one\n", None)]

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from imjoy_engine.records import append_records, read_records

RECORDS = [{"n": 1, "bytes": bytes(300)}, [1, "two", None, 3.5], {"last": True}]


def kept(path: Path) -> list[object]:
    return [record for record, _ in read_records(path)]


def test_what_is_appended_is_read_in_its_order(tmp_path: Path) -> None:
    path = tmp_path / "below" / "file"
    append_records(path, RECORDS[:1])
    assert append_records(path, RECORDS[1:]) == path.stat().st_size
    assert kept(path) == RECORDS


def test_reading_goes_on_where_it_ended(tmp_path: Path) -> None:
    path = tmp_path / "file"
    append_records(path, RECORDS)
    [(_, behind_first), *_] = read_records(path)
    assert [record for record, _ in read_records(path, behind_first)] == RECORDS[1:]


def test_a_file_that_ends_anywhere_holds_the_records_before(tmp_path: Path) -> None:
    path, cut = tmp_path / "file", tmp_path / "cut"
    append_records(path, RECORDS)
    whole = path.read_bytes()
    ends = [offset for _, offset in read_records(path)]
    for size in range(len(whole) + 1):
        cut.write_bytes(whole[:size])
        assert kept(cut) == RECORDS[: sum(end <= size for end in ends)]


@pytest.mark.parametrize("at", [0, 1, 5, 8, 12, 200])
def test_a_damaged_record_is_not_believed(tmp_path: Path, at: int) -> None:
    path = tmp_path / "file"
    append_records(path, RECORDS)
    content = bytearray(path.read_bytes())
    content[at] ^= 0xFF
    path.write_bytes(content)
    assert kept(path) == []


def test_what_cannot_be_written_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "file"
    append_records(path, RECORDS[:1])

    def fails() -> Iterator[object]:
        yield RECORDS[1]
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        append_records(path, fails())
    append_records(path, RECORDS[2:])
    assert kept(path) == [RECORDS[0], RECORDS[2]]

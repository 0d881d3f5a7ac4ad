"""The plugin's scripts, written down for its other processes."""

from __future__ import annotations

import sys

import pytest

from imjoy_worker.scripts import VARIABLE, ScriptRecord, read_record


@pytest.fixture(autouse=True)
def surroundings(monkeypatch):
    monkeypatch.setenv(VARIABLE, "/nowhere")
    monkeypatch.setattr(sys, "path", list(sys.path))


def test_what_is_written_down_is_read():
    record = ScriptRecord({"TAG": "GPU"}, {"name": "A"})
    assert read_record() == ({"TAG": "GPU"}, {"name": "A"}, [])
    scripts = [{"content": "ä\n" * 100_000, "first_line": 3}, {"content": "b"}]
    for number, script in enumerate(scripts, 1):
        record.add(script)
        assert record.count == number
    assert read_record().scripts == scripts
    assert read_record().scripts == scripts


def test_a_line_that_is_being_written_is_not_read():
    record = ScriptRecord({}, {})
    record.add({"content": "a"})
    with open(f"/proc/self/fd/{record._handle}", "ab") as file:  # noqa: PTH123 - no path but a handle
        file.write(b'{"content": "b')
    assert read_record().scripts == [{"content": "a"}]


def test_no_record_is_an_error_with_advice():
    with pytest.raises(RuntimeError, match="into a module that the plugin imports"):
        read_record()

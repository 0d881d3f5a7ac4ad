from __future__ import annotations

import os
from pathlib import Path

import pytest

from imjoy_engine.plugins.log_files import find_logs, log_path, prune


def written(path: Path, at_s: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("text")
    os.utime(path, (at_s, at_s))
    return path


def test_the_newest_run_of_a_plugin_comes_first(tmp_path):
    old = written(log_path(tmp_path, "default", "My plugin", "i_1"), 1000)
    new = written(log_path(tmp_path, "lab", "My plugin", "i_2"), 2000)
    written(log_path(tmp_path, "default", "My plugin.2", "i_3"), 3000)
    written(old.with_suffix(".1.log"), 4000)
    found = find_logs(tmp_path, "My plugin")
    assert [file.path for file in found] == [new, old]
    assert [(file.name, file.instance, file.workspace) for file in found] == [
        ("My plugin", "i_2", "lab"),
        ("My plugin", "i_1", "default"),
    ]
    assert found[1].earlier.exists()
    assert len(find_logs(tmp_path)) == 3
    assert find_logs(tmp_path / "nowhere") == []


@pytest.mark.parametrize("name", ["..", "a.b", "ž🐎", "x" * 200, "50%", "a[1]", "*", " "])
def test_any_name_stays_in_its_directory_and_is_found(tmp_path, name):
    path = written(log_path(tmp_path, "default", name, "i_1"), 1000)
    assert path.parent == tmp_path / "default"
    assert [file.path for file in find_logs(tmp_path, name)] == [path]


def test_the_last_runs_of_each_plugin_are_kept(tmp_path):
    runs = [
        written(log_path(tmp_path, "default", "Much", f"i_{number}"), 1000 + number)
        for number in range(12)
    ]
    written(runs[0].with_suffix(".1.log"), 1000)
    other = written(log_path(tmp_path, "default", "Much more", "i_0"), 1)
    written(runs[0].with_suffix(".times"), 1)
    prune(log_path(tmp_path, "default", "Much", "i_12"))
    assert [path for path in runs if path.exists()] == runs[3:]
    assert not runs[0].with_suffix(".1.log").exists()
    assert not runs[0].with_suffix(".times").exists()
    assert other.exists()

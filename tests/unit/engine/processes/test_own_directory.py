from __future__ import annotations

import os
import tempfile
from pathlib import Path

from imjoy_engine.processes import own_directory


def test_it_is_private_and_where_it_was_asked_for(tmp_path: Path) -> None:
    directory = own_directory(tmp_path)
    assert directory.parent == tmp_path
    assert directory.stat().st_mode & 0o777 == 0o700
    assert own_directory(tmp_path) != directory


def test_without_a_place_it_is_among_the_temporary_files(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert own_directory().parent == tmp_path


def test_what_a_killed_process_left_is_removed_and_a_living_ones_is_not(tmp_path: Path) -> None:
    dead, alive = tmp_path / "imjoy-999999999-x", tmp_path / f"imjoy-{os.getppid()}-x"
    other = tmp_path / "imjoy-notes-x"
    for directory in (dead, alive, other):
        directory.mkdir()
    own_directory(tmp_path)
    assert not dead.exists()
    assert alive.exists()
    assert other.exists()

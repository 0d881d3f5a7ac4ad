from __future__ import annotations

import os
from pathlib import Path

from imjoy_engine.app.shared_memory import shared_directory


def test_the_directory_is_ones_own_and_gone_afterwards(tmp_path: Path) -> None:
    with shared_directory(tmp_path) as directory:
        assert directory is not None
        assert directory.stat().st_mode & 0o777 == 0o700
        (directory / "w_1-left").write_bytes(b"x")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_engine_left_is_removed_and_a_living_one_is_not(tmp_path: Path) -> None:
    dead, alive = tmp_path / "imjoy-999999999-x", tmp_path / f"imjoy-{os.getppid()}-x"
    other = tmp_path / "imjoy-notes-x"
    for directory in (dead, alive, other):
        directory.mkdir()
    with shared_directory(tmp_path):
        assert not dead.exists()
        assert alive.exists()
        assert other.exists()


def test_a_machine_without_such_memory_does_without(tmp_path: Path) -> None:
    with shared_directory(tmp_path / "nowhere") as directory:
        assert directory is None

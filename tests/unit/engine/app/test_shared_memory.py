from __future__ import annotations

from pathlib import Path

from imjoy_engine.app.shared_memory import shared_directory


def test_the_directory_is_ones_own_and_gone_afterwards(tmp_path: Path) -> None:
    with shared_directory(tmp_path) as directory:
        assert directory is not None
        assert directory.stat().st_mode & 0o777 == 0o700
        (directory / "w_1-left").write_bytes(b"x")
    assert list(tmp_path.iterdir()) == []


def test_a_machine_without_such_memory_does_without(tmp_path: Path) -> None:
    with shared_directory(tmp_path / "nowhere") as directory:
        assert directory is None

from __future__ import annotations

import zipapp
from pathlib import Path

import pytest

from imjoy_engine.app.worker_archive import unpacked_worker
from imjoy_engine.errors import MachineError


def archive(tmp_path: Path, words: str) -> Path:
    source = tmp_path / f"source {words}"
    source.mkdir()
    (source / "__main__.py").write_text(f"print({words!r})")
    target = tmp_path / f"{words}.pyz"
    zipapp.create_archive(source, target)
    return target


def test_an_archive_is_unpacked_once_and_a_new_one_beside_it(tmp_path: Path) -> None:
    store = tmp_path / "store"
    first = unpacked_worker(archive(tmp_path, "one"), store)
    assert first.read_text() == "print('one')"
    (first.parent / "kept").touch()
    assert unpacked_worker(tmp_path / "one.pyz", store) == first
    assert (first.parent / "kept").exists()
    assert unpacked_worker(archive(tmp_path, "two"), store) != first
    assert len(list((store / "worker").iterdir())) == 2


def test_what_is_missing_or_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="not built"):
        unpacked_worker(tmp_path / "none.pyz", tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(MachineError, match="cannot be written"):
        unpacked_worker(archive(tmp_path, "one"), tmp_path / "file")

from __future__ import annotations

import fcntl
import os

import pytest

from imjoy_engine.environments.filelock import FileLock


def test_one_alone_or_many_together(tmp_path):
    path = tmp_path / "lock"
    first, second = FileLock.shared(path), FileLock.shared(path)
    assert first
    assert second
    assert FileLock.exclusive(path) is None

    first.release()
    assert FileLock.exclusive(path) is None
    second.release()

    alone = FileLock.exclusive(path)
    assert alone
    assert FileLock.shared(path) is None
    assert FileLock.exclusive(path) is None
    alone.release()


def test_releasing_twice_is_releasing_once(tmp_path):
    lock = FileLock.exclusive(tmp_path / "lock")
    assert lock
    lock.release()
    lock.release()

    with pytest.raises(ValueError, match="released"):
        _ = lock.fd


def test_a_handed_down_descriptor_keeps_the_lock(tmp_path):
    lock = FileLock.exclusive(tmp_path / "lock")
    assert lock
    inherited = os.dup(lock.fd)
    lock.release()

    assert FileLock.exclusive(tmp_path / "lock") is None

    os.close(inherited)
    again = FileLock.exclusive(tmp_path / "lock")
    assert again
    again.release()


def test_a_lock_needs_its_folder(tmp_path):
    with pytest.raises(FileNotFoundError):
        FileLock.exclusive(tmp_path / "none" / "lock")


def test_a_lock_whose_file_was_removed_meanwhile_is_taken_on_the_new_one(tmp_path):
    path = tmp_path / "x.lock"
    remover = FileLock.exclusive(path)
    opened = os.open(path, os.O_RDWR)
    path.unlink()
    remover.release()

    first = FileLock.exclusive(path)

    assert os.fstat(first.fd).st_ino == path.stat().st_ino != os.fstat(opened).st_ino
    os.close(opened)
    first.release()


def test_who_opened_the_file_just_before_it_was_removed_holds_the_new_one(tmp_path, monkeypatch):
    path = tmp_path / "x.lock"
    path.touch()
    flock = fcntl.flock

    def removed_first(fd: int, kind: int) -> None:
        monkeypatch.setattr(fcntl, "flock", flock)
        path.unlink()
        flock(fd, kind)

    monkeypatch.setattr(fcntl, "flock", removed_first)
    with_new_file = FileLock.exclusive(path)

    assert path.exists()
    assert FileLock.shared(path) is None
    with_new_file.release()

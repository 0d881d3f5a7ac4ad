"""Files appear whole or not at all, also when the sender is cancelled; rights are bounded."""

from __future__ import annotations

import asyncio
import errno
from pathlib import Path

import pytest

from imjoy_engine.errors import ConflictError, NotFoundError, TooLargeError
from imjoy_engine.gateway.uploads import UploadRight, UploadRights, new_file


class HandClock:
    """A clock that moves when told."""

    def __init__(self):
        self.time = 0.0

    def now(self):
        return self.time

    def monotonic(self):
        return self.time

    async def sleep(self, delay_s):
        self.time += delay_s


def right(expires_s=10.0):
    return UploadRight("default", Path("/data"), None, overwrite=False, expires_s=expires_s)


def test_a_right_is_claimed_once_and_may_come_back():
    rights = UploadRights(HandClock())
    upload_id = rights.issue(right())
    claimed = rights.claim(upload_id)
    with pytest.raises(NotFoundError):
        rights.claim(upload_id)
    rights.give_back(upload_id, claimed)
    assert rights.claim(upload_id) == claimed


def test_a_right_ends():
    clock = HandClock()
    rights = UploadRights(clock)
    upload_id = rights.issue(right())
    clock.time = 10.0
    with pytest.raises(NotFoundError, match="expired"):
        rights.claim(upload_id)


def test_the_oldest_right_makes_room():
    rights = UploadRights(HandClock(), most=3)
    ids = [rights.issue(right()) for _ in range(4)]
    with pytest.raises(NotFoundError):
        rights.claim(ids[0])
    for upload_id in ids[1:]:
        rights.claim(upload_id)


async def test_nothing_is_there_before_the_end(tmp_path):
    target = tmp_path / "new" / "file.bin"
    async with new_file(target, overwrite=False, max_bytes=1 << 30) as writer:
        await writer.write(b"a" * (3 << 20))
        assert not target.exists()
        await writer.write(b"b")
    assert target.stat().st_size == (3 << 20) + 1
    assert [each.name for each in target.parent.iterdir()] == ["file.bin"]


async def test_an_error_inside_leaves_nothing(tmp_path):
    async def upload():
        async with new_file(tmp_path / "x", overwrite=False, max_bytes=100) as writer:
            await writer.write(b"half")
            raise RuntimeError("the sender is gone")

    with pytest.raises(RuntimeError, match="the sender"):
        await upload()
    assert list(tmp_path.iterdir()) == []


async def test_a_cancelled_upload_leaves_nothing(tmp_path):
    writing = asyncio.Event()

    async def upload():
        async with new_file(tmp_path / "x", overwrite=False, max_bytes=1 << 30) as writer:
            await writer.write(b"half" * (1 << 19))
            writing.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(upload())
    await writing.wait()
    assert len(list(tmp_path.iterdir())) == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert list(tmp_path.iterdir()) == []


async def test_the_limit_counts_all_pieces(tmp_path):
    async def upload(*pieces):
        async with new_file(tmp_path / "x", overwrite=True, max_bytes=10) as writer:
            for piece in pieces:
                await writer.write(piece)

    with pytest.raises(TooLargeError):
        await upload(b"12345", b"67890", b"1")
    assert list(tmp_path.iterdir()) == []


async def test_a_name_taken_meanwhile_is_kept(tmp_path):
    async def upload():
        async with new_file(tmp_path / "x", overwrite=False, max_bytes=10) as writer:
            await writer.write(b"late")
            (tmp_path / "x").write_bytes(b"early")

    with pytest.raises(ConflictError):
        await upload()
    assert (tmp_path / "x").read_bytes() == b"early"
    assert [each.name for each in tmp_path.iterdir()] == ["x"]


async def test_a_disk_without_hard_links_is_fine(tmp_path, monkeypatch):
    def refuse(self, target):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    async with new_file(tmp_path / "x", overwrite=False, max_bytes=10) as writer:
        await writer.write(b"whole")
    assert (tmp_path / "x").read_bytes() == b"whole"
    assert [each.name for each in tmp_path.iterdir()] == ["x"]

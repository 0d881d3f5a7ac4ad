from __future__ import annotations

import asyncio
import os
from pathlib import Path

from imjoy_engine.environments.guard import WriteGuard
from imjoy_engine.environments.protect import protect
from imjoy_engine.processes import Command, ProcessTree

IS_ROOT = os.geteuid() == 0


async def test_what_it_says_is_true(tmp_path):
    guard = WriteGuard(tmp_path / "tmp")
    holds = await guard.holds()
    assert await guard.holds() == holds
    assert os.geteuid() == 0 or holds

    assert await writes(tmp_path) == (not holds)


async def test_a_superuser_who_may_not_mount_is_not_trusted(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr("imjoy_engine.environments.guard.Command", without_mounts)

    # Rights on files stop whoever is no superuser in truth.
    assert await WriteGuard(tmp_path).holds() == (not IS_ROOT)
    assert list(tmp_path.iterdir()) == []


def without_mounts(argv, environment, cwd, read_only) -> Command:
    return Command(argv, environment, cwd)


async def writes(folder: Path) -> bool:
    """Return whether a command could write into a folder that it may not write into."""
    target = folder / "shared"
    target.mkdir()
    (target / "file").write_text("as it was")
    await asyncio.to_thread(protect, target)
    argv = ("/bin/sh", "-c", f"echo changed > {target}/file; echo new > {target}/new")
    tree = await ProcessTree.start(
        Command(argv, {}, Path("/"), read_only=(target,)), lambda stream, chunk: None
    )
    await tree.wait()
    return (target / "file").read_text() != "as it was" or (target / "new").exists()

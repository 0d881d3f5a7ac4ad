"""What lies in a store and is no environment: scratch of killed engines, caches that nobody shares.

Everything here blocks. Nothing is taken from under a tool that is at work in any engine: what goes
is set aside at once while none is, and removed afterwards, when nobody has to wait for that.
"""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Collection, Mapping
from pathlib import Path

from imjoy_engine.environments.filelock import FileLock
from imjoy_engine.environments.protect import remove_tree
from imjoy_engine.environments.shelf import Shelf, listed

__all__ = [
    "cached",
    "forget_partial",
    "forget_record",
    "left_over",
    "prune_downloads",
    "records_left",
    "take_away",
]

_SCRATCH_AGE_S = 24 * 3600.0
_CACHE_AGE_S = 3600.0
_RECORDS = (
    *(("compiled", ".json"), ("log", ".log"), ("pins", "")),
    *(("locks", ".bytecode"), ("locks", ".lock")),
)
_PACKAGES = ("uv/archive-v*/*", "rattler/pkgs/*")
# Lists of packages and what was built of sources: of use only until the next wish.
_LISTS = ("uv/simple-v*", "uv/sdists-v*", "uv/git-v*", "uv/builds-v*", "rattler/*")
_PRUNE_TIMEOUT_S = 300.0


def left_over(shelf: Shelf, now_s: float) -> list[Path]:
    """Return what killed engines left a day ago, and what killed downloads left.

    Only while no tool is at work in the store it is certain that nobody needs the latter.
    """
    found = partial_downloads(shelf.root / "uv")
    for folder in ("tmp", "manifests", "specs"):
        for path in listed(shelf.root / folder, hidden=folder != "tmp"):
            if _changed_s(path) < now_s - _SCRATCH_AGE_S:
                found.append(path)
    return found


def records_left(shelf: Shelf, now_s: float, gone: Collection[str] = ()) -> list[tuple[Path, str]]:
    """Return what was written down a day ago about environments and wishes that are not there.

    Each with its key. Environments in `gone` count as not there.
    """
    known = {path.stem for folder in ("envs", "specs") for path in listed(shelf.root / folder)}
    found = []
    for folder, ending in _RECORDS:
        for path in listed(shelf.root / folder):
            key = path.name.removesuffix(ending)
            if path.suffix != ending or (key in known and key not in gone):
                continue
            if _changed_s(path) < now_s - _SCRATCH_AGE_S:
                found.append((path, key))
    return found


def forget_record(shelf: Shelf, path: Path, key: str, *, really: bool = True) -> bool:
    """Remove such a record, unless somebody makes that environment; return whether it did.

    Without `really`, return whether it would.
    """
    lock = shelf.exclusive(key)
    if lock is None:
        return False
    try:
        # Under its own lock: whoever opened that file meanwhile takes a new one.
        if really:
            path.unlink(missing_ok=True)
    finally:
        lock.release()
    return True


def cached(shelf: Shelf) -> list[Path]:
    """Return all that the caches could do without, the oldest package first, and lists last."""
    packages = [path for pattern in _PACKAGES for path in shelf.root.glob(pattern)]
    lists = {path for pattern in _LISTS for path in shelf.root.glob(pattern)}
    lists.discard(shelf.root / "rattler" / "pkgs")
    # Not the time of its contents, which an archive may say, but of its coming here.
    return [*sorted(packages, key=_came_s), *sorted(lists)]


def forget_partial(cache: Path) -> None:
    """Remove what a killed uv has half fetched, unless another one is at work in that cache."""
    with contextlib.suppress(OSError):
        # uv holds its cache by the same kind of lock.
        alone = FileLock.exclusive(cache / ".lock")
        if alone is None:
            return
        try:
            for path in partial_downloads(cache):
                remove_tree(path)
        finally:
            alone.release()


def partial_downloads(cache: Path) -> list[Path]:
    """Return what uv has not finished fetching: it is, or it was killed."""
    return [path for path in listed(cache, hidden=True) if path.name.startswith(".tmp")]


def prune_downloads(cache: Path, uv: Path, now_s: float, variables: Mapping[str, str]) -> bool:
    """Let uv remove what killed downloads left in its cache; return whether it did.

    It is asked only when something lies there since an hour, since nobody can install meanwhile;
    and it gives up when somebody does.
    """
    if not any(_changed_s(path) < now_s - _CACHE_AGE_S for path in partial_downloads(cache)):
        return False
    argv = [str(uv), "cache", "prune", "--no-config", "--cache-dir", str(cache)]
    try:
        done = subprocess.run(
            argv,
            check=False,
            cwd="/",
            env={**variables, "UV_LOCK_TIMEOUT": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PRUNE_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def take_away(shelf: Shelf, path: Path, *, really: bool = True) -> bool:
    """Remove something, unless a tool is at work that might need it; return whether it did.

    Without `really`, return whether it would.
    """
    alone = shelf.nobody_at_work()
    if alone is None:
        return False
    try:
        aside = shelf.set_aside(path) if really else None
    finally:
        alone.release()
    if aside is not None:
        shelf.discard(aside)
    return True


def _came_s(path: Path) -> float:
    with contextlib.suppress(FileNotFoundError):
        return path.lstat().st_ctime
    return float("inf")


def _changed_s(path: Path) -> float:
    """Return when something was last put there or changed; what is gone has just changed."""
    with contextlib.suppress(FileNotFoundError):
        return path.lstat().st_mtime
    return float("inf")

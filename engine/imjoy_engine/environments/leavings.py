"""What lies in a store and is no environment: scratch of killed engines, caches that nobody shares.

Everything here blocks. Nothing is taken from under a tool that is at work in any engine: what goes
is set aside at once while none is, and removed afterwards, when nobody has to wait for that.
"""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Mapping
from pathlib import Path

from imjoy_engine.environments.filelock import FileLock
from imjoy_engine.environments.protect import remove_tree
from imjoy_engine.environments.shelf import Shelf, listed

__all__ = ["forget_partial", "forget_unshared", "prune_downloads", "sweep"]

_SCRATCH_AGE_S = 24 * 3600.0
_CACHE_AGE_S = 3600.0
_RECORDS = (
    *(("compiled", ".json"), ("log", ".log"), ("pins", "")),
    *(("locks", ".bytecode"), ("locks", ".lock")),
)
_CACHES = ("uv", "rattler")
_PRUNE_TIMEOUT_S = 300.0


def sweep(shelf: Shelf, now_s: float) -> int:
    """Remove what killed engines left a day ago; return how many folders and files that were."""
    swept = 0
    for folder in ("tmp", "manifests", "specs"):
        for path in listed(shelf.root / folder, hidden=folder != "tmp"):
            if _changed_s(path) < now_s - _SCRATCH_AGE_S:
                swept += _remove(shelf, path)
    return swept + _forget_records(shelf, now_s - _SCRATCH_AGE_S)


def _forget_records(shelf: Shelf, older_s: float) -> int:
    """Remove what was written down about environments and wishes that are not there any more."""
    known = {path.stem for folder in ("envs", "specs") for path in listed(shelf.root / folder)}
    forgotten = 0
    for folder, ending in _RECORDS:
        for path in listed(shelf.root / folder):
            key = path.name.removesuffix(ending)
            if path.suffix != ending or key in known or _changed_s(path) >= older_s:
                continue
            lock = shelf.exclusive(key)
            if lock is None:
                continue
            try:
                # Under its own lock: whoever opened that file meanwhile takes a new one.
                path.unlink(missing_ok=True)
                forgotten += 1
            finally:
                lock.release()
    return forgotten


def forget_unshared(shelf: Shelf, now_s: float) -> int:
    """Remove what the caches have unpacked and no environment shares; return how many packages.

    What came in the last hour may be on its way into one.
    """
    forgotten = 0
    for cache in (shelf.root / name for name in _CACHES):
        for package in [*cache.glob("archive-v*/*"), *cache.glob("pkgs/*")]:
            if _is_unshared(package, now_s - _CACHE_AGE_S):
                forgotten += _remove(shelf, package)
    return forgotten


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


def _remove(shelf: Shelf, path: Path) -> bool:
    """Remove something, unless a tool is at work that might need it; return whether it did."""
    alone = shelf.nobody_at_work()
    if alone is None:
        return False
    try:
        aside = shelf.set_aside(path)
    finally:
        alone.release()
    shelf.discard(aside)
    return True


def _is_unshared(package: Path, older_s: float) -> bool:
    files = (path for path in package.rglob("*") if path.is_file() and not path.is_symlink())
    with contextlib.suppress(FileNotFoundError):
        # Not the time of its contents, which an archive may say, but of its coming here.
        is_old = package.stat().st_ctime < older_s
        return is_old and all(path.stat().st_nlink == 1 for path in files)
    return False


def _changed_s(path: Path) -> float:
    """Return when something was last put there or changed; what is gone has just changed."""
    with contextlib.suppress(FileNotFoundError):
        return path.lstat().st_mtime
    return float("inf")

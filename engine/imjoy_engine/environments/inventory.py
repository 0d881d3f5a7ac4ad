"""What a store holds, for people: list, show, pin, remove, and make room.

Everything here blocks. It may be used while engines build and use the same store: what somebody
uses is never removed. What is not here: making an environment (`store.py`), and moving one to
another machine (`moving.py`).
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from imjoy_engine.environments.lease import Package
from imjoy_engine.environments.lock import Lock
from imjoy_engine.environments.protect import remove_tree, tree_size
from imjoy_engine.environments.shelf import Shelf, read_object
from imjoy_engine.errors import ConflictError, NotFoundError

__all__ = ["Inventory", "RoomMade", "StoreLimits", "StoredEnvironment"]

_SCRATCH_AGE_S = 24 * 3600.0
_CACHE_AGE_S = 3600.0
_CACHES = ("uv", "rattler")


@dataclass(frozen=True, slots=True)
class StoredEnvironment:
    """One environment of a store; times are seconds since 1970, `size_bytes` what it takes alone.

    `state` is "ready", "building" (or being removed) or "broken", which the next gc removes.
    `private_to` names the plugin that a private one belongs to.
    """

    key: str
    prefix: Path
    state: str
    builder: str
    python: str
    packages: tuple[Package, ...]
    size_bytes: int
    built_s: float
    used_s: float
    in_use: bool
    pinned: bool
    private_to: str
    lock: Lock

    def as_dict(self) -> dict[str, Any]:
        """Return the form for `--json`."""
        return {**asdict(self), "prefix": str(self.prefix), "lock": self.lock.text}


@dataclass(frozen=True, slots=True)
class StoreLimits:
    """What a store may take: all of it together, and how long one may lie unused.

    None is no limit.
    """

    max_bytes: int | None = 50 * 10**9
    max_age_s: float | None = 60 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class RoomMade:
    """What a gc removed, or would remove: keys of environments, and what the disk gets back."""

    keys: tuple[str, ...]
    freed_bytes: int
    left_bytes: int


class Inventory:
    """Looks after the store at `root`; `now` is the time in seconds since 1970."""

    def __init__(self, root: Path, *, now: Callable[[], float] = time.time) -> None:
        self._shelf = Shelf(root)
        self._now = now

    def environments(self) -> list[StoredEnvironment]:
        """Return all environments, the last used first."""
        found = (self._described(path.name) for path in _listed(self._shelf.root / "envs"))
        return sorted(found, key=lambda one: one.used_s, reverse=True)

    def find(self, name: str) -> StoredEnvironment:
        """Return the environment whose key begins with `name`.

        Raises `NotFoundError` when there is none, `ConflictError` when there are several.
        """
        keys = [path.name for path in _listed(self._shelf.root / "envs")]
        fitting = [key for key in keys if name and key.startswith(name)]
        if not fitting:
            raise NotFoundError(
                f"There is no environment {name}.", hint="See all of them: imjoy-engine env list"
            )
        if len(fitting) > 1:
            raise ConflictError(
                f"{name} may be {' or '.join(fitting)}.", hint="Write more of its letters."
            )
        return self._described(fitting[0])

    def log(self, name: str) -> str:
        """Return the commands and words of the last build of that environment, "" without any."""
        path = self._shelf.root / "log" / f"{self.find(name).key}.log"
        with contextlib.suppress(FileNotFoundError):
            return path.read_text(encoding="utf-8", errors="replace")
        return ""

    def pin(self, name: str, *, pinned: bool = True) -> StoredEnvironment:
        """Keep that environment from every gc, or no longer."""
        mark = self._pin(self.find(name).key)
        if pinned:
            mark.parent.mkdir(exist_ok=True)
            mark.touch()
        else:
            mark.unlink(missing_ok=True)
        return self.find(name)

    def remove(self, name: str) -> StoredEnvironment:
        """Remove that environment, pinned or not; its lock stays, so it is built the same again.

        Raises `ConflictError` when somebody uses or builds it.
        """
        found = self.find(name)
        if not self._removed(found.key):
            raise ConflictError(
                f"The environment {found.key} is in use.",
                hint="Stop the plugins that run in it, then try again.",
            )
        return found

    def forget(self, name: str) -> None:
        """Let every wish that led to that environment be resolved anew when it comes next."""
        lock = self.find(name).lock
        for path in _listed(self._shelf.root / "specs"):
            record = read_object(path)
            if record is not None and Lock.from_record(record) == lock:
                path.unlink(missing_ok=True)

    def wishes(self, name: str) -> list[dict[str, Any]]:
        """Return the specs, as `EnvironmentSpec.identity` has them, that led to it."""
        return self._shelf.wishes(self.find(name).lock)

    def size_bytes(self) -> int:
        """Return what the store takes on the disk, caches included."""
        return tree_size(self._shelf.root)

    def make_room(self, limits: StoreLimits | None = None, *, dry_run: bool = False) -> RoomMade:
        """Remove what is broken, what nobody used for too long, and the least recently used.

        What is in use or pinned stays. Then the caches lose what no environment shares, as far as
        the limit on size needs it.
        """
        limits = limits or StoreLimits()
        before = self.size_bytes()
        removed = []
        left = before
        for one in self._candidates(limits):
            too_large = limits.max_bytes is not None and left > limits.max_bytes
            broken_or_old = one.state == "broken" or self._is_old(one, limits)
            if not (too_large or broken_or_old):
                continue
            if dry_run or self._removed(one.key):
                removed.append(one.key)
                left -= one.size_bytes
        if dry_run:
            return RoomMade(tuple(removed), before - left, left)
        self._sweep()
        left = self.size_bytes()
        if limits.max_bytes is not None and left > limits.max_bytes:
            for cache in _CACHES:
                _forget_unshared(self._shelf.root / cache, self._now() - _CACHE_AGE_S)
            left = self.size_bytes()
        return RoomMade(tuple(removed), before - left, left)

    def _candidates(self, limits: StoreLimits) -> Iterator[StoredEnvironment]:
        """Yield what may go, the most dispensable first."""
        free = [one for one in self.environments() if not one.in_use and not one.pinned]
        free.sort(key=lambda one: (one.state != "broken", one.used_s))
        yield from free

    def _is_old(self, one: StoredEnvironment, limits: StoreLimits) -> bool:
        return limits.max_age_s is not None and self._now() - one.used_s > limits.max_age_s

    def _described(self, key: str) -> StoredEnvironment:
        prefix = self._shelf.prefix(key)
        manifest = self._shelf.manifest(key) or {}
        lock = self._shelf.exclusive(key)
        if lock is not None:
            lock.release()
        ready = self._shelf.is_ready(key)
        path = self._shelf.manifest_path(key)
        return StoredEnvironment(
            key=key,
            prefix=Path(manifest.get("place") or prefix),
            state="ready" if ready else "broken" if lock is not None else "building",
            builder=manifest.get("builder", ""),
            python=manifest.get("python_version", ""),
            packages=tuple(Package(*entry) for entry in manifest.get("packages", ())),
            size_bytes=tree_size(prefix),
            built_s=manifest.get("built_s", 0.0),
            used_s=path.stat().st_mtime if path.exists() else 0.0,
            in_use=lock is None,
            pinned=self._pin(key).exists(),
            private_to=manifest.get("private_to", ""),
            lock=Lock.from_record(manifest.get("record") or {}) or Lock(""),
        )

    def _removed(self, key: str) -> bool:
        """Remove the environment, unless somebody uses it."""
        lock = self._shelf.exclusive(key)
        if lock is None:
            return False
        try:
            self._shelf.discard(self._shelf.prefix(key))
            self._shelf.manifest_path(key).unlink(missing_ok=True)
            self._pin(key).unlink(missing_ok=True)
        finally:
            # The file of the lock stays: somebody may be waiting for it.
            lock.release()
        return True

    def _sweep(self) -> None:
        """Remove what killed engines left: scratch folders and half-written files."""
        for folder in ("tmp", "manifests", "specs"):
            for path in _listed(self._shelf.root / folder, hidden=folder != "tmp"):
                with contextlib.suppress(FileNotFoundError):
                    if self._now() - path.stat().st_mtime > _SCRATCH_AGE_S:
                        remove_tree(path)

    def _pin(self, key: str) -> Path:
        return self._shelf.root / "pins" / key


def _listed(folder: Path, *, hidden: bool = False) -> list[Path]:
    """Return what is in a folder; only what begins with a dot, or only the rest."""
    try:
        return sorted(path for path in folder.iterdir() if path.name.startswith(".") == hidden)
    except FileNotFoundError:
        return []


def _forget_unshared(cache: Path, older_s: float) -> None:
    """Remove a cache's unpacked packages that no environment shares files with.

    What came after `older_s` may be on its way into one.
    """
    for package in [*cache.glob("archive-v*/*"), *cache.glob("pkgs/*")]:
        files = (path for path in package.rglob("*") if path.is_file() and not path.is_symlink())
        with contextlib.suppress(FileNotFoundError):
            if package.stat().st_ctime < older_s and all(
                path.stat().st_nlink == 1 for path in files
            ):
                remove_tree(package)

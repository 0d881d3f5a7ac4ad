"""What a store holds, for people: list, show, pin, remove, and make room.

Everything here blocks. It may be used while engines build and use the same store: what somebody
uses is never removed. What is not here: making an environment (`store.py`), and moving one to
another machine (`moving.py`).
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from imjoy_engine.environments.clearing import Clearing
from imjoy_engine.environments.lease import Package
from imjoy_engine.environments.lock import Lock
from imjoy_engine.environments.protect import tree_size
from imjoy_engine.environments.room import RoomMade, StoreLimits
from imjoy_engine.environments.shelf import Shelf, listed, read_object
from imjoy_engine.errors import ConflictError, NotFoundError

__all__ = ["Inventory", "StoredEnvironment"]


@dataclass(frozen=True, slots=True)
class StoredEnvironment:
    """One environment of a store; times are seconds since 1970, `size_bytes` what it takes alone.

    `state` is "ready", "building" (or being removed) or "broken", which the next gc removes.
    `private_to` names the plugin that a private one belongs to, `commands` are those of that plugin
    that were run in it.
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
    commands: tuple[str, ...]
    lock: Lock

    def as_dict(self) -> dict[str, Any]:
        """Return the form for `--json`."""
        return {**asdict(self), "prefix": str(self.prefix), "lock": self.lock.text}


class Inventory:
    """Looks after the store at `root`; `now` is the time in seconds since 1970."""

    def __init__(self, root: Path, *, now: Callable[[], float] = time.time) -> None:
        self._shelf = Shelf(root)
        self._now = now

    def environments(self) -> list[StoredEnvironment]:
        """Return all environments, the last used first."""
        found = (self._described(path.name) for path in listed(self._shelf.root / "envs"))
        return sorted(found, key=lambda one: one.used_s, reverse=True)

    def find(self, name: str) -> StoredEnvironment:
        """Return the environment whose key begins with `name`.

        Raises `NotFoundError` when there is none, `ConflictError` when there are several.
        """
        keys = [path.name for path in listed(self._shelf.root / "envs")]
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

    def lock_file(self, key: str) -> Path:
        """Return the file that whoever uses or builds that environment has open."""
        return self._shelf.lock_file(key)

    def forget(self, name: str) -> None:
        """Let every wish that led to that environment be resolved anew when it comes next."""
        lock = self.find(name).lock
        for path in listed(self._shelf.root / "specs"):
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

        What is in use or pinned stays, and counts as used now. Before something is removed because
        the store is too large, the caches lose what no environment shares. With `dry_run` it is
        only said what would happen.
        """
        limits = limits or StoreLimits()
        room = Clearing(self._shelf, limits, self._now(), dry_run=dry_run)
        room.sweep()
        for one in self._candidates(dry_run=dry_run):
            if why := room.why(one.state, one.used_s):
                paths = (self._shelf.prefix(one.key), self._shelf.manifest_path(one.key))
                room.remove(one.key, why, paths, partial(self._removed, one.key, one.used_s))
        room.forget_records()
        room.shrink_caches()
        return room.made()

    def _candidates(self, *, dry_run: bool) -> list[StoredEnvironment]:
        """Return what may go, the most dispensable first."""
        free = []
        for one in self.environments():
            if one.in_use and not dry_run:
                # Who uses it for months without a break must not lose it in the first one.
                with contextlib.suppress(FileNotFoundError):
                    os.utime(self._shelf.manifest_path(one.key), (self._now(),) * 2)
            elif not one.in_use and not one.pinned:
                free.append(one)
        return sorted(free, key=lambda one: (one.state != "broken", one.used_s))

    def _described(self, key: str) -> StoredEnvironment:
        prefix = self._shelf.prefix(key)
        manifest = self._shelf.manifest(key) or {}
        lock = self._shelf.exclusive(key)
        if lock is not None:
            lock.release()
        ready = self._shelf.is_ready(key)
        return StoredEnvironment(
            key=key,
            prefix=Path(manifest.get("place") or prefix),
            state="ready" if ready else "broken" if lock is not None else "building",
            builder=manifest.get("builder", ""),
            python=manifest.get("python_version", ""),
            packages=tuple(Package(*entry) for entry in manifest.get("packages", ())),
            size_bytes=tree_size(prefix),
            built_s=manifest.get("built_s", 0.0),
            used_s=self._used_s(key),
            in_use=lock is None,
            pinned=self._pin(key).exists(),
            private_to=manifest.get("private_to", ""),
            commands=tuple(manifest.get("commands", ())),
            lock=Lock.from_record(manifest.get("record") or {}) or Lock(""),
        )

    def _used_s(self, key: str) -> float:
        path = self._shelf.manifest_path(key)
        with contextlib.suppress(FileNotFoundError):
            return path.stat().st_mtime
        return 0.0

    def _removed(self, key: str, used_s: float | None = None) -> bool:
        """Remove the environment, unless somebody uses it.

        Unless, too, it was pinned or used after `used_s`, which may have happened since one looked.
        """
        lock = self._shelf.exclusive(key)
        if lock is None:
            return False
        try:
            if used_s is not None and (self._pin(key).exists() or self._used_s(key) != used_s):
                return False
            aside = self._shelf.set_aside(self._shelf.prefix(key))
            self._shelf.manifest_path(key).unlink(missing_ok=True)
            self._pin(key).unlink(missing_ok=True)
        finally:
            # The file of the lock stays; the next who tidies up removes it.
            lock.release()
        # Whoever wants it now builds it anew, and need not wait for this.
        self._shelf.discard(aside)
        return True

    def _pin(self, key: str) -> Path:
        return self._shelf.root / "pins" / key

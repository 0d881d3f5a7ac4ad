"""Room is made in a store once, or it is found out what would go: both by the same steps.

First goes what is of no use to anybody; then, while the store takes too much, what no environment
shares of the caches, the oldest first, and the least recently used environments. What only such an
environment shared goes with it.

Everything here blocks. Which environments may go says whoever asks (`inventory.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from imjoy_engine.environments.leavings import (
    cached,
    forget_record,
    left_over,
    records_left,
    take_away,
)
from imjoy_engine.environments.protect import tree_size
from imjoy_engine.environments.room import Removed, RoomMade, StoreLimits
from imjoy_engine.environments.shelf import Shelf
from imjoy_engine.environments.weighing import Part, Weighing

__all__ = ["Clearing"]

_UNITS = (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0))


class Clearing:
    """One time of making room within `limits`; with `dry_run` nothing is touched."""

    def __init__(self, shelf: Shelf, limits: StoreLimits, now_s: float, *, dry_run: bool) -> None:
        self._shelf = shelf
        self._limits = limits
        self._now_s = now_s
        self._dry_run = dry_run
        self._weighing = Weighing(shelf.root)
        self._before_bytes = self._weighing.left_bytes
        self._cached: list[tuple[Path, Part]] | None = None
        self._removed: list[Removed] = []
        self._swept = 0
        self._busy = False

    def sweep(self) -> None:
        """Remove what killed engines and downloads have left."""
        for path in left_over(self._shelf, self._now_s):
            self._take(path, self._weighing.part(path))

    def why(self, state: str, used_s: float) -> str:
        """Return why an environment has to go, or "" when it may stay.

        While a tool is at work the caches cannot give back what an environment shared with them:
        then none goes for the store's size.
        """
        unused_s = self._now_s - used_s
        if state == "broken":
            return "never finished"
        if self._limits.max_age_s is not None and unused_s > self._limits.max_age_s:
            return f"not used for {_age(unused_s)}"
        self.shrink_caches()
        if self._is_too_large and not self._is_busy():
            return "the least recently used of a store that is too large"
        return ""

    def remove(self, key: str, why: str, paths: Sequence[Path], really: Callable[[], bool]) -> None:
        """Remove the environment that takes these paths: `really` does, and says whether it did."""
        part = self._weighing.part(*paths)
        if self._dry_run or really():
            self._weighing.drop(part)
            self._removed.append(Removed(key, why))

    def forget_records(self) -> None:
        """Remove what is written down about environments that are gone for a day."""
        gone = {one.key for one in self._removed}
        for path, key in records_left(self._shelf, self._now_s, gone):
            part = self._weighing.part(path)
            if forget_record(self._shelf, path, key, really=not self._dry_run):
                self._weighing.drop(part)
                self._swept += 1

    def shrink_caches(self) -> None:
        """While the store is too large, remove what no environment shares of its caches."""
        if not self._is_too_large:
            return
        if self._cached is None:
            self._cached = [(path, self._weighing.part(path)) for path in cached(self._shelf)]
        kept = []
        for path, part in self._cached:
            if not self._is_too_large or part.is_shared or not self._take(path, part):
                kept.append((path, part))
        self._cached = kept

    def made(self) -> RoomMade:
        """Return what has gone, or would."""
        left = self._weighing.left_bytes if self._dry_run else tree_size(self._shelf.root)
        freed = self._before_bytes - left
        return RoomMade(tuple(self._removed), freed, left, self._swept, self._busy)

    @property
    def _is_too_large(self) -> bool:
        most = self._limits.max_bytes
        return most is not None and self._weighing.left_bytes > most

    def _is_busy(self) -> bool:
        alone = self._shelf.nobody_at_work()
        if alone is None:
            self._busy = True
            return True
        alone.release()
        return False

    def _take(self, path: Path, part: Part) -> bool:
        if not take_away(self._shelf, path, really=not self._dry_run):
            self._busy = True
            return False
        self._weighing.drop(part)
        self._swept += 1
        return True


def _age(seconds: float) -> str:
    for unit, length_s in _UNITS:
        if seconds >= 2 * length_s:
            return f"{seconds / length_s:.0f} {unit}"
    return f"{seconds:.0f} seconds"

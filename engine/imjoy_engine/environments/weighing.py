"""What a store takes, and what would be left of it without some of its parts.

A file with several names counts once, and goes only with the last of them: an environment shares
its files with a cache, so that removing one of the two frees little.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from imjoy_engine.environments.protect import entries_below

__all__ = ["Part", "Weighing"]


@dataclass(slots=True, eq=False)
class _Shared:
    """A file with several names: how many of them are in the store, and how many anywhere."""

    size_bytes: int
    in_store: int
    anywhere: int


@dataclass(slots=True)
class Part:
    """Some files and trees of a store: the bytes of those with one name, and the others."""

    alone_bytes: int = 0
    shared: list[_Shared] = field(default_factory=list)

    @property
    def is_shared(self) -> bool:
        """Whether a file of it has a name elsewhere, too, where it was not dropped."""
        return any(one.anywhere > 1 for one in self.shared)


class Weighing:
    """The store at `root` as it is now; `left_bytes` is what it takes without what was dropped.

    Blocks.
    """

    def __init__(self, root: Path) -> None:
        self._shared: dict[tuple[int, int], _Shared] = {}
        self.left_bytes = 0
        for found in _below(root):
            size_bytes, key = found.st_blocks * 512, (found.st_dev, found.st_ino)
            if _has_one_name(found):
                self.left_bytes += size_bytes
            elif (known := self._shared.get(key)) is not None:
                known.in_store += 1
            else:
                self._shared[key] = _Shared(size_bytes, 1, found.st_nlink)
                self.left_bytes += size_bytes

    def part(self, *paths: Path) -> Part:
        """Return what these files and trees take; asked for while they are there."""
        part = Part()
        for found in (found for path in paths for found in _with(path)):
            shared = self._shared.get((found.st_dev, found.st_ino))
            if shared is None:
                part.alone_bytes += found.st_blocks * 512
            else:
                part.shared.append(shared)
        return part

    def drop(self, part: Part) -> None:
        """Count that part as gone."""
        self.left_bytes -= part.alone_bytes
        for one in part.shared:
            one.in_store -= 1
            one.anywhere -= 1
            if not one.in_store:
                self.left_bytes -= one.size_bytes


def _has_one_name(found: os.stat_result) -> bool:
    # The names of a folder are those of the folders in it.
    return found.st_nlink == 1 or not stat.S_ISREG(found.st_mode)


def _with(path: Path) -> Iterator[os.stat_result]:
    yield from _below(path)
    with contextlib.suppress(FileNotFoundError):
        yield path.lstat()


def _below(root: Path) -> Iterator[os.stat_result]:
    for entry in entries_below(root):
        with contextlib.suppress(FileNotFoundError):
            yield entry.stat(follow_symlinks=False)

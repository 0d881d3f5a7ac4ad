"""Trees of files that many share: write-protected, and removable all the same.

A prefix shares its files with the cache of its builder, by hard links where the disk cannot clone
them: one write into a package would reach every environment that has it. Without the right to
write, neither a file nor a folder of a finished prefix can be changed by accident. What is not
here: keeping out a superuser, whom rights do not stop (`processes.shim`, read-only mounts).

Everything here blocks and belongs into a thread.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

__all__ = [
    "MARKER",
    "entries_below",
    "make_cache_folders",
    "make_own",
    "protect",
    "remove_tree",
    "tree_size",
    "unprotect",
]

MARKER = ".imjoy-env.json"
"""The file that declares a prefix finished."""

_WRITE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


def protect(root: Path) -> None:
    """Take the right to write from every file and folder below `root`, and from `root` itself."""
    for entry in entries_below(root):
        mode = entry.stat(follow_symlinks=False).st_mode
        if mode & _WRITE and not stat.S_ISLNK(mode):
            Path(entry.path).chmod(stat.S_IMODE(mode) & ~_WRITE)
    root.chmod(stat.S_IMODE(root.stat().st_mode) & ~_WRITE)


def unprotect(root: Path) -> None:
    """Let the owner write into the folders again: the files in them may be shared, and stay."""
    folders = [root]
    while folders:
        folder = folders.pop()
        folder.chmod(stat.S_IMODE(folder.stat().st_mode) | stat.S_IRWXU)
        with os.scandir(folder) as entries:
            folders += [
                Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)
            ]


def make_cache_folders(prefix: Path) -> None:
    """Make the folders for compiled files, before nobody may write there any more."""
    for site in prefix.glob("lib/python3.*/site-packages"):
        for folder in {path.parent for path in site.rglob("*.py")}:
            if folder.name != "__pycache__":
                (folder / "__pycache__").mkdir(exist_ok=True)


def make_own(root: Path) -> None:
    """Give every file below `root` that has other names a copy of its own, and the right to write.

    Then nothing that is written there can be seen anywhere else.
    """
    for entry in list(entries_below(root)):
        found = entry.stat(follow_symlinks=False)
        if not stat.S_ISREG(found.st_mode):
            continue
        path = Path(entry.path)
        if found.st_nlink > 1:
            fresh = path.with_name(f".{path.name}.own")
            shutil.copy2(path, fresh)
            fresh.replace(path)
        path.chmod(stat.S_IMODE(found.st_mode) | stat.S_IWUSR)


def remove_tree(path: Path) -> None:
    """Remove a file or a tree, write-protected or not, if it is there."""
    if path.is_symlink() or path.is_file():
        path.unlink(missing_ok=True)
    elif path.exists():
        # The marker first: what is half removed must not be trusted.
        with contextlib.suppress(FileNotFoundError):
            path.chmod(stat.S_IMODE(path.stat().st_mode) | stat.S_IRWXU)
            (path / MARKER).unlink(missing_ok=True)
            unprotect(path)
        shutil.rmtree(path)


def tree_size(root: Path, seen: set[tuple[int, int]] | None = None) -> int:
    """Return the bytes that a tree takes on the disk; a file with several names counts once.

    `seen` are the files that were counted before, and gets those that are counted now.
    """
    seen = set() if seen is None else seen
    total = 0
    for entry in entries_below(root):
        with contextlib.suppress(FileNotFoundError):
            found = entry.stat(follow_symlinks=False)
            if (found.st_dev, found.st_ino) not in seen:
                seen.add((found.st_dev, found.st_ino))
                total += found.st_blocks * 512
    return total


def entries_below(root: Path) -> Iterator[os.DirEntry[str]]:
    """Yield everything below `root`, what is in a folder before the folder."""
    try:
        found = list(os.scandir(root))
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in found:
        if entry.is_dir(follow_symlinks=False):
            yield from entries_below(Path(entry.path))
        yield entry

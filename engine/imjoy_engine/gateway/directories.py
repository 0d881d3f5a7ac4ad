"""What a directory holds, and how something in it is removed.

Everything here touches the disk: call it from a thread, never from the event loop.
"""

from __future__ import annotations

import errno
import os
import stat
from collections import deque
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from imjoy_engine.errors import BadRequestError, ConflictError, MachineError
from imjoy_engine.gateway.paths import Roots, is_hidden_name, typed_error

__all__ = ["TRASH_NAME", "Lister", "remove_entry"]

TRASH_NAME = ".trash"


class Lister:
    """List directories, up to `most` entries and `depth` levels in one answer."""

    def __init__(self, roots: Roots, *, most: int, depth: int) -> None:
        self._roots = roots
        self._left = most
        self._depth = depth
        self._truncated = False

    def listing(self, path: Path, kind: str | None, recursive: bool) -> dict[str, Any]:
        """Return `{path, name, type, sep, children}`; `truncated` is there when a bound was hit.

        `kind` is "file", "dir" or None for both; with "file" a recursive listing still has the
        directories, as what holds the files. A link is listed as what it leads to, unless it
        leads out of the roots; links to directories are not walked. Raises EngineError.
        """
        top: dict[str, Any] = {"path": str(path), "name": path.name, "type": "dir", "sep": os.sep}
        waiting = deque([(path, top, 1)])
        while waiting:
            directory, row, level = waiting.popleft()
            try:
                children = self._children(directory, kind, recursive)
            except OSError as error:
                if row is top:
                    raise typed_error(error, str(path)) from error
                row["unreadable"] = True
                continue
            row["children"] = [child for child, _ in children]
            walked = [(where, child) for child, where in children if where and recursive]
            if level < self._depth:
                waiting.extend((where, child, level + 1) for where, child in walked)
            elif walked:
                self._truncated = True
        if self._truncated:
            top["truncated"] = True
        return top

    def _children(
        self, directory: Path, kind: str | None, recursive: bool
    ) -> list[tuple[dict[str, Any], Path | None]]:
        """Return the rows of one directory, each with the path to walk into, if any."""
        found = []
        with os.scandir(directory) as entries:
            for entry in entries:
                row = None if is_hidden_name(entry.name) else self._row(entry)
                if row is None or not _wanted(row["type"], kind, recursive):
                    continue
                if self._left == 0:
                    self._truncated = True
                    break
                self._left -= 1
                walk = row["type"] == "dir" and not entry.is_symlink()
                found.append((row, Path(entry.path) if walk else None))
        found.sort(key=lambda each: (each[0]["type"], each[0]["name"].casefold()))
        return found

    def _row(self, entry: os.DirEntry[str]) -> dict[str, Any] | None:
        """Return an entry's row, or None for what clients cannot open anyway."""
        try:
            if entry.is_symlink() and not self._roots.shows(Path(entry.path).resolve()):
                return None
            status = entry.stat()
        except (OSError, RuntimeError):  # gone meanwhile, a dangling link, a loop of links
            return None
        if stat.S_ISDIR(status.st_mode):
            return {"name": entry.name, "type": "dir", "mtime": status.st_mtime}
        if stat.S_ISREG(status.st_mode):
            row = {"name": entry.name, "type": "file", "mtime": status.st_mtime}
            return {**row, "size": status.st_size}
        return None


def _wanted(found: str, kind: str | None, recursive: bool) -> bool:
    return kind is None or found == kind or (found == "dir" and recursive)


def remove_entry(
    roots: Roots, text: str, kind: str | None, *, recursive: bool, now: float
) -> Path | None:
    """Remove a file or an empty directory for good; move a whole tree to the trash of its root.

    Returns where a tree was moved to: `<root>/.trash/<time>-<name>`. A link is removed itself,
    never what it leads to. Raises EngineError.
    """
    path = roots.entry(text)
    if any(root.is_relative_to(path) for root in roots.directories):
        raise BadRequestError(f"{text!r} holds everything that this engine shows.")
    try:
        is_directory = stat.S_ISDIR(path.lstat().st_mode)
        if kind is not None and kind != ("dir" if is_directory else "file"):
            raise BadRequestError(f"{text!r} is a {'directory' if is_directory else 'file'}.")
        if not is_directory:
            path.unlink()
        elif not recursive:
            path.rmdir()
        else:
            return _move_to_trash(roots, path, now)
    except OSError as error:
        if error.errno == errno.ENOTEMPTY:
            raise ConflictError(
                f"The directory {text!r} is not empty.", hint="Remove it recursively."
            ) from error
        raise typed_error(error, text) from error
    return None


def _move_to_trash(roots: Roots, path: Path, now: float) -> Path:
    root = roots.holding(path)
    if root is None:  # `roots.entry` gave the path: somebody changed the disk under us
        raise BadRequestError(f"{path.name!r} has moved meanwhile.")
    trash = root / TRASH_NAME
    trash.mkdir(mode=0o700, exist_ok=True)
    if trash.is_symlink():
        raise MachineError(f"{trash} is a link; the trash must lie in its own root.")
    time = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    moved = trash / f"{time}-{path.name[:100]}"
    number = 1
    while os.path.lexists(moved):
        number += 1
        moved = trash / f"{time}-{number}-{path.name[:100]}"
    try:
        path.rename(moved)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        raise MachineError(
            f"{path.name!r} is on another disk than {root}, so it cannot be moved to the trash.",
            hint="Remove it on the engine's machine.",
        ) from error
    return moved

"""Which paths clients may name: inside a root, nothing hidden, no way out through a link.

Everything here touches the disk: call it from a thread, never from the event loop.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path

from imjoy_engine.errors import BadRequestError, EngineError, MachineError, NotFoundError

__all__ = ["Roots", "is_hidden_name", "typed_error"]


class Roots:
    """The directories that clients of one workspace may see; relative paths start in the first.

    A name that starts with a dot is neither shown nor reachable: that is where programs, and the
    engine itself, keep keys and settings.
    """

    def __init__(self, directories: Sequence[Path]) -> None:
        if not directories:
            raise ValueError("At least one directory is needed.")
        self._given = tuple(Path(os.path.abspath(each)) for each in directories)  # noqa: PTH100
        self.directories = tuple(each.resolve() for each in self._given)

    def resolve(self, text: str | None, base: Path | None = None) -> Path:
        """Return where `text` really leads, every link followed; nothing need exist there.

        None and "" stand for `base`, which is the first root unless given. Raises BadRequestError
        for text that is no path, NotFoundError for a place that clients may not see.
        """
        return self._confined(self._absolute(text, base), text or "")

    def entry(self, text: str, base: Path | None = None) -> Path:
        """Return the named directory entry itself: a link stands for the link, not its target."""
        path = self._absolute(text, base)
        if not path.name or path.name == "..":
            path = path.resolve()
        entry = self._confined(path.parent, text) / path.name
        if not self.shows(entry):
            raise _unseen(text)
        return entry

    def holding(self, path: Path) -> Path | None:
        """Return the innermost root that holds `path`, which has no links in it any more."""
        holders = [root for root in self.directories if path.is_relative_to(root)]
        return max(holders, key=lambda root: len(root.parts), default=None)

    def shows(self, path: Path) -> bool:
        """Return whether clients may see the resolved `path`."""
        root = self.holding(path)
        return root is not None and not any(map(is_hidden_name, path.relative_to(root).parts))

    def _absolute(self, text: str | None, base: Path | None) -> Path:
        if text and ("\0" in text or len(text) > 4096):
            raise BadRequestError(
                "This is no path.", hint="Send at most 4096 characters without a NUL among them."
            )
        try:
            named = Path(text or "").expanduser()
        except RuntimeError as error:
            raise _unseen(text or "") from error
        path = (base or self.directories[0]) / named
        if self._names_hidden(path):
            raise _unseen(text or "")
        return path

    def _names_hidden(self, path: Path) -> bool:
        """Return whether the text itself, before links are followed, goes through a hidden name."""
        lexical = Path(os.path.normpath(path))
        for root in sorted({*self._given, *self.directories}, key=lambda root: -len(root.parts)):
            if lexical.is_relative_to(root):
                return any(map(is_hidden_name, lexical.relative_to(root).parts))
        return False

    def _confined(self, path: Path, text: str) -> Path:
        try:
            resolved = path.resolve()
        except (OSError, RuntimeError, ValueError) as error:  # a loop of links, a surrogate
            raise _unseen(text) from error
        if not self.shows(resolved):
            raise _unseen(text)
        return resolved


def is_hidden_name(name: str) -> bool:
    """Return whether `name` starts with a dot."""
    return name.startswith(".")


def typed_error(error: OSError, name: str) -> EngineError:
    """Return the engine's error for what the operating system said about `name`."""
    match error.errno:
        case errno.ENOENT | errno.ENOTDIR:
            return NotFoundError(f"There is no {name!r}.", hint="List its directory to see names.")
        case errno.ENAMETOOLONG | errno.EINVAL | errno.EISDIR:
            return BadRequestError(f"{name!r} cannot be used: {error.strerror}.")
        case errno.ENOSPC | errno.EDQUOT | errno.EFBIG:
            return MachineError(
                f"The disk has no room for {name!r}: {error.strerror}.",
                hint="Free some space on the engine's machine, then try again.",
            )
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return MachineError(
                f"The machine does not let the engine use {name!r}: {error.strerror}.",
                hint="Check who owns it and its permissions on the engine's machine.",
            )
        case _:
            return MachineError(f"{name!r} cannot be used: {error.strerror}.")


def _unseen(text: str) -> NotFoundError:
    """Say the same whether something is there or not: nobody can probe what lies outside."""
    return NotFoundError(
        f"{text!r} is not among the files that this engine shows.",
        hint="Hidden names are never shown; directories outside the workspace, and links to them, "
        "only when the engine was started with --files for them.",
    )

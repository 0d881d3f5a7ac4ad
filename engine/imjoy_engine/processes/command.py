"""What to run, and how a shim is told of it."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Command"]


@dataclass(frozen=True, slots=True)
class Command:
    """What to run: the program and its arguments, all of its variables, and where.

    `stderr_terminal` gives it a terminal as standard error, for tools that show progress on
    terminals only. `held_fds` stay open until the tree is gone, even when the engine is not: a file
    lock taken on one guards what the tree writes. After the engine's death the tree has `grace_s`
    seconds to leave. It cannot write into the folders of `read_only`, but for those of `writable`
    within them: a superuser's command because they are mounted so for it (where the system allows
    that), others only as far as the rights on the files say.
    """

    argv: Sequence[str]
    environment: Mapping[str, str]
    cwd: Path
    stderr_terminal: bool = False
    held_fds: tuple[int, ...] = ()
    grace_s: float = 2.0
    read_only: tuple[Path, ...] = ()
    writable: tuple[Path, ...] = ()

    def told(self, *first: str) -> bytes:
        """Return what a shim reads of it (`shim.told`); `first` are words before all others.

        Raises OSError when no process can be given such words.
        """
        mounts = [f"r{path}" for path in self.read_only]
        mounts += [f"w{path}" for path in self.writable]
        words = [
            *first,
            str(self.grace_s),
            "\n".join(mounts),
            os.fspath(self.cwd),
            str(len(self.argv)),
            *self.argv,
            *(f"{name}={value}" for name, value in self.environment.items()),
        ]
        if any("\0" in word for word in words) or any("=" in name for name in self.environment):
            raise OSError(errno.EINVAL, "a zero byte in a word, or = in a variable's name")
        body = b"\0".join(os.fsencode(word) for word in words)
        return b"%d\n" % len(body) + body

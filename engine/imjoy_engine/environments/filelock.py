"""Locks between processes, which the kernel lets go when their holder dies.

They are advisory `flock`s of one file each. A holder's child that was handed the file descriptor
holds the lock as well, until it ends.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

__all__ = ["FileLock"]


class FileLock:
    """A held lock; made by `exclusive` or `shared`, let go by `release`."""

    def __init__(self, fd: int) -> None:
        self._fd: int | None = fd

    @classmethod
    def exclusive(cls, path: Path) -> FileLock | None:
        """Return the lock, or None when anybody else holds it."""
        return cls._take(path, fcntl.LOCK_EX)

    @classmethod
    def shared(cls, path: Path) -> FileLock | None:
        """Return the lock together with others who share it, or None when one holds it alone."""
        return cls._take(path, fcntl.LOCK_SH)

    @classmethod
    def _take(cls, path: Path, kind: int) -> FileLock | None:
        while True:
            fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(fd, kind | fcntl.LOCK_NB)
                if os.fstat(fd).st_nlink:
                    return cls(fd)
            except BlockingIOError:
                os.close(fd)
                return None
            except BaseException:
                os.close(fd)
                raise
            # Whoever held it alone has removed the file: nobody else would see this lock.
            os.close(fd)

    @property
    def fd(self) -> int:
        """The file descriptor that stands for the lock."""
        if self._fd is None:
            raise ValueError("The lock was released.")
        return self._fd

    def release(self) -> None:
        """Let go; a second call does nothing.

        By closing, not by unlocking: a child that was handed the descriptor keeps the lock.
        """
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)

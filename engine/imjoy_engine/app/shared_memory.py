"""A directory in memory that the workers of one engine share, and nobody else sees."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["shared_directory"]

_PREFIX = "imjoy-"


@contextmanager
def shared_directory(memory: Path = Path("/dev/shm")) -> Iterator[Path | None]:
    """Have a directory (mode 0700) while the block runs; None where the machine has no such memory.

    Its name holds the engine's process id: what an engine that was killed has left is removed by
    the next one of the same user.
    """
    if not os.access(memory, os.W_OK):
        yield None
        return
    _sweep(memory)
    directory = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=memory))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _sweep(memory: Path) -> None:
    for directory in memory.glob(f"{_PREFIX}*-*"):
        pid = directory.name.removeprefix(_PREFIX).partition("-")[0]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            shutil.rmtree(directory, ignore_errors=True)

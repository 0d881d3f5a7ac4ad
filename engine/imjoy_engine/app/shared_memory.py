"""A directory in memory that the workers of one engine share, and nobody else sees."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imjoy_engine.processes import own_directory

__all__ = ["shared_directory"]


@contextmanager
def shared_directory(memory: Path = Path("/dev/shm")) -> Iterator[Path | None]:
    """Have a directory (mode 0700) while the block runs; None where the machine has no such memory.

    What an engine that was killed has left is removed by the next one of the same user.
    """
    if not os.access(memory, os.W_OK):
        yield None
        return
    directory = own_directory(memory)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)

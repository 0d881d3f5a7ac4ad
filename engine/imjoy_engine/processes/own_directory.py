"""A directory of this process alone, which the next one removes when this one was killed."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

__all__ = ["own_directory"]

_PREFIX = "imjoy-"


def own_directory(parent: Path | None = None) -> Path:
    """Return a new directory (mode 0700) in `parent`, by default where temporary files are.

    Its name holds this process's id: what a process of the same user that was killed has left
    there is removed first. The caller removes it at its own end.
    """
    parent = parent or Path(tempfile.gettempdir())
    for left in parent.glob(f"{_PREFIX}*-*"):
        pid = left.name.removeprefix(_PREFIX).partition("-")[0]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            shutil.rmtree(left, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=parent))

"""Leases that other engines of this machine see: one locked file per card.

The kernel lets go of the lock with the last process that has it, whatever happens. The file is
also handed to the shim of the plugin's process tree: so a plugin that outlives its engine keeps its
card, and one that dies gives it back, without anybody writing anything down.
"""

from __future__ import annotations

import fcntl
import os
import re
from pathlib import Path

__all__ = ["lock_card"]


def lock_card(directory: Path, uuid: str, *, shared: bool) -> int | None:
    """Return the descriptor that holds the card, or None when another engine's plugin has it.

    Raises OSError when the directory cannot be used.
    """
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / (re.sub(r"[^A-Za-z0-9-]", "_", uuid) + ".lock")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor

"""Which process a number meant: process ids are used again."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil

__all__ = ["identity_of"]

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_START_FIELD = 22 - 3
"""Of /proc/PID/stat, counted behind the command's name, which is the second field."""


def identity_of(pid: int) -> str | None:
    """Return a text that no other process has had, not even before the last start of the machine.

    None when there is no such process, or it has ended and is only not yet collected.
    """
    try:
        if not sys.platform.startswith("linux"):
            return f"{pid} {psutil.Process(pid).create_time()}"
        # The name, in parentheses, may hold anything.
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except (OSError, psutil.Error):
        return None
    if fields[0] in (b"Z", b"X"):
        return None
    return f"{_BOOT.read_text().strip()} {pid} {fields[_START_FIELD].decode()}"

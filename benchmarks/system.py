"""What Linux says of processes: memory, time, children. Standard library only."""

from __future__ import annotations

import os
from pathlib import Path

MB = 1_000_000
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")


def forget_peak(pid: int) -> None:
    """Have a process's peak counted from here."""
    (PROC / str(pid) / "clear_refs").write_text("5")


def memory_mb(pid: int, key: str) -> float:
    """Return what the system says of a process's memory: VmRSS is now, VmHWM the peak."""
    for line in (PROC / str(pid) / "status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) * 1024 / MB
    raise LookupError(f"no {key} of process {pid}")


def own_mb(pid: int) -> float:
    """Return a process's memory, what it shares with others counted in part (PSS)."""
    for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024 / MB
    return 0.0


def cpu_s(pid: int) -> float:
    """Return for how long a process has had a core, in seconds."""
    fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S


def descendants(pid: int) -> list[int]:
    """Return the processes that a process has started, and theirs."""
    parents: dict[int, list[int]] = {}
    for stat in PROC.glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it has just ended
        parents.setdefault(parent, []).append(int(stat.parent.name))
    found: list[int] = []
    left = [pid]
    while left:
        children = parents.get(left.pop(), [])
        found += children
        left += children
    return found

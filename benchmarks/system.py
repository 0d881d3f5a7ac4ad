"""What Linux says of processes: memory, time, children. Standard library only."""

from __future__ import annotations

import mmap
import os
import time
from pathlib import Path
from typing import NamedTuple

MB = 1_000_000
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")
TOUCHED_PAGES = 2048


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


class Spent(NamedTuple):
    """What a process's threads have had since their start, together."""

    cpu_s: float
    """For how long they have had a core,"""
    kernel_s: float
    """for how long of that they were in the kernel,"""
    waited_s: float
    """and for how long they could have run, but others had the cores."""
    turns: float
    """How often one of them was given a core."""
    faults: float
    """How often a page of memory was touched that the process had not got yet."""


def spent(pid: int) -> Spent:
    """Return what a process has spent so far. Raises FileNotFoundError when it has ended."""
    process = PROC / str(pid)
    fields = (process / "stat").read_text().rpartition(")")[2].split()
    faults, kernel_s = int(fields[7]), int(fields[12]) * TICK_S
    threads = [_schedstat(thread) for thread in (process / "task").iterdir()]
    cpu_ns, waited_ns, turns = map(sum, zip(*threads, strict=True))
    return Spent(cpu_ns / 1e9, kernel_s, waited_ns / 1e9, turns, faults)


def _schedstat(thread: Path) -> list[int]:
    try:
        return [int(number) for number in (thread / "schedstat").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return [0, 0, 0]  # it has just ended


def touch_us(rested_s: float) -> float:
    """Return what the first touch of a page of memory takes that has rested for so long.

    Beyond a few tenths of a microsecond it is the machine's own doing, a virtual one's most often:
    whatever has rested is slow there for its first moments, whoever wrote it.
    """
    size = TOUCHED_PAGES * mmap.PAGESIZE
    with mmap.mmap(-1, size) as memory:
        if hasattr(mmap, "MADV_NOHUGEPAGE"):
            memory.madvise(mmap.MADV_NOHUGEPAGE)
        offsets = range(0, size, mmap.PAGESIZE)
        for offset in offsets:
            memory[offset] = 1
        time.sleep(rested_s)
        began = time.perf_counter()
        for offset in offsets:
            memory[offset] = 2
        return (time.perf_counter() - began) / TOUCHED_PAGES * 1e6


def machine_busy_s() -> float:
    """Return for how long the cores have been at work since the machine's start, all together."""
    user, nice, system, _idle, _iowait, irq, softirq, *_ = (
        int(ticks) for ticks in (PROC / "stat").read_text().splitlines()[0].split()[1:]
    )
    return (user + nice + system + irq + softirq) * TICK_S


def own_busy_s() -> float:
    """Return for how long this process has had a core, with all below it that have ended."""
    return sum(os.times()[:4])


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

"""What process trees use of processor and memory, all of them read in one pass."""

from __future__ import annotations

import os
import time
from collections.abc import Collection
from dataclasses import dataclass

import psutil

__all__ = ["TreeUsage", "exact_memory_bytes", "read_trees"]


@dataclass(frozen=True, slots=True)
class TreeUsage:
    """What one tree uses: `cpu_s` since it began, its ended children included.

    `memory_bytes` is the sum of what its processes have resident; pages that they share count for
    each of them (see `exact_memory_bytes`).
    """

    pids: tuple[int, ...]
    cpu_s: float
    memory_bytes: int
    age_s: float


def read_trees(leaders: Collection[int]) -> dict[int, TreeUsage]:
    """Return the usage of the trees that these processes lead; one that has ended is left out.

    A tree is all that lives below the leader's shim, so what has left its parent counts too.
    Takes some milliseconds for every hundred processes of the machine: call it in a thread.
    """
    processes: dict[int, psutil.Process] = {}
    children: dict[int, list[int]] = {}
    parents: dict[int, int] = {}
    for process in psutil.process_iter(["ppid"]):
        processes[process.pid] = process
        parents[process.pid] = process.info["ppid"]
        children.setdefault(process.info["ppid"], []).append(process.pid)
    found = {}
    for leader in leaders:
        if leader in processes:
            root = parents[leader]
            pids = [leader] if root in (os.getpid(), 0, 1) else [root]
            for pid in pids:
                pids.extend(children.get(pid, ()))
            found[leader] = _sum([processes[pid] for pid in pids], processes[leader])
    return found


def _sum(tree: list[psutil.Process], leader: psutil.Process) -> TreeUsage:
    pids, cpu_s, memory_bytes, began_s = [], 0.0, 0, time.time()
    for process in tree:
        try:
            with process.oneshot():
                cpu_s += sum(process.cpu_times()[:4])
                memory_bytes += process.memory_info().rss
                began_s = min(began_s, process.create_time())
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        pids.append(process.pid)
    return TreeUsage(tuple(pids), cpu_s, memory_bytes, max(0.0, time.time() - began_s))


def exact_memory_bytes(pids: Collection[int]) -> int:
    """Return what processes use with shared pages counted once; slow for large ones."""
    total = 0
    for pid in pids:
        try:
            memory = psutil.Process(pid).memory_full_info()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        total += getattr(memory, "pss", memory.rss)
    return total

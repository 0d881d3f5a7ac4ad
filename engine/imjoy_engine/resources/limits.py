"""What the machine has to give: processors and memory."""

from __future__ import annotations

import os
from dataclasses import dataclass

import psutil

__all__ = ["MachineLimits", "machine_limits"]


@dataclass(frozen=True, slots=True)
class MachineLimits:
    """The processors that this process may run on, and the memory as it was when asked."""

    cpus: int
    memory_total_bytes: int
    memory_available_bytes: int


def machine_limits() -> MachineLimits:
    """Return what the machine has; asking costs well under a millisecond."""
    memory = psutil.virtual_memory()
    return MachineLimits(_usable_cpus(), memory.total, memory.available)


def _usable_cpus() -> int:
    # A scheduler or container may have given us fewer than there are.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

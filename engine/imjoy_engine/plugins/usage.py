"""What each plugin uses of the machine, for those who look."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from imjoy_engine.clock import Clock, SystemClock
from imjoy_engine.plugins.instance import PluginInstance
from imjoy_engine.processes.usage import TreeUsage, read_trees

__all__ = ["Usage", "UsageMeter"]

_FRESH_S = 0.5


@dataclass(frozen=True, slots=True)
class Usage:
    """`cpu` is in processors (1.0 is one of them, busy all the time), sizes are in bytes.

    The processor's share is that since the last look, or since the start at the first.
    """

    cpu: float
    cpu_s: float
    memory_bytes: int
    gpu_memory_bytes: int
    processes: int
    age_s: float

    def as_dict(self) -> dict[str, Any]:
        """Return the form that status and metrics carry."""
        return {
            "cpu": round(self.cpu, 3),
            "cpu_s": round(self.cpu_s, 2),
            "memory_bytes": self.memory_bytes,
            "gpu_memory_bytes": self.gpu_memory_bytes,
            "processes": self.processes,
            "age_s": round(self.age_s, 1),
        }


class UsageMeter:
    """Reads only when somebody asks, and at most some times a second however many ask."""

    def __init__(
        self,
        gpu_memory: Callable[[], Mapping[int, int]],
        clock: Clock | None = None,
        *,
        read: Callable[[Collection[int]], dict[int, TreeUsage]] = read_trees,
    ) -> None:
        self._gpu_memory = gpu_memory
        self._clock = clock or SystemClock()
        self._read = read
        self._reading = asyncio.Lock()
        self._last: dict[int, tuple[float, TreeUsage]] = {}
        self._known: dict[int, Usage] = {}
        self._read_at_s = float("-inf")

    async def of(self, instances: Collection[PluginInstance]) -> dict[str, Usage]:
        """Return the usage of the plugins that have a process here, by instance id."""
        entries = {entry.pid: entry for entry in instances if entry.pid and not entry.exit}
        async with self._reading:
            is_fresh = self._clock.monotonic() - self._read_at_s < _FRESH_S
            if not is_fresh or not entries.keys() <= self._known.keys():
                await self._look(entries.keys() | self._known.keys())
        return {
            entry.id: self._since_start(entry, self._known[pid])
            for pid, entry in entries.items()
            if pid in self._known
        }

    def _since_start(self, instance: PluginInstance, usage: Usage) -> Usage:
        """Return the usage with the plugin's age: its process may have waited for it before."""
        if instance.started_s is None:
            return usage
        age_s = max(0.0, self._clock.monotonic() - instance.started_s)
        return replace(usage, age_s=min(usage.age_s, age_s))

    async def _look(self, pids: Collection[int]) -> None:
        trees = await asyncio.to_thread(self._read, pids)
        on_gpus = await asyncio.to_thread(self._gpu_memory) if trees else {}
        now = self._clock.monotonic()
        self._known = {pid: self._usage(pid, tree, now, on_gpus) for pid, tree in trees.items()}
        self._last = {pid: (now, tree) for pid, tree in trees.items()}
        self._read_at_s = now

    def _usage(self, pid: int, tree: TreeUsage, now: float, on_gpus: Mapping[int, int]) -> Usage:
        before_s, before = self._last.get(pid, (now - tree.age_s, None))
        used_s = tree.cpu_s - (before.cpu_s if before is not None else 0.0)
        return Usage(
            cpu=max(0.0, used_s) / (now - before_s) if now > before_s else 0.0,
            cpu_s=tree.cpu_s,
            memory_bytes=tree.memory_bytes,
            gpu_memory_bytes=sum(on_gpus.get(pid, 0) for pid in tree.pids),
            processes=len(tree.pids),
            age_s=tree.age_s,
        )

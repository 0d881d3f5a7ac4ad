"""Holds running plugins to their limits.

Memory and processors by a control group where the engine may make them. Where it may not, the
memory of a plugin's tree is read every second, and one that is over its limit is ended at once;
processors are then kept by affinity, which children inherit.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import psutil

from imjoy_engine.clock import Clock, SystemClock
from imjoy_engine.errors import PluginError
from imjoy_engine.plugins.idle import end_when_idle
from imjoy_engine.plugins.instance import PluginInstance
from imjoy_engine.plugins.wishes import PluginLimits
from imjoy_engine.processes.usage import exact_memory_bytes, read_trees
from imjoy_engine.resources.cgroups import Cgroup, CgroupHome
from imjoy_engine.resources.quantities import bytes_in_words

__all__ = ["MemoryLimitError", "ResourceGuard"]

_LOG = logging.getLogger(__name__)
_INTERVAL_S = 1.0


class MemoryLimitError(PluginError):
    """The plugin took more memory than it may, and was ended."""

    code = "memory-limit"


@dataclass(slots=True)
class _Held:
    instance: PluginInstance
    limits: PluginLimits
    pid: int
    cgroup: Cgroup | None = None
    cpus: tuple[int, ...] = ()
    idle: asyncio.Task[None] | None = None


class ResourceGuard:
    """One for each engine. `find_home` is asked once, when the first limit is to be kept."""

    def __init__(
        self, find_home: Callable[[], CgroupHome | str], clock: Clock | None = None
    ) -> None:
        self._find_home = find_home
        self._home: CgroupHome | str | None = None
        self._clock = clock or SystemClock()
        self._held: dict[str, _Held] = {}
        self._watching: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def holding(self, instance: PluginInstance, limits: PluginLimits) -> AsyncIterator[None]:
        """Hold a plugin whose process runs to its limits while the block runs."""
        if instance.pid is None or limits == PluginLimits():
            yield
            return
        held = _Held(instance, limits, instance.pid)
        try:
            await asyncio.to_thread(self._limit, held)
            self._begin(held)
            yield
        finally:
            await self._let_go(held)

    def _limit(self, held: _Held) -> None:
        """Have the kernel keep what it can; blocks."""
        limits = held.limits
        if limits.memory_bytes is not None or limits.cpus is not None:
            held.cgroup = self._grouped(held)
        if held.cgroup is None and limits.cpus is not None:
            held.cpus = self._bound(held.pid, limits.cpus)

    def _begin(self, held: _Held) -> None:
        """Keep the rest ourselves."""
        limits = held.limits
        self._held[held.instance.id] = held
        if held.cgroup is None and limits.memory_bytes is not None and self._watching is None:
            self._watching = _task(self._watch())
        if limits.idle_timeout_s is not None:
            held.idle = _task(end_when_idle(held.instance, limits.idle_timeout_s, self._clock))

    async def explained(self, instance: PluginInstance) -> MemoryLimitError | None:
        """Return why a plugin has ended, when the kernel ended it for its limit of memory."""
        held = self._held.get(instance.id)
        if held is None or held.cgroup is None:
            return None
        if not await asyncio.to_thread(held.cgroup.ran_out_of_memory):
            return None
        return _over(held.limits.memory_bytes or 0, None)

    async def close(self) -> None:
        """Hold nobody any more."""
        for held in list(self._held.values()):
            await self._let_go(held)
        if self._watching is not None:
            self._watching.cancel()

    def _grouped(self, held: _Held) -> Cgroup | None:
        if self._home is None:
            self._home = self._find_home()
            if isinstance(self._home, str):
                _LOG.info("Limits are kept by the engine itself. %s", self._home)
        if isinstance(self._home, str):
            return None
        group = None
        try:
            group = self._home.new(held.instance.id)
            group.limit(held.limits.memory_bytes, held.limits.cpus)
            group.add(held.pid)
        except OSError as error:
            _LOG.warning("Limits are kept by the engine itself: %s", error)
            if group is not None:
                group.remove()
            return None
        return group

    def _bound(self, pid: int, count: int) -> tuple[int, ...]:
        """Bind a process, and what it will start, to the processors that the fewest others have."""
        with contextlib.suppress(psutil.Error, OSError, AttributeError):
            usable = psutil.Process().cpu_affinity()
            taken = Counter(cpu for held in self._held.values() for cpu in held.cpus)
            chosen = sorted(sorted(usable, key=lambda cpu: (taken[cpu], cpu))[:count])
            psutil.Process(pid).cpu_affinity(chosen)
            return tuple(chosen)
        return ()

    async def _let_go(self, held: _Held) -> None:
        self._held.pop(held.instance.id, None)
        if held.idle is not None:
            held.idle.cancel()
        if held.cgroup is not None:
            await asyncio.to_thread(held.cgroup.remove)

    async def _watch(self) -> None:
        """Look every second while somebody is held to memory by nobody but us."""
        try:
            while watched := self._watched():
                await self._clock.sleep(_INTERVAL_S)
                trees = await asyncio.to_thread(read_trees, [held.pid for held in watched])
                for held in watched:
                    limit_bytes = held.limits.memory_bytes
                    tree = trees.get(held.pid)
                    if tree is None or limit_bytes is None or tree.memory_bytes <= limit_bytes:
                        continue
                    # The sum counts shared pages several times: look again before the end.
                    used_bytes = await asyncio.to_thread(exact_memory_bytes, tree.pids)
                    if used_bytes > limit_bytes:
                        held.instance.evict(_over(limit_bytes, used_bytes), at_once=True)
        finally:
            self._watching = None

    def _watched(self) -> list[_Held]:
        return [
            held
            for held in self._held.values()
            if held.cgroup is None and held.limits.memory_bytes is not None
        ]


def _over(limit_bytes: int, used_bytes: int | None) -> MemoryLimitError:
    used = f"used {bytes_in_words(used_bytes)} of memory" if used_bytes else "ran out of memory"
    limit = bytes_in_words(limit_bytes)
    error = MemoryLimitError(
        f"The plugin {used}, its limit is {limit}; it was ended.",
        hint="Raise limits.memory in the plugin's config or the engine's --memory-limit, or give "
        "the plugin less data at once.",
    )
    error.ending = f"stopped at its limit of memory ({limit})"
    return error


def _task(coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    return asyncio.get_running_loop().create_task(coroutine)

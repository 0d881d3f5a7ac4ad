"""Plugins that start, rest and stop, the same for every host of them. Standard library only.

Runs beside the host's client in one process (`driver.py`), from which everything else descends.
"""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any, Protocol

from benchmarks.system import cpu_s, descendants, own_mb

QUIET_S = 0.2
PATIENCE_S = 12.0
FEWER = 10
CORES = os.cpu_count() or 1
REST_S = 2.0
IDLE_S = 30.0
"""Longer than the 25 s between two signs of life on a connection."""


class Plugin(Protocol):
    """One that has answered its first call."""

    async def stop(self) -> None:
        """Ask it to end; when this returns nothing of it is there any more."""
        ...


class Host(Protocol):
    """What starts plugins, as a client sees it."""

    middle_pid: int | None
    """The process between client and plugins, if there is one."""

    async def start(self) -> Plugin:
        """Start a plugin without requirements, and return at the answer to its first call."""
        ...


async def start_and_stop(host: Host) -> dict[str, Any]:
    """Return in ms how long one start takes to the answer of the first call, and how long a stop.

    The very first plugin reads everything from the disk and is not measured. A host with `rest` is
    waited for until it does nothing beside; what that returns are figures, too.
    """
    await _warmed(host)
    at_rest = await host.rest() if hasattr(host, "rest") else {}
    began = time.perf_counter()
    plugin = await host.start()
    start_s = time.perf_counter() - began
    # A start is still being tidied up after; a stop is measured at rest.
    await asyncio.sleep(QUIET_S)
    began = time.perf_counter()
    await plugin.stop()
    return {"start": start_s * 1e3, "stop": (time.perf_counter() - began) * 1e3, **at_rest}


async def many(host: Host, count: int) -> dict[str, Any]:
    """Return how many ms it takes to start so many at once, and the MB of memory of each.

    Once, also what share of a core (in %) the process between takes while all of them rest. A host
    that would take too long, judged by one start, starts only a few.
    """
    await _warmed(host)
    notes = {}
    if _warm[host] * count / CORES > PATIENCE_S:
        count = FEWER
        notes["note"] = f"{count} only"
    began = time.perf_counter()
    plugins = await asyncio.gather(*(host.start() for _ in range(count)))
    figures: dict[str, Any] = {"took": (time.perf_counter() - began) * 1e3}
    # A plugin costs its own process, what holds it, and its share of what these are forked off.
    others = [pid for pid in descendants(os.getpid()) if pid != host.middle_pid]
    figures["memory"] = sum(own_mb(pid) for pid in others) / count
    if host.middle_pid is not None and host not in _rested:
        figures["idle"] = await _idle(host.middle_pid)
        _rested.append(host)
    await asyncio.gather(*(plugin.stop() for plugin in plugins))
    return {**figures, **notes}


WORKLOADS = {"start_and_stop": start_and_stop, "many": many}


async def _warmed(host: Host) -> None:
    """Start a first plugin, which reads everything from the disk, and for the measure a second."""
    if host not in _warm:
        await (await host.start()).stop()
        began = time.perf_counter()
        plugin = await host.start()
        _warm[host] = time.perf_counter() - began
        await plugin.stop()


async def _idle(pid: int) -> float:
    await asyncio.sleep(REST_S)
    before_s = cpu_s(pid)
    await asyncio.sleep(IDLE_S)
    return (cpu_s(pid) - before_s) / IDLE_S * 100


_warm: dict[Host, float] = {}
"""How many seconds a start takes."""
_rested: list[Host] = []

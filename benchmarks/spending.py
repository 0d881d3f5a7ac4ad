"""Who spends what on a call, a callback or an array: the client, what is between, or the plugins.

Times say how long something took, these figures what for. Runs beside the subject's client in one
process (`driver.py`), from which everything else descends. Standard library and numpy only.
"""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from benchmarks import workloads
from benchmarks.system import Spent, descendants, spent
from benchmarks.workloads import IN_FLIGHT, Subject

COUNT = 1000
NOTHING = Spent(0.0, 0.0, 0.0, 0.0, 0.0)


class Share(NamedTuple):
    """What the processes of a subject have spent so far, by what they are."""

    client: Spent
    middle: Spent
    plugins: Spent


async def spending(subject: Subject, of: str, megabytes: int = 0) -> dict[str, Any]:
    """Return what one call (in flight alone or with others), callback or MB costs each process.

    `of` is one of WORK. See `figures` for what is returned.
    """
    array = workloads.noise(megabytes) if megabytes else None
    count = workloads.REPEATS[megabytes] if megabytes else COUNT
    await WORK[of](subject, array, -(-count // 10))  # what is made once is there then
    before = _shares(subject.middle_pid)
    start = time.perf_counter()
    await WORK[of](subject, array, count)
    took_s = time.perf_counter() - start
    return figures(before, _shares(subject.middle_pid), count * (2 * megabytes or 1), took_s)


def figures(before: Share, after: Share, units: float, took_s: float) -> dict[str, float]:
    """Return what came to each unit between two looks.

    `client`, `middle` and `plugins` are µs of processor time; `cores` is how many cores had work at
    a time, on average: a unit takes what all three spend, divided by this. `kernel` is how much of
    what all three spend is the kernel's. `waited` are the µs for
    which threads of theirs were ready and had no core, `turns` how often one was given a core,
    `faults` how many pages of memory they touched that they had not got yet.
    """
    parts = [
        Spent(*(late - early for early, late in zip(first, last, strict=True)))
        for first, last in zip(before, after, strict=True)
    ]
    shares = zip(Share._fields, parts, strict=True)
    return {
        **{who: part.cpu_s * 1e6 / units for who, part in shares},
        "cores": sum(part.cpu_s for part in parts) / took_s,
        "kernel": sum(part.kernel_s for part in parts) * 1e6 / units,
        "waited": sum(part.waited_s for part in parts) * 1e6 / units,
        "turns": sum(part.turns for part in parts) / units,
        "faults": sum(part.faults for part in parts) / units,
    }


def _shares(middle_pid: int) -> Share:
    own = os.getpid()
    plugins = NOTHING
    for pid in descendants(own):
        if pid != middle_pid:
            plugins = Spent(*map(sum, zip(plugins, spent(pid), strict=True)))
    return Share(spent(own), spent(middle_pid), plugins)


async def _call(subject: Subject, _: Any, count: int) -> None:
    for _ in range(count):
        await subject.call()


async def _in_flight(subject: Subject, _: Any, count: int) -> None:
    await subject.in_flight(count, IN_FLIGHT)


async def _callback(subject: Subject, _: Any, count: int) -> None:
    await subject.callbacks(count)


async def _array(subject: Subject, array: Any, count: int) -> None:
    for _ in range(count):
        await subject.array(array)


WORK: dict[str, Callable[[Subject, Any, int], Awaitable[None]]] = {
    "call": _call,
    "in_flight": _in_flight,
    "callback": _callback,
    "array": _array,
}

WORKLOADS = {"spending": spending}

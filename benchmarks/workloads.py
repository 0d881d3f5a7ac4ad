"""What a subject is put through, and the figures that come of it. Standard library and numpy only.

Runs beside the subject's client in one process (`driver.py`), the same for all of them.
"""

from __future__ import annotations

import asyncio
import gc
import math
import time
from typing import Any, NamedTuple, Protocol

from benchmarks.system import MB, forget_peak, memory_mb

SMALL_CALLS = 1000
WARM_UP_CALLS = 50
LONGEST_S = 1.0
"""A round of a slow subject is over after about so long; the table says what it has done then."""
IN_FLIGHT = 64
IN_FLIGHT_CALLS = 5000
CALLBACKS = 1000
DUE_EVERY_S = 0.010
LEAST_DUE = 100
REPEATS = {1: 20, 16: 4, 64: 2, 256: 1}
"""How often an array of so many megabytes goes there and back in one round."""
PATIENCE_S = 10.0
"""An array that would take longer is not sent: it says nothing that a smaller one doesn't."""
NOISE_BYTES = 16 * MB
SMALLER_MB = 16


class Subject(Protocol):
    """A client, what is between, and a plugin that gives back what it gets.

    Whatever a subject is not made for it refuses with NotImplementedError; the table shows why.
    """

    middle_pid: int
    """The process between client and plugin, whose memory is looked at."""

    async def call(self) -> None:
        """Send {"x": 1} to the plugin and get it back."""
        ...

    async def beside(self) -> float | None:
        """The same with another plugin over the same connection.

        Returns when it was there, by `time.perf_counter()`, which all processes share, or None.
        """
        ...

    async def in_flight(self, calls: int, width: int) -> None:
        """Make so many small calls, `width` of them under way at any time."""
        ...

    async def array(self, array: Any) -> Any:
        """Send a float32 array to the plugin and return what comes back."""
        ...

    async def callbacks(self, count: int) -> None:
        """Call the plugin once; it awaits a function of this client so many times."""
        ...

    async def between(self, size: int) -> float:
        """Have the plugin send `size` bytes of float32 to another one and get them back.

        Returns how many seconds that took, as seen by the first plugin.
        """
        ...


class Due(NamedTuple):
    """A small call by the clock: when it was due, when it began, was there, and was answered."""

    due: float
    begun: float
    there: float | None
    answered: float


async def small_calls(subject: Subject) -> dict[str, Any]:
    """Return p50 and p99 in ms, and calls per second."""
    for _ in range(WARM_UP_CALLS):
        await subject.call()
    times_s: list[float] = []
    start = time.perf_counter()
    while len(times_s) < SMALL_CALLS and time.perf_counter() - start < LONGEST_S:
        before = time.perf_counter()
        await subject.call()
        times_s.append(time.perf_counter() - before)
    return {
        "p50": percentile(times_s, 50) * 1e3,
        "p99": percentile(times_s, 99) * 1e3,
        "rate": len(times_s) / (time.perf_counter() - start),
        **_only(len(times_s), SMALL_CALLS, "calls"),
    }


async def in_flight(subject: Subject) -> dict[str, Any]:
    """Return calls per second with 64 in flight; for slow ones fewer calls are counted."""
    calls = 4 * IN_FLIGHT
    while True:
        start = time.perf_counter()
        await subject.in_flight(calls, IN_FLIGHT)
        took_s = time.perf_counter() - start
        if calls >= IN_FLIGHT_CALLS or took_s > LONGEST_S / 4:
            return {"rate": calls / took_s, **_only(calls, IN_FLIGHT_CALLS, "calls")}
        calls = IN_FLIGHT_CALLS if took_s < LONGEST_S / 15 else calls * 4


async def arrays(subject: Subject, megabytes: int) -> dict[str, Any]:
    """Return MB/s there and back, and by how many MB the process between grew at its peak."""
    # Before the first array: what an earlier one has left behind is not idle.
    idle_mb = _idle_mb.setdefault(subject.middle_pid, memory_mb(subject.middle_pid, "VmRSS"))
    await _refuse_what_takes_too_long(subject, megabytes)
    array = noise(megabytes)
    gc.collect()
    forget_peak(subject.middle_pid)
    count = 0
    start = time.perf_counter()
    while count < REPEATS[megabytes] and (not count or time.perf_counter() - start < LONGEST_S):
        back = await subject.array(array)
        _check(array, back)
        del back
        count += 1
    took_s = time.perf_counter() - start
    grown_mb = memory_mb(subject.middle_pid, "VmHWM") - idle_mb
    return {"rate": 2 * count * array.nbytes / MB / took_s, "grown": grown_mb}


async def beside_array(subject: Subject, megabytes: int) -> dict[str, Any]:
    """Return the p99 in ms of small calls due every 10 ms while an array goes there and back.

    Measured from when a call was due: one that could not begin in time has waited, too. At least
    100 are counted; the array goes more than once if need be. Who needs too long for the array is
    given a smaller one. `lateness` has the figures.
    """
    notes = {}
    if await _seconds_for(subject, megabytes) > PATIENCE_S:
        megabytes = SMALLER_MB
        notes["note"] = f"beside {megabytes} MB only"
    array = noise(megabytes)
    calls: list[Due] = []
    done = asyncio.Event()

    async def transfer() -> None:
        try:
            while len(calls) < LEAST_DUE:
                back = await subject.array(array)
                _check(array, back)
                del back
        finally:
            done.set()

    async def call(due: float) -> None:
        begun = time.perf_counter()
        there = await subject.beside()
        calls.append(Due(due, begun, there, time.perf_counter()))

    for _ in range(WARM_UP_CALLS):
        await subject.beside()
    moving = asyncio.ensure_future(transfer())
    tasks: list[asyncio.Task[None]] = []
    due = time.perf_counter()
    while not done.is_set():
        due += DUE_EVERY_S
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        while due <= time.perf_counter():  # those that came due while this loop was kept waiting
            tasks.append(asyncio.ensure_future(call(due)))
            due += DUE_EVERY_S
    await moving
    await asyncio.gather(*tasks)
    return {**lateness(calls), **notes}


def lateness(calls: list[Due]) -> dict[str, float]:
    """Return the p99 of how late calls were answered in ms, the longest, and where the slow wait.

    `begun`, `out` and `back` are means of the slowest tenth, and together the mean of these: until
    the client began them, on the way to the plugin, and on the way back.
    """
    late_s = [call.answered - call.due for call in calls]
    found = {"p99": percentile(late_s, 99) * 1e3, "longest": max(late_s) * 1e3}
    slowest = sorted(calls, key=lambda call: call.due - call.answered)[: -(-len(calls) // 10)]
    parts = [
        (call.begun - call.due, call.there - call.begun, call.answered - call.there)
        for call in slowest
        if call.there is not None
    ]
    if parts:
        means = (sum(part) / len(parts) * 1e3 for part in zip(*parts, strict=True))
        found.update(zip(("begun", "out", "back"), means, strict=True))
    return found


async def callbacks(subject: Subject) -> dict[str, Any]:
    """Return callbacks per second inside one call; slow ones are asked for fewer."""
    start = time.perf_counter()
    await subject.callbacks(WARM_UP_CALLS)
    each_s = (time.perf_counter() - start) / WARM_UP_CALLS
    count = CALLBACKS if each_s * CALLBACKS < 2 * LONGEST_S else round(LONGEST_S / each_s)
    start = time.perf_counter()
    await subject.callbacks(count)
    return {
        "rate": count / (time.perf_counter() - start),
        **_only(count, CALLBACKS, "callbacks"),
    }


async def between_plugins(subject: Subject, megabytes: int) -> dict[str, Any]:
    """Return MB/s from one plugin to another and back."""
    size = megabytes * MB
    await subject.between(MB)
    await _refuse_what_takes_too_long(subject, megabytes)
    took_s = sum([await subject.between(size) for _ in range(REPEATS[megabytes])])
    return {"rate": 2 * REPEATS[megabytes] * size / MB / took_s}


WORKLOADS = {
    "small_calls": small_calls,
    "in_flight": in_flight,
    "arrays": arrays,
    "beside_array": beside_array,
    "callbacks": callbacks,
    "between_plugins": between_plugins,
}


def percentile(values: list[float], percent: float) -> float:
    """Return the smallest of `values` that at least `percent` % of them do not exceed."""
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def noise(megabytes: int) -> Any:
    """Return finite float32 noise, which no compression makes smaller."""
    import numpy as np

    if not _noise:
        words = np.random.default_rng(1).integers(0, 2**32, NOISE_BYTES // 4, np.uint32)
        # Two values in the exponent's range, the rest as it falls.
        _noise.append((words & 0x807FFFFF) | 0x3F800000)
    return np.resize(_noise[0], megabytes * MB // 4).view(np.float32)


_noise: list[Any] = []
_idle_mb: dict[int, float] = {}


def _only(count: int, wanted: int, of_what: str) -> dict[str, str]:
    return {} if count >= wanted else {"note": f"{count:,} {of_what}"}


async def _seconds_for(subject: Subject, megabytes: int) -> float:
    """Return how long an array would take there and back, judged by one of 1 MB."""
    array = noise(1)
    start = time.perf_counter()
    await subject.array(array)
    return (time.perf_counter() - start) * megabytes


async def _refuse_what_takes_too_long(subject: Subject, megabytes: int) -> None:
    if megabytes > SMALLER_MB and (about_s := await _seconds_for(subject, megabytes)) > PATIENCE_S:
        raise NotImplementedError(f"too slow, it would take about {about_s:.0f} s, judged by 1 MB")


def _check(array: Any, back: Any) -> None:
    """Raise AssertionError when something else came back; a few places are looked at."""
    places = [0, array.size // 3, array.size - 1]
    if back.nbytes != array.nbytes or back.dtype != array.dtype:
        raise AssertionError(f"{back.nbytes} bytes of {back.dtype} came back.")
    if not (back.reshape(-1)[places] == array[places]).all():
        raise AssertionError("Other numbers came back.")

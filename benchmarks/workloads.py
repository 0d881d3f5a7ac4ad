"""What a subject is put through, and the figures that come of it. Standard library and numpy only.

Runs beside the subject's client in one process (`driver.py`), the same for all of them.
"""

from __future__ import annotations

import asyncio
import gc
import math
import time
from pathlib import Path
from typing import Any, Protocol

MB = 1_000_000

SMALL_CALLS = 1000
WARM_UP_CALLS = 50
LONGEST_S = 6.0
IN_FLIGHT = 64
IN_FLIGHT_CALLS = 5000
CALLBACKS = 1000
DUE_EVERY_S = 0.010
LEAST_DUE = 100
REPEATS = {1: 20, 16: 4, 64: 2, 256: 1}
"""How often an array of so many megabytes goes there and back in one round."""


class Subject(Protocol):
    """A client, what is between, and a plugin that gives back what it gets.

    Whatever a subject cannot do it refuses with an error, which the table then shows.
    """

    middle_pid: int
    """The process between client and plugin, whose memory is looked at."""

    async def call(self) -> None:
        """Send {"x": 1} to the plugin and get it back."""
        ...

    async def beside(self) -> None:
        """The same with another plugin over the same connection."""
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


class Calls:
    """In-flight calls for subjects whose `call` may run many times at once."""

    async def in_flight(self, calls: int, width: int) -> None:
        left = iter(range(calls))

        async def caller() -> None:
            for _ in left:
                await self.call()  # type: ignore[attr-defined]

        await asyncio.gather(*(caller() for _ in range(width)))


async def small_calls(subject: Subject) -> dict[str, float]:
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
    }


async def in_flight(subject: Subject) -> dict[str, float]:
    """Return calls per second with 64 in flight; for slow ones fewer calls are counted."""
    calls = 4 * IN_FLIGHT
    while True:
        start = time.perf_counter()
        await subject.in_flight(calls, IN_FLIGHT)
        took_s = time.perf_counter() - start
        if calls >= IN_FLIGHT_CALLS or took_s > LONGEST_S / 10:
            return {"rate": calls / took_s}
        calls = IN_FLIGHT_CALLS if took_s < 0.1 else calls * 4


async def arrays(subject: Subject, megabytes: int) -> dict[str, float]:
    """Return MB/s there and back, and by how many MB the process between grew at its peak."""
    array = _array(megabytes)
    gc.collect()
    forget_peak(subject.middle_pid)
    # Before the first array: what an earlier one has left behind is not idle.
    idle_mb = _idle_mb.setdefault(subject.middle_pid, memory_mb(subject.middle_pid, "VmRSS"))
    start = time.perf_counter()
    for _ in range(REPEATS[megabytes]):
        back = await subject.array(array)
        _check(array, back)
        del back
    took_s = time.perf_counter() - start
    grown_mb = memory_mb(subject.middle_pid, "VmHWM") - idle_mb
    return {"rate": 2 * REPEATS[megabytes] * array.nbytes / MB / took_s, "grown": grown_mb}


async def beside_array(subject: Subject, megabytes: int) -> dict[str, float]:
    """Return the p99 in ms of small calls due every 10 ms while an array goes there and back.

    Measured from when a call was due: one that could not begin in time has waited, too. At least
    100 are counted; the array goes more than once if need be.
    """
    array = _array(megabytes)
    late_s: list[float] = []
    done = asyncio.Event()

    async def transfer() -> None:
        try:
            while len(late_s) < LEAST_DUE:
                back = await subject.array(array)
                _check(array, back)
                del back
        finally:
            done.set()

    async def call(due: float) -> None:
        await subject.beside()
        late_s.append(time.perf_counter() - due)

    for _ in range(WARM_UP_CALLS):
        await subject.beside()
    moving = asyncio.ensure_future(transfer())
    calls: list[asyncio.Task[None]] = []
    due = time.perf_counter()
    while not done.is_set():
        due += DUE_EVERY_S
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        while due <= time.perf_counter():  # those that came due while this loop was kept waiting
            calls.append(asyncio.ensure_future(call(due)))
            due += DUE_EVERY_S
    await moving
    await asyncio.gather(*calls)
    return {"p99": percentile(late_s, 99) * 1e3, "longest": max(late_s) * 1e3}


async def callbacks(subject: Subject) -> dict[str, float]:
    """Return callbacks per second inside one call."""
    await subject.callbacks(WARM_UP_CALLS)
    start = time.perf_counter()
    await subject.callbacks(CALLBACKS)
    return {"rate": CALLBACKS / (time.perf_counter() - start)}


async def between_plugins(subject: Subject, megabytes: int) -> dict[str, float]:
    """Return MB/s from one plugin to another and back."""
    size = megabytes * MB
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


_arrays: dict[int, Any] = {}
_idle_mb: dict[int, float] = {}


def _array(megabytes: int) -> Any:
    """Return float32 noise, which no compression makes smaller; made once per process."""
    import numpy as np

    if megabytes not in _arrays:
        noise = np.random.default_rng(megabytes).integers(0, 2**32, megabytes * MB // 4, np.uint32)
        _arrays.clear()
        # Finite numbers only: two in the exponent's range, the rest as it falls.
        _arrays[megabytes] = ((noise & 0x807FFFFF) | 0x3F800000).view(np.float32)
    return _arrays[megabytes]


def _check(array: Any, back: Any) -> None:
    """Raise AssertionError when something else came back; a few places are looked at."""
    places = [0, array.size // 3, array.size - 1]
    if back.nbytes != array.nbytes or back.dtype != array.dtype:
        raise AssertionError(f"{back.nbytes} bytes of {back.dtype} came back.")
    if not (back.reshape(-1)[places] == array[places]).all():
        raise AssertionError("Other numbers came back.")


def forget_peak(pid: int) -> None:
    """Have a process's peak counted from here."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def memory_mb(pid: int, key: str) -> float:
    """Return what the system says of a process's memory: VmRSS is now, VmHWM the peak."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) * 1024 / MB
    raise LookupError(f"no {key} of process {pid}")

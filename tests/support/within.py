"""A second, on a machine that has it to give."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

__all__ = ["within_a_second"]

_SECOND_IN_PROCESSES = 100
"""Some milliseconds each where nothing else is to be done: together less than a second."""
_NEVER_S = 30.0


@asynccontextmanager
async def within_a_second() -> AsyncIterator[None]:
    """Fail when the block takes more than a second.

    Where others keep the machine busy a second is as long as starting and ending a hundred small
    processes, one after the other, takes there: what needs no time by itself still needs its turn.
    """
    before_s = await _a_process_s()
    began_s = time.monotonic()
    async with asyncio.timeout(_NEVER_S):
        yield
    took_s = time.monotonic() - began_s
    second_s = max(1.0, _SECOND_IN_PROCESSES * max(before_s, await _a_process_s()))
    assert took_s <= second_s, f"it took {took_s:.2f} s, where a second takes {second_s:.2f}"


async def _a_process_s() -> float:
    """Return how long it takes to start a process that does nothing, and to see it end."""
    began_s = time.monotonic()
    await asyncio.to_thread(subprocess.run, ["true"], check=True)
    return time.monotonic() - began_s

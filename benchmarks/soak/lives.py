"""Half an hour of plugins that start, crash, start again, detach, and carry arrays.

What a warm engine has in objects, memory, descriptors and child processes must be what it has at
each of six looks in the time that follows.
"""

from __future__ import annotations

import asyncio
import time

import psutil

import imjoy_client
from benchmarks.measure import Row
from benchmarks.soak.census import Census, followed
from benchmarks.soak.engine import CountedEngine, counted_engine
from imjoy_wire.errors import PeerGoneError, RemoteError

SECONDS = 1800.0
LOOKS = 6
COLD_CYCLES = 20
WARM_CYCLES = 400
"""By then every pool and cache of the engine is as full as it gets, and what doubles once has: the
last is CPython's table of interned strings, which the names of files pass through, after some 300
cycles. Its old place is given back, from which glibc learns to keep more in each thread's arena."""
TRIAL = 0.1
"""So little of it is over before anything doubles, and begins with a cold engine."""
TRANSFER_BYTES = 4 << 20
REST_S = 20.0
TIMERS_S = 30.0
"""By then Socket.IO's timers of connections that have ended have run out; how many there are at one
moment says how quick the last cycles were, and nothing else."""
SCRIPT = """
import os
from imjoy import api

async def echo(value):
    return value

def crash():
    os.abort()

def flood():
    for _ in range(200):
        os.write(1, b"x" * 65536)

api.export({"echo": echo, "crash": crash, "flood": flood})
"""


async def soak(part: float) -> list[Row]:
    """Return what the engine has at each look, against what it had when it was warm."""
    where = "engine whose plugins come and go"
    async with counted_engine() as engine:
        count = await _cycles(engine, 0, COLD_CYCLES)
        cold, _ = await _at_rest(engine)
        warm_cycles = WARM_CYCLES if part > TRIAL else COLD_CYCLES
        count = await _cycles(engine, count, warm_cycles)
        first, first_open = await _at_rest(engine)
        looks: dict[str, Census] = {}
        most_open = 0
        start = time.monotonic()
        count_of_looks = max(1, round(LOOKS * part))
        for number in range(1, count_of_looks + 1):
            until_s = SECONDS * part * number / count_of_looks
            while time.monotonic() - start < until_s:
                count = await _cycles(engine, count, count + 1)
            looks[f"{until_s / 60:.1f} min"], are_open = await _at_rest(engine)
            most_open = max(most_open, are_open)
    megabytes = cold[1] / 2**20
    warm = f"{first[1] / 2**20:,.1f} after {warm_cycles:,}"
    return [
        Row(f"cycles in {SECONDS * part:,.0f} s and before", count, ""),
        Row(f"memory of the {where}, cold, after {COLD_CYCLES} cycles", megabytes, "MB", warm),
        *followed(where, first, looks),
        Row(
            *("descriptors, the most at any look", most_open, "", f"{first_open} at first"),
            held=most_open <= first_open,
        ),
    ]


async def _cycles(engine: CountedEngine, done: int, until: int) -> int:
    """Have cycles happen until there were so many; return how many there were."""
    for number in range(done, until):
        await _cycle(engine, number)
    return max(done, until)


async def _cycle(engine: CountedEngine, number: int) -> None:
    """Have one of everything happen."""
    payload = bytes(TRANSFER_BYTES)
    async with imjoy_client.connect(engine.url, engine.token) as client:
        steady, crashing, lasting = await asyncio.gather(
            client.start_plugin({"name": "Steady"}, script=SCRIPT),
            client.start_plugin({"name": "Crashing", "restart": number % 2}, script=SCRIPT),
            client.start_plugin({"name": "Lasting", "flags": ["allow-detach"]}, script=SCRIPT),
        )
        if await steady.echo(payload) != payload or await lasting.echo(number) != number:
            raise AssertionError("A plugin gave back something else.")
        await steady.flood()
        try:
            await crashing.crash()
        except (PeerGoneError, RemoteError):
            pass
        else:
            raise AssertionError("A plugin has survived its crash.")
        await steady.stop()
    # Back without the old end: what may detach is still there.
    async with imjoy_client.connect(engine.url, engine.token) as client:
        again = await client.start_plugin(
            {"name": "Lasting", "flags": ["allow-detach"]}, script=SCRIPT
        )
        if await again.echo(number) != number:
            raise AssertionError("A plugin gave back something else.")
        await again.stop()
        # A crash that is followed by a new start leaves a plugin that nobody has taken up.
        await client._session.ask("reset_engine", {})


async def _at_rest(engine: CountedEngine) -> tuple[Census, int]:
    """Return what lives in the engine once nothing of any plugin does, and what it has open."""
    process = psutil.Process(engine.pid)
    async with asyncio.timeout(REST_S):
        # One stays: the process that those that hold plugins are forked off.
        while len(process.children(recursive=True)) > 1:  # noqa: ASYNC110 - other processes: no event
            await asyncio.sleep(0.1)
    await asyncio.sleep(TIMERS_S)
    return await engine.census(), process.num_fds()

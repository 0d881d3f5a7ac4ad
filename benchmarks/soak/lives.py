"""Half an hour of plugins that start, crash, start again, detach, and carry arrays.

What the engine has at the end in objects, memory, descriptors and child processes must be what it
had after the first cycles.
"""

from __future__ import annotations

import asyncio
import time

import psutil

import imjoy_client
from benchmarks.measure import Row
from benchmarks.soak.census import Census, compared
from benchmarks.soak.engine import CountedEngine, counted_engine
from imjoy_wire.errors import PeerGoneError, RemoteError

SECONDS = 1800.0
FIRST_CYCLES = 20
"""By then every pool and cache of the engine is as full as it gets."""
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
    """Return what the engine has after the time, against after the first cycles."""
    async with counted_engine() as engine:
        for number in range(FIRST_CYCLES):
            await _cycle(engine, number)
        first, first_open = await _at_rest(engine)
        until = time.monotonic() + SECONDS * part
        count = 0
        while time.monotonic() < until:
            await _cycle(engine, FIRST_CYCLES + count)
            count += 1
        last, last_open = await _at_rest(engine)
    rows = [Row(f"cycles in {SECONDS * part:,.0f} s", count, "")]
    rows += compared("engine whose plugins come and go", first, last)
    for what, then in first_open.items():
        now = last_open[what]
        rows.append(Row(what, now, "", f"{then} at first", None, None, now <= then))
    return rows


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


async def _at_rest(engine: CountedEngine) -> tuple[Census, dict[str, int]]:
    """Return what lives in the engine once nothing of any plugin does."""
    process = psutil.Process(engine.pid)
    async with asyncio.timeout(REST_S):
        # One stays: the process that those that hold plugins are forked off.
        while len(process.children(recursive=True)) > 1:  # noqa: ASYNC110 - other processes: no event
            await asyncio.sleep(0.1)
    await asyncio.sleep(TIMERS_S)
    return await engine.census(), {"descriptors": process.num_fds()}

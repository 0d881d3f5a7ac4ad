"""From the request to stop a plugin to the answer: nothing of its process tree lives then."""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import AsyncExitStack

from benchmarks.measure import Figure, Row, interleaved
from benchmarks.plugin_start import SCRIPT, Engine, engine
from benchmarks.starts import subject

STOP = Figure("plugin stop", "ms")
FLOOR = "floor: a bare asyncio worker"
WELL_BEHAVED = "engine, well-behaved plugin"
WITH_EXIT = "engine, plugin with exit() and a child process"
BAR_MS = 50.0

EXITING = """
from imjoy import api
import subprocess, sys

child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)

def leave():
    child.stdin.close()
    child.wait()

api.export({"echo": lambda value: value, "exit": leave})
"""


async def benchmark(rounds: int) -> list[Row]:
    """Return how long a stop takes, the floor's beside it."""
    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(engine("--spares", "0"))
        await _stopped(running, SCRIPT)
        floor = await stack.enter_async_context(
            subject.starting(sys.executable, "floor_stop.py", STOP.key)
        )
        medians = await interleaved(
            {
                FLOOR: floor,
                WELL_BEHAVED: lambda: _stopped(running, SCRIPT),
                WITH_EXIT: lambda: _stopped(running, EXITING),
            },
            rounds,
        )
    values = {name: found[STOP.key] for name, found in medians.items()}
    bar = f"{BAR_MS:g} ms"
    return [
        STOP.row(FLOOR, values[FLOOR]),
        STOP.compared(WELL_BEHAVED, values[WELL_BEHAVED], bar, BAR_MS, 1.0),
        STOP.compared(WELL_BEHAVED, values[WELL_BEHAVED], FLOOR, values[FLOOR]),
        STOP.row(WITH_EXIT, values[WITH_EXIT]),
    ]


async def _stopped(running: Engine, script: str) -> dict[str, float]:
    config = {"name": "Stop", "type": "native-python", "requirements": []}
    plugin = await running.client.start_plugin(config, script=script)
    if await plugin.echo(1) != 1:
        raise AssertionError("The plugin gave back something else.")
    # A start is still being tidied up after; a stop is measured at rest.
    await asyncio.sleep(0.2)
    began = time.perf_counter()
    await plugin.stop()
    return {STOP.key: (time.perf_counter() - began) * 1e3}

"""Fifty plugins started at once: how long, how much memory each, and what the engine does then."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import psutil

import imjoy_client
from benchmarks.measure import Figure, Row, interleaved
from benchmarks.peers import process
from benchmarks.plugin_start import SCRIPT, Engine, engine

COUNT = 50
FLOOR = "floor: bare asyncio workers"
ENGINE = "engine"
TIME = Figure(f"{COUNT} plugins at once", "ms")
MEMORY = Figure("memory of each", "MB")
IDLE = Figure("engine with them, idle", "% of a core")
TIME_BAR, MEMORY_BAR, IDLE_BAR = 2.0, 1.5, 1.0
REST_S, IDLE_S = 2.0, 10.0
FLOOR_SCRIPT = Path(__file__).parent / "starts" / "floor_many.py"


async def benchmark(rounds: int) -> list[Row]:
    """Return time and memory beside the floor's, and the idle engine's share of a core."""
    async with (
        process(str(FLOOR_SCRIPT), str(COUNT)) as floor,
        engine("--spares", "0") as running,
    ):
        await running.start()

        async def bare() -> dict[str, float]:
            floor.stdin.write(b"start\n")
            took_ms, used = (await floor.stdout.readline()).split()
            return {TIME.key: float(took_ms), MEMORY.key: float(used) / 1e6}

        medians = await interleaved({FLOOR: bare, ENGINE: lambda: _started(running)}, rounds)
        idle = await _idle(running)
    floors, ours = medians[FLOOR], medians[ENGINE]
    return [
        TIME.row(FLOOR, floors[TIME.key]),
        TIME.compared(ENGINE, ours[TIME.key], FLOOR, floors[TIME.key], TIME_BAR),
        MEMORY.row(FLOOR, floors[MEMORY.key]),
        MEMORY.compared(ENGINE, ours[MEMORY.key], FLOOR, floors[MEMORY.key], MEMORY_BAR),
        IDLE.compared(ENGINE, idle, f"{IDLE_BAR:g} %", IDLE_BAR, 1.0),
    ]


async def _all(running: Engine) -> list[imjoy_client.PluginProxy]:
    async def one(number: int) -> imjoy_client.PluginProxy:
        config = {"name": f"Many {number}", "type": "native-python", "requirements": []}
        plugin = await running.client.start_plugin(config, script=SCRIPT)
        if await plugin.echo(number) != number:
            raise AssertionError("The plugin gave back something else.")
        return plugin

    return await asyncio.gather(*(one(number) for number in range(COUNT)))


async def _started(running: Engine) -> dict[str, float]:
    began = time.perf_counter()
    plugins = await _all(running)
    took_ms = (time.perf_counter() - began) * 1e3
    # A plugin costs its own process, the small one that holds it, and its share of the one that
    # these are forked off: all that lives below the engine.
    used = sum(child.memory_full_info().pss for child in running.process.children(recursive=True))
    await asyncio.gather(*(plugin.stop() for plugin in plugins))
    return {TIME.key: took_ms, MEMORY.key: used / COUNT / 1e6}


async def _idle(running: Engine) -> float:
    plugins = await _all(running)
    await asyncio.sleep(REST_S)
    before = _seconds(running.process)
    await asyncio.sleep(IDLE_S)
    share = (_seconds(running.process) - before) / IDLE_S * 100
    await asyncio.gather(*(plugin.stop() for plugin in plugins))
    return share


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system

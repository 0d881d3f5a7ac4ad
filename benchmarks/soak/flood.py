"""10 GB from a plugin to a client that reads slowly: the engine holds little of it at any time."""

from __future__ import annotations

import asyncio
import time

import imjoy_client
from benchmarks.measure import Row
from benchmarks.soak.engine import counted_engine
from benchmarks.workloads import MB, forget_peak, memory_mb

TOTAL_BYTES = 10_000 * MB
MESSAGE_BYTES = 4 * MB
SLOW_S = 0.04
"""For so long the client reads nothing after each message."""
BAR_MB = 32.0
SCRIPT = """
from imjoy import api

class Plugin:
    def setup(self):
        pass

    def flood(self, count, size, take):
        for _ in range(count):
            take(bytes(size))

api.export(Plugin())
"""


async def soak(part: float) -> list[Row]:
    """Return how fast it went, and by how much the engine grew at its peak."""
    count = max(1, round(TOTAL_BYTES * part / MESSAGE_BYTES))
    came = 0
    everything = asyncio.Event()

    def take(data: bytes) -> None:
        nonlocal came
        time.sleep(SLOW_S)
        came += len(data)
        if came == count * MESSAGE_BYTES:
            everything.set()

    async with (
        counted_engine() as engine,
        imjoy_client.connect(engine.url, engine.token) as client,
    ):
        plugin = await client.start_plugin({"name": "Flood"}, script=SCRIPT)
        await plugin.flood(0, 0, take)
        forget_peak(engine.pid)
        idle_mb = memory_mb(engine.pid, "VmRSS")
        start = time.perf_counter()
        await plugin.flood(count, MESSAGE_BYTES, take)
        await everything.wait()
        rate = came / MB / (time.perf_counter() - start)
        grown_mb = memory_mb(engine.pid, "VmHWM") - idle_mb
    what = f"{came / MB / 1000:.1f} GB to a client that reads slowly"
    return [
        Row(what, rate, "MB/s"),
        Row(f"{what}: the engine's peak", grown_mb, "MB", None, None, BAR_MB, grown_mb <= BAR_MB),
    ]

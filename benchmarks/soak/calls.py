"""100,000 calls with callbacks: nothing of a call may live on, in plugin, engine or client."""

from __future__ import annotations

import asyncio
import inspect
import time

import imjoy_client
from benchmarks.measure import Row
from benchmarks.soak import counting
from benchmarks.soak.census import Census, compared
from benchmarks.soak.engine import CountedEngine, counted_engine
from imjoy_wire.errors import RemoteError

CALLS = 100_000
FIRST_CALLS = 1_000
SCRIPT = (
    inspect.getsource(counting)
    + """
from imjoy import api

class Counter:
    def __init__(self, start):
        self.value = start

    def up(self, by):
        self.value += by
        return self.value

class Plugin:
    def plain(self, callback, number):
        return callback(number).result() + callback(1).result()

    async def coroutine(self, callback, number):
        return await callback(number) + await callback(1)

    async def gives_function(self, callback, number):
        start = await callback(number)
        return lambda by: start + by

    def gives_object(self, callback, number):
        return Counter(callback(number).result())

    def raises(self, callback, number):
        raise ValueError(callback(number).result())

    async def census(self):
        return own_census(), len(api._peer.store)

api.export(Plugin())
"""
)


async def soak(part: float) -> list[Row]:
    """Return what lives in each process after all calls, against after the first thousand."""
    async with (
        counted_engine() as engine,
        imjoy_client.connect(engine.url, engine.token) as client,
    ):
        plugin = await client.start_plugin({"name": "Soak"}, script=SCRIPT)
        # More at once than ever after: threads and buffers are made where calls meet.
        await _make(plugin, FIRST_CALLS, 64)
        first = await _census(engine, plugin)
        total = max(FIRST_CALLS, round(CALLS * part))
        start = time.perf_counter()
        await _make(plugin, total - FIRST_CALLS, 16)
        rate = (total - FIRST_CALLS) / (time.perf_counter() - start)
        last = await _census(engine, plugin)
    rows = [Row(f"{total:,} calls with callbacks", rate, "calls/s")]
    for where, then in first.items():
        rows += compared(where, then, last[where])
    return rows


async def _make(plugin: imjoy_client.PluginProxy, count: int, in_flight: int) -> None:
    """Make so many calls of every kind, so many of them at once."""
    numbers = iter(range(count))

    async def go_on() -> None:
        for number in numbers:
            await _one(plugin, number)

    async with asyncio.TaskGroup() as group:
        for _ in range(in_flight):
            group.create_task(go_on())


async def _one(plugin: imjoy_client.PluginProxy, number: int) -> None:
    kind = number % 5
    callback = _callback()
    if kind == 0:
        answer = await plugin.plain(callback, number)
    elif kind == 1:
        answer = await plugin.coroutine(callback, number)
    elif kind == 2:
        function = await plugin.gives_function(callback, number)
        answer = await function(1)
    elif kind == 3:
        counter = await plugin.gives_object(callback, number)
        answer = await counter.up(1)
    else:
        answer = await _raised(plugin, callback, number)
    if answer != number + 1:
        raise AssertionError(f"{number} + 1 is {answer!r}")


def _callback():
    return lambda number: number


async def _raised(plugin: imjoy_client.PluginProxy, callback, number: int) -> int:
    try:
        await plugin.raises(callback, number)
    except RemoteError as error:
        return int(str(error)) + 1
    return -1


async def _census(engine: CountedEngine, plugin: imjoy_client.PluginProxy) -> dict[str, Census]:
    for _ in range(3):  # what one end lets go of, the other hears with the next message
        own = counting.own_census()
        in_plugin, kept = await plugin.census()
    print("Functions that the plugin keeps for others:", kept)
    return {"plugin": tuple(in_plugin), "engine": await engine.census(), "client": own}

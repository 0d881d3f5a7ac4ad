"""A real engine of its own, two plugins, and the Python client."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import imjoy_client
from benchmarks.subjects.processes import START_S, drained, line_with, process
from benchmarks.workloads import Calls

PLUGIN = """
import time
from imjoy import api
import numpy as np

class Plugin:
    async def setup(self):
        self.other = None

    async def echo(self, value):
        return value

    async def call_back(self, function, count):
        for _ in range(count):
            await function(1)

    async def meet(self, echo):
        self.other = echo

    async def send_on(self, size):
        array = np.ones(size // 4, np.float32)
        start = time.perf_counter()
        back = await self.other(array)
        took_s = time.perf_counter() - start
        assert back.nbytes == size
        return took_s

api.export(Plugin())
"""


class Engine(Calls):
    def __init__(self, plugin: Any, other: Any, middle_pid: int) -> None:
        self._plugin = plugin
        self._other = other
        self.middle_pid = middle_pid

    async def call(self) -> None:
        if await self._plugin.echo({"x": 1}) != {"x": 1}:
            raise AssertionError("The plugin gave back something else.")

    async def beside(self) -> None:
        await self._other.echo({"x": 1})

    async def array(self, array: Any) -> Any:
        return await self._plugin.echo(array)

    async def callbacks(self, count: int) -> None:
        called = 0

        def function(_: int) -> None:
            nonlocal called
            called += 1

        await self._plugin.call_back(function, count)
        if called != count:
            raise AssertionError(f"{called} callbacks came, not {count}.")

    async def between(self, size: int) -> float:
        return await self._plugin.send_on(size)


@asynccontextmanager
async def opened(*, data_channel: bool) -> AsyncIterator[Engine]:
    with tempfile.TemporaryDirectory(prefix="ij-") as directory:
        arguments = ("-m", "imjoy_engine", "--port", "0", "--workspace", directory)
        store = {"IMJOY_ENGINE_STORE": str(Path(directory) / ".store")}
        async with process(*arguments, terminate=True, env={**os.environ, **store}) as child:
            url = await line_with(child, "/#token=")
            async with (
                drained(child.stdout),
                imjoy_client.connect(url, "", data_channel=data_channel) as client,
            ):
                yield await _plugins(client, data_channel, child.pid)


async def _plugins(client: imjoy_client.Client, data_channel: bool, pid: int) -> Engine:
    config = {"type": "native-python", "requirements": ["numpy"]}
    plugins = [
        await client.start_plugin({"name": name, **config}, script=PLUGIN) for name in ("A", "B")
    ]
    engine = Engine(*plugins, pid)
    await plugins[0].meet(plugins[1].echo)
    async with asyncio.timeout(START_S):
        while client.has_data_channel != data_channel:
            await engine.call()  # the client changes over while it already works
    return engine

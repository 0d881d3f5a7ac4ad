"""A real engine of its own, its plugins, and the Python client."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imjoy_client
from benchmarks.subjects.calls import Plugins
from benchmarks.subjects.processes import START_S, drained, line_with, process
from benchmarks.system import cpu_s, descendants, own_mb

PLUGIN = """
import time
from imjoy import api
import numpy as np

class Plugin:
    async def setup(self):
        self.other = None

    async def echo(self, value):
        return value

    async def seen(self, value):
        return value, time.perf_counter()

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

SCRIPT = """
from imjoy import api

def echo(value):
    return value

api.export({"echo": echo})
"""

EXITING = """
from imjoy import api
import subprocess, sys

child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)

def leave():
    child.stdin.close()
    child.wait()

api.export({"echo": lambda value: value, "exit": leave})
"""

SPARE_S = 30.0
QUIET_S = 0.5
"""Longer than the engine waits after a start until it makes ready what the next one takes."""


@dataclass(frozen=True)
class Running:
    """An engine's process and its address, with the token in it."""

    pid: int
    url: str


@asynccontextmanager
async def engine(
    *options: str, stderr: int | None = None, **variables: str
) -> AsyncIterator[Running]:
    """Run an engine with a workspace of its own, and a new store unless `variables` name one."""
    with tempfile.TemporaryDirectory(prefix="ij-") as directory:
        store = {"IMJOY_ENGINE_STORE": str(Path(directory) / ".store")}
        async with process(
            *("-m", "imjoy_engine", "--port", "0", "--workspace", directory, *options),
            terminate=True,
            stderr=stderr,
            env={**os.environ, **store, **variables},
        ) as child:
            url = await line_with(child, "/#token=")
            async with drained(child.stdout):
                yield Running(child.pid, url)


class Engine(Plugins):
    async def beside(self) -> float:
        _, there = await self._other.seen({"x": 1})
        return there

    async def between(self, size: int) -> float:
        return await self._plugin.send_on(size)


@asynccontextmanager
async def opened(*, data_channel: bool) -> AsyncIterator[Engine]:
    async with (
        engine() as running,
        imjoy_client.connect(running.url, "", data_channel=data_channel) as client,
    ):
        config = {"type": "native-python", "requirements": ["numpy"]}
        plugins = [
            await client.start_plugin({"name": name, **config}, script=PLUGIN)
            for name in ("A", "B")
        ]
        subject = Engine(*plugins, running.pid)
        await plugins[0].meet(plugins[1].echo)
        async with asyncio.timeout(START_S):
            while client.has_data_channel != data_channel:
                await subject.call()  # the client changes over while it already works
        yield subject


async def first_call(
    client: imjoy_client.Client, config: dict[str, Any], script: str
) -> imjoy_client.PluginProxy:
    """Start a plugin with an `echo`, and return it once that has answered."""
    plugin = await client.start_plugin(config, script=script)
    if await plugin.echo(1) != 1:
        raise AssertionError("The plugin gave back something else.")
    return plugin


class Host:
    """An engine whose plugins start, and stop.

    Without `spare` they get a new process in any case.
    """

    def __init__(
        self, client: imjoy_client.Client, pid: int, *, script: str = SCRIPT, spare: bool = True
    ) -> None:
        self._client = client
        self._script = script
        self._spare = spare
        self._count = 0
        self.middle_pid = pid

    async def start(self) -> imjoy_client.PluginProxy:
        self._count += 1
        config: dict[str, Any] = {"name": f"Start {self._count}", "type": "native-python"}
        if not self._spare:
            # A variable that must be there from a process's start.
            config["env"] = [{"type": "variable", "options": {"LD_OF_ITS_OWN": "1"}}]
        return await first_call(self._client, config, self._script)


class HostWithSpare(Host):
    async def rest(self) -> dict[str, float]:
        """Return the memory of the spare interpreter, once the engine and all below are at rest."""
        async with asyncio.timeout(SPARE_S):
            while not (await self._client.status())["spares"]:  # noqa: ASYNC110 - no event
                await asyncio.sleep(0.02)
            before: Any = None
            while (now := _all_that_was_done(self.middle_pid)) != before:
                before = now
                await asyncio.sleep(QUIET_S)
        return {"spare": sum(own_mb(pid) for pid in now if _runs_a_worker(pid))}


@asynccontextmanager
async def hosting(
    *, spares: int = 0, spare: bool = True, exiting: bool = False
) -> AsyncIterator[Host]:
    script = EXITING if exiting else SCRIPT
    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(engine("--spares", str(spares)))
        client = await stack.enter_async_context(imjoy_client.connect(running.url, ""))
        kind = HostWithSpare if spares else Host
        yield kind(client, running.pid, script=script, spare=spare)


def _all_that_was_done(pid: int) -> dict[int, float]:
    """Return for how long each process of an engine has had a core."""
    return {each: cpu_s(each) for each in descendants(pid)}


def _runs_a_worker(pid: int) -> bool:
    return b"--connect" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")

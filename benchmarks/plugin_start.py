"""From the request for a plugin to the answer of its first call, its environment built already."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import psutil

import imjoy_client
from benchmarks.measure import Figure, Round, Row, interleaved
from benchmarks.starts import subject

START = Figure("plugin start", "ms")
SPARE_MEMORY = Figure("memory of a spare interpreter", "MB")

FLOOR = "floor: a bare asyncio worker"
COLD = "engine, new process"
SPARE = "engine, spare interpreter"
PASS = "python -c pass"
SPARE_BAR_MS = 30.0
COLD_BAR = 1.6
SPARE_S = 20.0

SCRIPT = """
from imjoy import api

def echo(value):
    return value

api.export({"echo": echo})
"""


class Engine:
    """A running engine and a client of it."""

    def __init__(self, client: imjoy_client.Client, process: psutil.Process) -> None:
        self.client = client
        self.process = process

    async def start(
        self, script: str = SCRIPT, requirements: tuple[str, ...] = (), *, spare: bool = True
    ) -> float:
        """Return the milliseconds from the request to the first answer; the plugin is ended.

        Without `spare` it gets a new process in any case.
        """
        config = {"name": "Start", "type": "native-python", "requirements": list(requirements)}
        if not spare:
            # A variable that must be there from a process's start.
            config["env"] = [{"type": "variable", "options": {"LD_OF_ITS_OWN": "1"}}]
        began = time.perf_counter()
        plugin = await self.client.start_plugin(config, script=script)
        if await plugin.echo(1) != 1:
            raise AssertionError("The plugin gave back something else.")
        took_ms = (time.perf_counter() - began) * 1e3
        await plugin.stop()
        return took_ms

    async def spare(self) -> psutil.Process:
        """Return the one spare interpreter, when it has come to rest."""
        async with asyncio.timeout(SPARE_S):
            while True:
                for process in self.process.children(recursive=True):
                    if _waits_for_its_plugin(process):
                        return process
                await asyncio.sleep(0.02)


def _waits_for_its_plugin(process: psutil.Process) -> bool:
    try:
        if "--connect" not in process.cmdline():
            return False
        before = process.cpu_times().user
        time.sleep(0.05)
        return process.cpu_times().user == before > 0.02
    except psutil.Error:
        return False


@asynccontextmanager
async def engine(*options: str, **variables: str) -> AsyncIterator[Engine]:
    """Run an engine of its own, with a new store unless `variables` name one."""
    with tempfile.TemporaryDirectory(prefix="ij-") as directory:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "imjoy_engine", "--port", "0", "--workspace", directory),
            *options,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={**os.environ, "IMJOY_ENGINE_STORE": f"{directory}/.store", **variables},
        )
        try:
            while "/#token=" not in (line := (await child.stdout.readline()).decode()):
                if not line:
                    raise RuntimeError("The engine did not start.")
            async with imjoy_client.connect(line.strip(), "") as client:
                yield Engine(client, psutil.Process(child.pid))
        finally:
            child.terminate()
            await child.wait()


async def benchmark(rounds: int) -> list[Row]:
    """Return the starts of plain plugins, the floor's and those of others."""
    async with AsyncExitStack() as stack:
        warm = await stack.enter_async_context(engine("--spares", "1"))
        await warm.start()
        subjects: dict[str, Round] = {
            FLOOR: await stack.enter_async_context(
                subject.starting(sys.executable, "floor.py", START.key)
            ),
            COLD: lambda: _one(warm),
            SPARE: lambda: _with_spare(warm),
            PASS: _bare_python,
        }
        for name, (script, _) in subject.PEERS.items():
            python = await asyncio.to_thread(subject.environment_of, name)
            if python is not None:
                subjects[name] = await stack.enter_async_context(
                    subject.starting(python, script, START.key)
                )
        medians = await interleaved(subjects, rounds)
        memory = (await warm.spare()).memory_full_info().pss / 1e6
    return [*_rows(medians), SPARE_MEMORY.row("beside its shim", memory)]


async def _one(engine: Engine) -> dict[str, float]:
    await engine.spare()  # so that nothing is done beside
    return {START.key: await engine.start(spare=False)}


async def _with_spare(engine: Engine) -> dict[str, float]:
    await engine.spare()
    return {START.key: await engine.start()}


async def _bare_python() -> dict[str, float]:
    began = time.perf_counter()
    command = [sys.executable, "-s", "-c", "pass"]
    await asyncio.to_thread(subprocess.run, command, check=True)
    return {START.key: (time.perf_counter() - began) * 1e3}


def _rows(medians: dict[str, dict[str, float]]) -> list[Row]:
    values = {name: found[START.key] for name, found in medians.items()}
    rows = [
        START.row(FLOOR, values[FLOOR]),
        START.row(PASS, values[PASS]),
        START.compared(COLD, values[COLD], FLOOR, values[FLOOR], COLD_BAR),
        START.compared(SPARE, values[SPARE], f"{SPARE_BAR_MS:g} ms", SPARE_BAR_MS, 1.0),
    ]
    rows += [
        START.compared(COLD, values[COLD], name, values[name], 1.0)
        for name in subject.PEERS
        if name in values
    ]
    return rows

"""From the request for a plugin to its first call, where its environment is not there yet."""

from __future__ import annotations

import asyncio
import importlib.util
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import imjoy_client
from benchmarks.measure import Measured, Row
from benchmarks.rounds import in_turn
from benchmarks.subjects.engine import SCRIPT, HostWithSpare, engine, first_call

BUILD = Measured("took", "environment and first call", "s")
SECOND = Measured("took", "second plugin, first call", "ms")
OVERHEAD = Measured("took", "second plugin, beyond its import", "ms")

PACKAGES = ("numpy", "scipy", "scikit-image")
UV_CACHE = Path(__file__).parent / "out" / "uv"
NUMPY = "import numpy\n" + SCRIPT
WISHES = ("tiny-two=1.5", "tiny-two=2.0", "tiny-one", "gputool", "needs-old")
"""One a round: each is an environment that is not there, of packages that are in the cache."""

ENGINE, PIP = "engine, warm cache", "venv and pip, warm cache"
SPARE, IMPORT = "engine, environment there", 'python -c "import numpy" of it'
CONDA = "engine, conda from a folder, warm"
BUILD_BAR_S, SECOND_BAR, OVERHEAD_BAR_MS, CONDA_BAR_S = 2.5, 1.3, 150.0, 1.0
AGAINST_PIP_BAR = 1 / 5


async def benchmark(rounds: int) -> list[Row]:
    """Return the builds of an environment and the starts in one that is there."""
    return [*await _scientific(rounds), *await _second(rounds), *await _conda(rounds)]


async def _scientific(rounds: int) -> list[Row]:
    await _built()
    await asyncio.to_thread(_with_pip)
    asked = {ENGINE: _built, PIP: lambda: asyncio.to_thread(_with_pip)}
    # Half a minute of pip: one round of it is enough.
    found = await in_turn(asked, rounds, {PIP: 0.0})
    ours, theirs = (found[name].median(BUILD.key) for name in (ENGINE, PIP))
    name = PIP + found[PIP].note(BUILD.key)
    return [
        BUILD.shown(name, theirs),
        BUILD.compared(ENGINE, ours, f"{BUILD_BAR_S} s", BUILD_BAR_S, 1.0),
        BUILD.compared(ENGINE, ours, name, theirs, AGAINST_PIP_BAR),
    ]


async def _built() -> dict[str, float]:
    """Return the seconds to the first call in an engine that has no environments, but a cache."""
    async with _client("--spares", "0", UV_CACHE_DIR=str(UV_CACHE)) as (client, _):
        return {BUILD.key: await _first_call(client, SCRIPT, PACKAGES)}


@asynccontextmanager
async def _client(
    *options: str, **variables: str
) -> AsyncIterator[tuple[imjoy_client.Client, int]]:
    async with (
        engine(*options, stderr=subprocess.DEVNULL, **variables) as running,
        imjoy_client.connect(running.url, "") as client,
    ):
        yield client, running.pid


async def _first_call(
    client: imjoy_client.Client, script: str, requirements: tuple[str, ...]
) -> float:
    """Return the seconds from the request for a plugin to its first answer; it is ended."""
    config = {"name": "Start", "type": "native-python", "requirements": list(requirements)}
    began = time.perf_counter()
    plugin = await first_call(client, config, script)
    took_s = time.perf_counter() - began
    await plugin.stop()
    return took_s


def _with_pip() -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="ij-") as directory:
        python = f"{directory}/bin/python"
        began = time.perf_counter()
        for command in (
            [sys.executable, "-m", "venv", directory],
            [python, "-m", "pip", "install", "--quiet", *PACKAGES],
            [python, "-c", "pass"],
        ):
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            subprocess.run(command, check=True, **quiet)
        return {BUILD.key: time.perf_counter() - began}


async def _second(rounds: int) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="ij-") as directory:
        variables = {"IMJOY_ENGINE_STORE": directory, "UV_CACHE_DIR": str(UV_CACHE)}
        async with _client("--spares", "1", **variables) as (client, pid):
            await _first_call(client, NUMPY, PACKAGES)
            (python,) = await asyncio.to_thread(_interpreters, Path(directory))
            host = HostWithSpare(client, pid)

            async def in_engine() -> dict[str, float]:
                await host.rest()
                return {SECOND.key: await _first_call(client, NUMPY, PACKAGES) * 1e3}

            async def bare() -> dict[str, float]:
                began = time.perf_counter()
                command = [str(python), "-c", "import numpy"]
                await asyncio.to_thread(subprocess.run, command, check=True)
                return {SECOND.key: (time.perf_counter() - began) * 1e3}

            await bare()
            found = await in_turn({SPARE: in_engine, IMPORT: bare}, rounds)
    second, alone = (found[name].median(SECOND.key) for name in (SPARE, IMPORT))
    beyond = max(0.0, second - alone)
    return [
        SECOND.shown(IMPORT, alone),
        SECOND.compared(SPARE, second, IMPORT, alone, SECOND_BAR),
        OVERHEAD.compared(SPARE, beyond, f"{OVERHEAD_BAR_MS:g} ms", OVERHEAD_BAR_MS, 1.0),
    ]


def _interpreters(store: Path) -> list[Path]:
    return list(store.glob("envs/*/bin/python"))


async def _conda(rounds: int) -> list[Row]:
    async with (
        _channel() as address,
        _client("--spares", "0", CONDA_OVERRIDE_CUDA="") as (client, _),
    ):
        await _first_call(client, SCRIPT, (f"conda: -c {address} tiny-one gputool",))
        times_s = [
            await _first_call(
                client, SCRIPT, (f"conda: -c {address} {WISHES[number % len(WISHES)]}",)
            )
            for number in range(min(rounds, len(WISHES)))
        ]
    value_s = statistics.median(times_s)
    return [BUILD.compared(CONDA, value_s, f"{CONDA_BAR_S:g} s", CONDA_BAR_S, 1.0)]


@asynccontextmanager
async def _channel() -> AsyncIterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="ij-"))
    try:
        yield await asyncio.to_thread(_made_channel, folder / "channel")
    finally:
        await asyncio.to_thread(shutil.rmtree, folder)


def _made_channel(folder: Path) -> str:
    """Return the address of the channel that the tests use, with a real Python."""
    source = Path(__file__).parents[1] / "tests" / "support" / "conda_channel.py"
    spec = importlib.util.spec_from_file_location("conda_channel", source)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.make_channel(folder)

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

from benchmarks.measure import Figure, Row, interleaved
from benchmarks.plugin_start import Engine, engine

BUILD = Figure("environment and first call", "s")
SECOND = Figure("second plugin, first call", "ms")
OVERHEAD = Figure("second plugin, beyond its import", "ms")

PACKAGES = ("numpy", "scipy", "scikit-image")
UV_CACHE = Path(__file__).parent / "out" / "uv"
NUMPY = """
import numpy
from imjoy import api
api.export({"echo": lambda value: value})
"""
PLAIN = NUMPY.replace("import numpy\n", "")
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
    times_s = [await _built() for _ in range(rounds)]
    value_s = statistics.median(times_s)
    await asyncio.to_thread(_with_pip)
    pip_s = await asyncio.to_thread(_with_pip)  # takes half a minute: once is enough
    return [
        BUILD.row(PIP, pip_s),
        BUILD.compared(ENGINE, value_s, f"{BUILD_BAR_S} s", BUILD_BAR_S, 1.0),
        BUILD.compared(ENGINE, value_s, PIP, pip_s, AGAINST_PIP_BAR),
    ]


async def _built() -> float:
    """Return the seconds to the first call in an engine that has no environments, but a cache."""
    async with engine("--spares", "0", UV_CACHE_DIR=str(UV_CACHE)) as one:
        return await one.start(PLAIN, PACKAGES) / 1e3


def _with_pip() -> float:
    with tempfile.TemporaryDirectory(prefix="ij-") as directory:
        python = f"{directory}/bin/python"
        began = time.perf_counter()
        for command in (
            [sys.executable, "-m", "venv", directory],
            [python, "-m", "pip", "install", "--quiet", *PACKAGES],
            [python, "-c", "pass"],
        ):
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - began


async def _second(rounds: int) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="ij-") as directory:
        variables = {"IMJOY_ENGINE_STORE": directory, "UV_CACHE_DIR": str(UV_CACHE)}
        async with engine("--spares", "1", **variables) as one:
            await one.start(NUMPY, PACKAGES)
            (python,) = await asyncio.to_thread(_interpreters, Path(directory))

            async def in_engine() -> dict[str, float]:
                await one.spare()
                return {SECOND.key: await one.start(NUMPY, PACKAGES)}

            async def bare() -> dict[str, float]:
                began = time.perf_counter()
                command = [str(python), "-c", "import numpy"]
                await asyncio.to_thread(subprocess.run, command, check=True)
                return {SECOND.key: (time.perf_counter() - began) * 1e3}

            await bare()
            medians = await interleaved({SPARE: in_engine, IMPORT: bare}, rounds)
    second, alone = (medians[name][SECOND.key] for name in (SPARE, IMPORT))
    return [
        SECOND.row(IMPORT, alone),
        SECOND.compared(SPARE, second, IMPORT, alone, SECOND_BAR),
        OVERHEAD.compared(
            SPARE, max(0.0, second - alone), f"{OVERHEAD_BAR_MS:g} ms", OVERHEAD_BAR_MS, 1.0
        ),
    ]


def _interpreters(store: Path) -> list[Path]:
    return list(store.glob("envs/*/bin/python"))


async def _conda(rounds: int) -> list[Row]:
    async with _channel() as address, engine("--spares", "0", CONDA_OVERRIDE_CUDA="") as one:
        await _of_conda(one, address, "tiny-one gputool")
        times_s = [
            await _of_conda(one, address, WISHES[number % len(WISHES)])
            for number in range(min(rounds, len(WISHES)))
        ]
    value_s = statistics.median(times_s)
    return [BUILD.compared(CONDA, value_s, f"{CONDA_BAR_S:g} s", CONDA_BAR_S, 1.0)]


async def _of_conda(one: Engine, address: str, packages: str) -> float:
    return await one.start(PLAIN, (f"conda: -c {address} {packages}",)) / 1e3


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

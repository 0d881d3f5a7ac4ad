"""The engine as a process whose living objects can be counted while it works."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from benchmarks.soak.census import Census
from benchmarks.soak.counting import own_census
from benchmarks.subjects.processes import START_S, line_with, process


class CountedEngine:
    """A running engine: its URL and token, and what lives in it."""

    def __init__(self, child: asyncio.subprocess.Process, url: str, token: str) -> None:
        self._child = child
        self.url = url
        self.token = token

    @property
    def pid(self) -> int:
        """Return the engine's process."""
        return self._child.pid

    async def census(self) -> Census:
        """Return what lives in the engine now."""
        self._child.send_signal(signal.SIGUSR1)
        async with asyncio.timeout(START_S):
            while True:
                line = (await self._child.stdout.readline()).decode()
                if line.startswith("census "):
                    _, objects, size = line.split()
                    return int(objects), int(size)
                if not line:
                    raise RuntimeError("The engine has ended; see its words above.")


@asynccontextmanager
async def counted_engine() -> AsyncIterator[CountedEngine]:
    """Run an engine while the block runs."""
    with tempfile.TemporaryDirectory(prefix="ij-") as directory:
        options = ("serve", "--port", "0", "--workspace", directory, "--spares", "0")
        store = {"IMJOY_ENGINE_STORE": str(Path(directory) / ".store"), "PYTHONUNBUFFERED": "1"}
        async with process(
            *("-m", "benchmarks.soak.engine", *options),
            terminate=True,
            env={**os.environ, **store},
        ) as child:
            url, _, token = (await line_with(child, "/#token=")).partition("/#token=")
            yield CountedEngine(child, url, token)


def _count(*_: object) -> None:
    print("census", *own_census(), flush=True)


def _count_soon(*_: object) -> None:
    # A signal comes at any moment: count where nothing is half done.
    asyncio.get_running_loop().call_soon_threadsafe(_count)


if __name__ == "__main__":
    from imjoy_engine.cli import main

    signal.signal(signal.SIGUSR1, _count_soon)
    sys.exit(main())

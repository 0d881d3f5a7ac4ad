"""The real command in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

from support.leaks import shared_memory

START_S = 30.0
STOP_S = 20.0


class EngineProcess:
    """A running `imjoy-engine`: its link, what it printed, and its process tree."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.printed: list[str] = []
        self.url = ""
        self.token = ""
        self._reader: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def link(self) -> str:
        return f"{self.url}/#token={self.token}"

    async def ready(self) -> None:
        """Return when the link was printed; what comes later is read beside."""
        assert self.process.stdout is not None
        async with asyncio.timeout(START_S):
            while not self.url:
                line = (await self.process.stdout.readline()).decode()
                if not line:
                    raise AssertionError(f"The engine ended: {''.join(self.printed)}")
                self.printed.append(line)
                if "/#token=" in line:
                    self.url, self.token = line.strip().split("/#token=")
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.printed.append(line.decode())

    @property
    def text(self) -> str:
        return "".join(self.printed)

    def fork_server(self) -> psutil.Process | None:
        """Return the process that shims are forked off; it lives as long as the engine."""
        for child in psutil.Process(self.pid).children():
            with contextlib.suppress(psutil.Error):
                if " ".join(child.cmdline()).endswith("forking.py"):
                    return child
        return None

    def tree(self) -> list[psutil.Process]:
        """Return every process below the engine but the one that shims are forked off."""
        server = self.fork_server()
        below = psutil.Process(self.pid).children(recursive=True)
        return [process for process in below if process != server]

    def workers(self) -> list[psutil.Process]:
        """Return the interpreters below the engine that run a worker, a plugin's or a spare one."""
        found = []
        for process in self.tree():
            with contextlib.suppress(psutil.NoSuchProcess):
                if "--connect" in process.cmdline():
                    found.append(process)
        return found

    async def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        if self.process.returncode is None:
            self.process.send_signal(number)
        async with asyncio.timeout(STOP_S):
            code = await self.process.wait()
            if self._reader is not None:
                await self._reader
        return code


async def gone(processes: list[psutil.Process], within_s: float = 10.0) -> list[psutil.Process]:
    """Return the processes that still live after at most `within_s` seconds."""
    _, alive = await asyncio.to_thread(psutil.wait_procs, processes, timeout=within_s)
    return [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]


async def start_engine(
    *arguments: str,
    workspace: Path,
    store: Path,
    environment: dict[str, str] | None = None,
    program: tuple[str, str] = ("-m", "imjoy_engine"),
) -> EngineProcess:
    """Start the engine on a free port; it may not be ready yet."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *program,
        "--port",
        "0",
        "--workspace",
        str(workspace),
        # Whoever counts processes counts those of plugins; a later --spares wins.
        "--spares",
        "0",
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        limit=1 << 20,
        env={
            **os.environ,  # noqa: TID251 - the engine is started as a person would
            "IMJOY_ENGINE_STORE": str(store),
            "PYTHONUNBUFFERED": "1",
            **(environment or {}),
        },
    )
    return EngineProcess(process)


def end_detached(workspace: Path) -> None:
    """End the plugins that live on without the engine, as its last lines say."""
    for record in workspace.glob(".imjoy-engine/detached/*/record.json"):
        keeper = int(json.loads(record.read_bytes())["keeper"].split()[-2])
        with contextlib.suppress(ProcessLookupError):
            os.kill(keeper, signal.SIGTERM)


@asynccontextmanager
async def running_engine(
    *arguments: str, workspace: Path, store: Path, environment: dict[str, str] | None = None
) -> AsyncIterator[EngineProcess]:
    """Run the engine while the block runs; whatever happens, nothing of it survives."""
    engine = await start_engine(
        *arguments, workspace=workspace, store=store, environment=environment
    )
    tree: list[psutil.Process] = []
    try:
        await engine.ready()
        yield engine
        if engine.process.returncode is None:
            tree = psutil.Process(engine.pid).children(recursive=True)
    finally:
        if await engine.stop() == 0:
            # What a killed engine leaves is its test's to look after.
            end_detached(workspace)
            segments = shared_memory(engine.pid)
            assert not segments, f"left in shared memory: {segments}"
        left = await gone(tree)
        for process in left:
            process.kill()
        assert not left, f"left behind: {left}"

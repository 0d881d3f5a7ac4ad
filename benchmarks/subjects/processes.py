"""Child processes of a subject, none of which outlives it."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

START_S = 120.0
STOP_S = 20.0


@asynccontextmanager
async def process(
    *arguments: str, python: str = sys.executable, terminate: bool = False, **options: Any
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run an interpreter while the block runs; it is asked to end, then made to."""
    child = await asyncio.create_subprocess_exec(
        python,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        **options,
    )
    try:
        yield child
    finally:
        child.stdin.close()
        if child.returncode is None and terminate:
            child.terminate()
        try:
            async with asyncio.timeout(STOP_S):
                await child.wait()
        except TimeoutError:
            child.kill()
            await child.wait()


async def line_with(child: asyncio.subprocess.Process, words: str) -> str:
    """Return the first line that a process prints with these words in it; read on afterwards."""
    async with asyncio.timeout(START_S):
        while words not in (line := (await child.stdout.readline()).decode()):
            if not line:
                raise RuntimeError("The process ended before it was ready.")
    return line.strip()


@asynccontextmanager
async def drained(stream: asyncio.StreamReader) -> AsyncIterator[None]:
    """Read a process's output and forget it, so that it can go on printing."""

    async def drain() -> None:
        while await stream.read(1 << 16):
            pass

    task = asyncio.ensure_future(drain())
    try:
        yield
    finally:
        task.cancel()


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]

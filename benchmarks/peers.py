"""Processes of a benchmark, none of which outlives it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

START_S = 120.0
STOP_S = 20.0


@asynccontextmanager
async def process(*arguments: str, **options) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a Python process while the block runs; it is asked to end, then made to."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        **options,
    )
    try:
        yield child
    finally:
        child.stdin.close()
        if child.returncode is None and "imjoy_engine" in arguments:
            child.terminate()
        try:
            async with asyncio.timeout(STOP_S):
                await child.wait()
        except TimeoutError:
            child.kill()
            await child.wait()

"""Facts about other processes, waited for without polling where the system can tell."""

from __future__ import annotations

import asyncio
import os

import psutil

__all__ = ["alive", "ended"]


def alive(pid: int) -> bool:
    """Return whether the process runs: one that has ended and is still listed does not."""
    try:
        return psutil.Process(pid).status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.NoSuchProcess:
        return False


async def ended(pid: int, *, within_s: float = 10.0) -> None:
    """Return when the process is gone or a zombie; TimeoutError after `within_s` seconds."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(fd, readable.set)
    try:
        async with asyncio.timeout(within_s):
            await readable.wait()
    finally:
        loop.remove_reader(fd)
        os.close(fd)

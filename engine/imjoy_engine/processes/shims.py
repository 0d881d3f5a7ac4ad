"""Where shims and keepers come from: forked off one process, or each started for itself."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from imjoy_engine.processes.command import Command
from imjoy_engine.processes.ends import Ends, Holder, Pipes, ShimProcess
from imjoy_engine.processes.fork_server import ForkServer, ForkServerLostError

__all__ = ["Shims"]

T = TypeVar("T")
_Road = Callable[[str, Sequence[int]], Holder]
"""Makes a process from the name of its script and its descriptors, in the order of `forking.py`."""


class Shims:
    """Makes what holds process trees.

    With a server they are forked off it: they share its memory and are there in a millisecond. Each
    is started for itself without one, and where it is lost.
    """

    def __init__(self, server: ForkServer | None = None) -> None:
        self._server = server

    async def prepare(self) -> None:
        """Return when the server, if there is one, is on its way."""
        if self._server is not None:
            await asyncio.to_thread(self._server.start)

    async def close(self) -> None:
        """Return when the server is gone; what it has forked stays."""
        if self._server is not None:
            await asyncio.to_thread(self._server.close)

    def shim(self, command: Command) -> tuple[Holder, Ends]:
        """Return a shim that was told the command, and our ends of its pipes; blocks."""
        return self._by_either_road(lambda road: _shim(road, command))

    def keeper(self, command: Command, *first: str) -> tuple[Holder, socket.socket]:
        """Return a keeper that was told these words and the command, and its connection; blocks."""
        return self._by_either_road(lambda road: _keeper(road, command, first))

    def _by_either_road(self, made: Callable[[_Road], T]) -> T:
        if self._server is not None:
            with contextlib.suppress(ForkServerLostError):
                return made(self._server.fork)
        return made(_spawn)


def _shim(road: _Road, command: Command) -> tuple[Holder, Ends]:
    told = command.told()
    pipes = Pipes.open(stderr_terminal=command.stderr_terminal)
    try:
        holder = road("shim", (*pipes.theirs, *command.held_fds))
    except BaseException:
        pipes.ours.close()
        raise
    finally:
        pipes.close_theirs()
    # Of a shim that has just been killed the tree says so.
    with contextlib.suppress(BrokenPipeError):
        while told:
            told = told[os.write(pipes.ours.orders, told) :]
    return holder, pipes.ours


def _keeper(road: _Road, command: Command, first: Sequence[str]) -> tuple[Holder, socket.socket]:
    told = command.told(*first)
    ours, theirs = socket.socketpair()
    try:
        with theirs:
            holder = road("keeper", (theirs.fileno(), *command.held_fds))
    except BaseException:
        ours.close()
        raise
    with contextlib.suppress(ConnectionError):
        ours.sendall(told)
    return holder, ours


def _spawn(kind: str, fds: Sequence[int]) -> ShimProcess:
    if kind == "keeper":
        orders, *handed = fds
        stdout = stderr = subprocess.DEVNULL
    else:
        orders, control, stdout, stderr, *held = fds
        handed = [control, *held]
    script = Path(__file__).with_name(f"{kind}.py")
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", str(script), *map(str, handed)],
        stdin=orders,
        stdout=stdout,
        stderr=stderr,
        pass_fds=handed,
        cwd="/",
        start_new_session=True,
    )
    return ShimProcess(process)

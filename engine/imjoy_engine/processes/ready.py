"""A shim that is started before there is a command for it: the next start is a fifth quicker.

It holds nothing and knows nothing until it is told what to run. What is not here: the shim's own
side (`shim.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from pathlib import Path

from imjoy_engine.processes.ends import Ends, Pipes, ShimProcess
from imjoy_engine.processes.shield import outlast
from imjoy_engine.processes.tree import Command, OnOutput, ProcessTree, mounts_of

__all__ = ["ReadyShim"]

_SHIM = Path(__file__).with_name("shim.py")
_LONGEST_TOLD_BYTES = 32 << 10
"""What a pipe takes at once, by far; a longer command gets a shim of its own."""
_PAUSE_S = 0.3
"""After a start, so that the command has the machine first."""


class ReadyShim:
    """Starts commands as `ProcessTree.start` does, most of them by a shim that waits already."""

    def __init__(self) -> None:
        self._waiting: tuple[subprocess.Popen[bytes], Ends] | None = None
        self._making: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False

    @property
    def is_waiting(self) -> bool:
        """Whether the next start will be quick."""
        return self._waiting is not None

    async def start(self, command: Command, on_output: OnOutput) -> ProcessTree:
        """Return the tree of a command that runs; raises as `ProcessTree.start` does."""
        told = _told(command)
        waiting, self._waiting = self._waiting, None
        self._make_soon()
        if waiting is None:
            return await ProcessTree.start(command, on_output)
        process, ends = waiting
        usable = not command.stderr_terminal and not command.held_fds
        if usable and len(told) <= _LONGEST_TOLD_BYTES and process.poll() is None:
            return await ProcessTree.begun(_begun(process, ends, told, on_output))
        await asyncio.to_thread(_end, process, ends)
        return await ProcessTree.start(command, on_output)

    async def prepare(self) -> None:
        """Return when a shim waits."""
        if self._has_room():
            made = await outlast(asyncio.ensure_future(asyncio.to_thread(_spawned)))
            if self._has_room():
                self._waiting = made
            else:
                await asyncio.to_thread(_end, *made)

    async def close(self) -> None:
        """Return when no shim waits; those that hold a command are their trees'."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._making is not None:
            await asyncio.wait((self._making,))
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            await asyncio.to_thread(_end, *waiting)

    def _has_room(self) -> bool:
        return self._waiting is None and not self._is_closed

    def _make_soon(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(_PAUSE_S, self._make)

    def _make(self) -> None:
        if not self._is_closed and (self._making is None or self._making.done()):
            self._making = asyncio.get_running_loop().create_task(self.prepare())


async def _begun(
    process: subprocess.Popen[bytes], ends: Ends, told: bytes, on_output: OnOutput
) -> ProcessTree:
    holder = await asyncio.to_thread(_tell, process, ends, told)
    tree = ProcessTree(holder, ends, on_output)
    await tree.started()
    return tree


def _tell(process: subprocess.Popen[bytes], ends: Ends, told: bytes) -> ShimProcess:
    holder = ShimProcess(process)
    # Of a shim that has just been killed the tree says so.
    with contextlib.suppress(BrokenPipeError):
        os.write(ends.orders, told)
    return holder


def _told(command: Command) -> bytes:
    """Return what a waiting shim reads: a length, and words between zeros."""
    words = [
        str(command.grace_s),
        mounts_of(command),
        os.fspath(command.cwd),
        str(len(command.argv)),
        *command.argv,
        *(f"{name}={value}" for name, value in command.environment.items()),
    ]
    body = b"\0".join(os.fsencode(word) for word in words)
    return b"%d\n" % len(body) + body


def _spawned() -> tuple[subprocess.Popen[bytes], Ends]:
    pipes = Pipes.open(stderr_terminal=False)
    orders, control, stdout, stderr = pipes.theirs
    try:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_SHIM), str(control), "ready"],
            stdin=orders,
            stdout=stdout,
            stderr=stderr,
            pass_fds=(control,),
            env={},
            cwd="/",
            start_new_session=True,
        )
    except BaseException:
        pipes.ours.close()
        raise
    finally:
        pipes.close_theirs()
    return process, pipes.ours


def _end(process: subprocess.Popen[bytes], ends: Ends) -> None:
    """Let a shim that was told nothing go: it ends when nobody can tell it any more."""
    ends.close()
    process.wait()

"""A command and everything it starts, held by the shim: the engine's side.

What is not here: the shim's own side, with its orders and reports (`shim.py`), and what the output
means.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Literal

import psutil

from imjoy_engine.errors import MachineError
from imjoy_engine.processes.command import Command
from imjoy_engine.processes.drain import Drain
from imjoy_engine.processes.ends import Ends, Holder
from imjoy_engine.processes.report import Exit, ExitReport, Ladder
from imjoy_engine.processes.shield import outlast
from imjoy_engine.processes.shims import Shims

__all__ = ["OnOutput", "ProcessTree", "Stream"]

Stream = Literal["stdout", "stderr"]
OnOutput = Callable[[Stream, bytes], None]
"""Called in the event loop with the next bytes of a stream, at most 64 KiB at once."""

_SHIMS = Shims()
_LAST_OUTPUT_S = 1.0


class ProcessTree:
    """One running command with all its descendants; made by `start`.

    Its owner must `stop` it, or `wait` for its end. When the engine dies without doing so the shim
    ends the tree.
    """

    def __init__(
        self, holder: Holder, ends: Ends, on_output: OnOutput, reports: bytes = b""
    ) -> None:
        loop = asyncio.get_running_loop()
        self.pid = 0
        self._holder = holder
        self._orders = ends.orders
        self._started: asyncio.Future[None] = loop.create_future()
        self._ended: asyncio.Future[ExitReport] = loop.create_future()
        self._hurry: asyncio.Future[None] = loop.create_future()
        self._stopping: asyncio.Task[None] | None = None
        self._asked: str | None = None
        self._exit: Exit | None = None
        self._all_gone = False
        self._started_s = time.monotonic()
        self._unread_reports = b""
        self._on_reports(reports)
        self._control = Drain(ends.control, self._on_reports)
        self._drains = (
            Drain(ends.stdout, lambda chunk: on_output("stdout", chunk)),
            Drain(ends.stderr, lambda chunk: on_output("stderr", chunk)),
        )
        self._finishing = loop.create_task(self._finish())

    @classmethod
    async def start(
        cls, command: Command, on_output: OnOutput, shims: Shims = _SHIMS
    ) -> ProcessTree:
        """Return the tree of a command that runs; cancelled, leave nothing behind.

        Output may arrive before it returns. Called back with an error, `on_output` is called again
        for the next chunk: reading never stops.

        Raises OSError, as executing the program did (FileNotFoundError, PermissionError, …), and
        `MachineError` when the engine's own interpreter could not run the shim.
        """
        return await cls.begun(cls._start(command, on_output, shims))

    @classmethod
    async def begun(cls, start: Coroutine[None, None, ProcessTree]) -> ProcessTree:
        """Return the tree that `start` returns; cancelled, end it first."""
        starting = asyncio.create_task(start)
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            await asyncio.wait((starting,))
            if not starting.cancelled() and starting.exception() is None:
                await starting.result().stop(Ladder.at_once())
            raise

    @classmethod
    async def _start(cls, command: Command, on_output: OnOutput, shims: Shims) -> ProcessTree:
        tree = cls(*await asyncio.to_thread(shims.shim, command), on_output)
        await tree.started()
        return tree

    async def started(self) -> None:
        """Return when the command runs; raises as `start` does."""
        await asyncio.wait((self._started, self._ended), return_when=asyncio.FIRST_COMPLETED)
        if not self._started.done():
            raise MachineError(
                f"The engine's interpreter {sys.executable} could not start a process.",
                hint="Check that it still runs: it may have been upgraded or removed.",
            )
        if (error := self._started.exception()) is not None:
            await self._ended
            raise error

    async def wait(self) -> ExitReport:
        """Return how the leader ended, once nothing of the tree lives and its output is read.

        Any number of callers may wait, also after the end; cancelling a wait ends nothing.
        """
        return await asyncio.shield(self._ended)

    async def stop(self, ladder: Ladder | None = None) -> ExitReport:
        """Return how the leader ended, after going down the ladder as far as was needed.

        When it returns, and also when it is cancelled and raises, nothing of the tree lives; a
        cancellation goes straight to SIGKILL. A second stop joins the first, and
        `Ladder.at_once()` hurries it.

        Raises `MachineError` when the operating system would not let go of a killed process.
        """
        ladder = ladder or Ladder()
        if self._stopping is None:
            self._stopping = asyncio.create_task(self._descend(ladder))
        elif ladder == Ladder.at_once():
            self._hasten()
        await outlast(self._stopping, on_cancel=self._hasten)
        return await self.wait()

    async def _descend(self, ladder: Ladder) -> None:
        steps = (
            ("cancel", ladder.cancel_s, None),
            ("SIGINT", ladder.interrupt_s, (signal.SIGINT, "leader")),
            ("SIGTERM", ladder.terminate_s, (signal.SIGTERM, "tree")),
        )
        for name, seconds, order in steps:
            if seconds > 0 and not self._ended.done() and not self._hurry.done():
                self._asked = name
                if ladder.on_step is not None:
                    ladder.on_step(name, seconds)
                if order is not None:
                    self._order(*order)
                await asyncio.wait(
                    (self._ended, self._hurry),
                    timeout=seconds,
                    return_when=asyncio.FIRST_COMPLETED,
                )
        if not self._ended.done():
            if ladder.on_step is not None:
                ladder.on_step("SIGKILL", ladder.kill_s)
            await self._kill(ladder.kill_s)

    async def _kill(self, kill_s: float) -> None:
        self._asked = "SIGKILL"
        self._order(signal.SIGKILL, "tree")
        await asyncio.wait((self._ended,), timeout=kill_s)
        if self._ended.done():
            return
        # Somebody may have stopped the shim; without it we still know the leader's session.
        await asyncio.to_thread(self._holder.kill)
        await asyncio.wait((self._ended,), timeout=kill_s)
        if not self._ended.done():
            raise MachineError(
                f"The operating system would not end process {self.pid} within {kill_s:g} s.",
                hint="It waits for a device or a network drive; only the machine can end it.",
            )

    @property
    def holder_pid(self) -> int:
        """The process that holds the tree, and ends it on SIGTERM."""
        return self._holder.pid

    def keep(self) -> None:
        """Let the tree live on when this engine dies; only for one that a keeper holds."""
        self._say("keep")

    async def leave(self) -> None:
        """Let the tree live on without this engine, which hears no more of it. After `keep`."""
        self._finishing.cancel()
        await asyncio.wait((self._finishing,))
        for drain in (self._control, *self._drains):
            drain.close()
        if not self._ended.done():
            self._ended.cancel()
        os.close(self._orders)
        self._holder.leave()

    def _hasten(self) -> None:
        if not self._hurry.done():
            self._hurry.set_result(None)

    def _order(self, number: int, whom: str) -> None:
        self._say(f"signal {int(number)} {whom}")

    def _say(self, order: str) -> None:
        if self._ended.done():
            return
        # A broken pipe: the shim is leaving, and its end finishes the tree.
        with contextlib.suppress(ConnectionError):
            os.write(self._orders, f"{order}\n".encode())

    def _on_reports(self, chunk: bytes) -> None:
        *lines, self._unread_reports = (self._unread_reports + chunk).split(b"\n")
        for line in lines:
            kind, *words = line.decode().split()
            if kind == "started":
                self.pid = int(words[0])
                self._started.set_result(None)
            elif kind == "failed":
                error = int(words[0])
                self._started.set_exception(OSError(error, os.strerror(error)))
            elif kind == "exited":
                self._exit = Exit.of(words)
            elif kind == "gone":
                self._all_gone = True

    async def _finish(self) -> None:
        """Publish the end: the shim is gone, and with it the tree."""
        # Waited for, not awaited: `leave` cancels this, and must not cancel the drain's end.
        await asyncio.wait((self._control.ended,))
        await asyncio.to_thread(self._holder.wait)
        if not self._all_gone and self.pid:
            await asyncio.to_thread(_end_session, self.pid)
        # A process outside of the tree may have been handed a stream, and never close it.
        await asyncio.wait([drain.ended for drain in self._drains], timeout=_LAST_OUTPUT_S)
        for drain in self._drains:
            drain.close()
        exit = self._exit or Exit(duration_s=time.monotonic() - self._started_s)
        words = ""
        if exit.signal == "SIGKILL" and self._asked is None:
            words = await asyncio.to_thread(self._holder.why_killed)
        self._ended.set_result(exit.told(self.pid, asked=self._asked, words=words))
        os.close(self._orders)


def _end_session(leader: int) -> None:
    """Kill what is left of the leader's session when the shim itself was killed."""
    left = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == leader:
                process.kill()
                left.append(process)
        except (ProcessLookupError, psutil.NoSuchProcess):
            continue
    psutil.wait_procs(left, timeout=_LAST_OUTPUT_S)

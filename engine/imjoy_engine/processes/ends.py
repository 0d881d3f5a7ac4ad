"""What joins the engine to the process that holds a tree: file descriptors, and that process."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import struct
import subprocess
import termios
from dataclasses import dataclass
from typing import Protocol

import psutil

from imjoy_engine.processes.memory_kills import MemoryKills

__all__ = ["Ends", "Holder", "Pipes", "ShimProcess", "StrangerProcess"]

_TERMINAL_ROWS, _TERMINAL_COLUMNS = 60, 200


@dataclass(frozen=True, slots=True)
class Ends:
    """The engine's file descriptors: where it writes orders, reads reports and reads output."""

    orders: int
    control: int
    stdout: int
    stderr: int

    def close(self) -> None:
        """Let go of all of them."""
        for fd in (self.orders, self.control, self.stdout, self.stderr):
            os.close(fd)


@dataclass(frozen=True, slots=True)
class Pipes:
    """New pipes between engine and shim: `theirs` are orders, control, stdout and stderr."""

    ours: Ends
    theirs: tuple[int, int, int, int]

    @classmethod
    def open(cls, *, stderr_terminal: bool) -> Pipes:
        """Return new ones; `stderr_terminal` makes the last a terminal."""
        orders_read, orders = os.pipe()
        control, control_write = os.pipe()
        stdout, stdout_write = os.pipe()
        if stderr_terminal:
            stderr, stderr_write = os.openpty()
            size = struct.pack("HHHH", _TERMINAL_ROWS, _TERMINAL_COLUMNS, 0, 0)
            fcntl.ioctl(stderr_write, termios.TIOCSWINSZ, size)
        else:
            stderr, stderr_write = os.pipe()
        theirs = (orders_read, control_write, stdout_write, stderr_write)
        return cls(Ends(orders, control, stdout, stderr), theirs)

    def close_theirs(self) -> None:
        """Leave the other ends to the shim."""
        for fd in self.theirs:
            os.close(fd)


class Holder(Protocol):
    """The process that holds a tree. Its methods may block: they are called in a thread."""

    @property
    def pid(self) -> int:
        """Its process id."""
        ...

    def wait(self) -> None:
        """Return when it has ended."""
        ...

    def why_killed(self) -> str:
        """Return why the leader got a SIGKILL that nobody here has sent."""
        ...

    def kill(self) -> None:
        """End it at once; the tree's leader dies with it."""
        ...

    def leave(self) -> None:
        """Expect nothing more of it: it lives on without us."""
        ...


class _Witness:
    """What a holder knows of the machine; made in a thread, when the tree is met."""

    def __init__(self) -> None:
        self._kills = MemoryKills.counted()

    def why_killed(self) -> str:
        """Return why the leader got a SIGKILL that nobody here has sent."""
        return MemoryKills.counted().words_since(self._kills)


class ShimProcess(_Witness):
    """A holder that is our child."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        super().__init__()
        self._process = process
        self.pid = process.pid

    def wait(self) -> None:
        """Return when it has ended."""
        self._process.wait()

    def kill(self) -> None:
        """End it at once; the tree's leader dies with it."""
        self._process.kill()

    def leave(self) -> None:
        """Expect nothing more of it: it lives on without us."""
        # The next engine's affair: without a code, Popen complains that nobody waited.
        self._process.returncode = self._process.poll() or 0


class StrangerProcess(_Witness):
    """A holder that is not our child: one that was forked for us, or another engine's."""

    def __init__(self, pid: int) -> None:
        super().__init__()
        self.pid = pid
        # Known by its start too: numbers are used again.
        self._process = psutil.Process(pid)

    def wait(self) -> None:
        """Return when it has ended, though nobody may have collected it."""
        try:
            fd = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return
        except (AttributeError, OSError):  # not on this system
            with contextlib.suppress(psutil.Error):
                self._process.wait()
            return
        try:
            if self._process.is_running():
                poller = select.poll()
                poller.register(fd, select.POLLIN)
                poller.poll()
        finally:
            os.close(fd)
        # The first process of a container is everybody's parent in the end.
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)

    def kill(self) -> None:
        """End it at once; the tree's leader dies with it."""
        with contextlib.suppress(psutil.Error):
            self._process.kill()

    def leave(self) -> None:
        """Expect nothing more of it: it is not ours."""

"""What joins the engine to the process that holds a tree: file descriptors, and that process."""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
import termios
from dataclasses import dataclass
from typing import Protocol

from imjoy_engine.processes.memory_kills import MemoryKills

__all__ = ["Ends", "Holder", "Pipes", "ShimProcess", "Witness"]

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


class Witness:
    """What a holder knows of the machine; made in a thread, when the tree is met."""

    def __init__(self) -> None:
        self._kills = MemoryKills.counted()

    def why_killed(self) -> str:
        """Return why the leader got a SIGKILL that nobody here has sent."""
        return MemoryKills.counted().words_since(self._kills)


class ShimProcess(Witness):
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

"""How a process tree ended, and how to end one: two records without behaviour of their own.

What is not here: the tree itself (`tree.py`) and the shim that holds it (`shim.py`).
"""

from __future__ import annotations

import signal as signals
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Exit", "ExitReport", "Ladder"]

_SIGNAL_WORDS = {
    "SIGABRT": "aborted",
    "SIGBUS": "bus error",
    "SIGFPE": "arithmetic error",
    "SIGHUP": "hung up",
    "SIGILL": "illegal instruction",
    "SIGINT": "interrupted",
    "SIGSEGV": "segmentation fault",
    "SIGTERM": "terminated",
}
_LADDER_SIGNALS = ("SIGINT", "SIGTERM", "SIGKILL")


@dataclass(frozen=True, slots=True)
class ExitReport:
    """How the leader of a tree ended.

    Exactly one of `exit_code` and `signal` is set, or neither when nobody saw the end (the shim was
    killed). `maxrss_bytes` is the leader's peak resident memory, 0 when unknown; `words` is what a
    person is told.
    """

    pid: int
    exit_code: int | None
    signal: str | None
    words: str
    maxrss_bytes: int
    duration_s: float

    def as_dict(self) -> dict[str, Any]:
        """Return the form that events and logs carry."""
        return {
            "pid": self.pid,
            "exit_code": self.exit_code,
            "signal": self.signal,
            "words": self.words,
            "maxrss_bytes": self.maxrss_bytes,
            "duration_s": round(self.duration_s, 3),
        }


@dataclass(frozen=True, slots=True)
class Exit:
    """What the process that holds a tree reports of its leader's end."""

    exit_code: int | None = None
    signal: str | None = None
    maxrss_bytes: int = 0
    duration_s: float = 0.0

    @classmethod
    def of(cls, words: Sequence[str]) -> Exit:
        """Return the meaning of `PID CODE SIGNAL MAXRSS_BYTES SECONDS`."""
        _, code, number, maxrss_bytes, seconds = words
        return cls(
            None if code == "-" else int(code),
            None if number == "-" else signal_name(int(number)),
            int(maxrss_bytes),
            float(seconds),
        )

    def told(self, pid: int, *, asked: str | None, words: str = "") -> ExitReport:
        """Return the report of it, with these words, or those of `words_for`."""
        words = words or words_for(self.exit_code, self.signal, asked=asked)
        return ExitReport(
            pid, self.exit_code, self.signal, words, self.maxrss_bytes, self.duration_s
        )


@dataclass(frozen=True, slots=True)
class Ladder:
    """How long each step of a stop may take, in seconds; a step of 0 s is left out.

    `cancel_s`: the tree was asked by its own protocol (a `shutdown` frame) and may leave by itself.
    `interrupt_s`: the leader gets SIGINT. `terminate_s`: every process of the tree gets SIGTERM.
    `kill_s`: every process gets SIGKILL, and this long may the kernel take to let go of it.
    """

    cancel_s: float = 0.0
    interrupt_s: float = 1.0
    terminate_s: float = 2.0
    kill_s: float = 10.0
    on_step: Callable[[str, float], None] | None = field(default=None, compare=False)
    """Told of each step that is taken, and of the seconds that it may take."""

    @classmethod
    def at_once(cls) -> Ladder:
        """Return the ladder whose only step is SIGKILL."""
        return cls(cancel_s=0.0, interrupt_s=0.0, terminate_s=0.0)


def words_for(exit_code: int | None, signal: str | None, *, asked: str | None) -> str:
    """Return the end of a process in words.

    `asked` names what the engine itself last did to it ("cancel", "SIGINT", ...), or None: a
    SIGKILL that nobody here sent is most often the kernel's answer to memory running out.
    """
    if exit_code is not None:
        if asked is not None:
            return f"stopped on request (exit code {exit_code})"
        return "finished" if exit_code == 0 else f"exited with code {exit_code}"
    if signal is None:
        return "ended unseen: its supervising process was killed"
    if asked is not None and signal in _LADDER_SIGNALS:
        return f"stopped on request ({signal})"
    if signal == "SIGKILL":
        return "killed by SIGKILL (out of memory?)"
    if signal in _SIGNAL_WORDS:
        return f"{_SIGNAL_WORDS[signal]} ({signal})"
    return f"killed by {signal}"


def signal_name(number: int) -> str:
    """Return `SIGSEGV` for 11, and `signal 40` for a number without a name."""
    try:
        return signals.Signals(number).name
    except ValueError:
        return f"signal {number}"

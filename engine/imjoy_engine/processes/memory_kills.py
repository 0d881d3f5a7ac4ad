"""Whether the kernel has ended processes because memory ran out: its own counters, read twice.

A control group counts its own, the machine counts all. A group that may not be read, and systems
other than Linux, count nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["MemoryKills"]

_PROC = Path("/proc")
_GROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class MemoryKills:
    """How many processes were ended for memory so far: in the engine's own group, and in all."""

    own: int | None
    all: int | None

    @classmethod
    def counted(cls, proc: Path = _PROC, groups: Path = _GROUPS) -> MemoryKills:
        """Return the counters as they are now."""
        return cls(_own(proc, groups), _value(proc / "vmstat", "oom_kill"))

    def words_since(self, before: MemoryKills) -> str:
        """Return why a process that got SIGKILL from nobody here got it, as far as is known."""
        if self.own is not None and before.own is not None and self.own > before.own:
            return "out of memory: the kernel ended it (SIGKILL)"
        if self.all is None or before.all is None:
            return "killed by SIGKILL (out of memory?)"
        if self.all > before.all:
            return "out of memory, it seems: the kernel ended processes of this machine (SIGKILL)"
        return "killed by SIGKILL, from outside of the engine"


def _own(proc: Path, groups: Path) -> int | None:
    try:
        lines = (proc / "self" / "cgroup").read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        number, controllers, path = line.split(":", 2)
        if number == "0" and not controllers:
            found = _value(groups / path.lstrip("/") / "memory.events", "oom_kill")
        elif controllers == "memory":
            found = _value(groups / "memory" / path.lstrip("/") / "memory.oom_control", "oom_kill")
        else:
            continue
        if found is not None:
            return found
    return None


def _value(path: Path, name: str) -> int | None:
    try:
        for line in path.read_text().splitlines():
            key, _, value = line.partition(" ")
            if key == name:
                return int(value)
    except (OSError, ValueError):
        return None
    return None

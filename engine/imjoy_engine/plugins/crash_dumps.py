"""What Python writes when a process crashes in C code, and what of it explains the crash."""

from __future__ import annotations

__all__ = ["CrashDump"]


class CrashDump:
    """Reads along, line by line, where a dump is and whose thread it tells of.

    A dump lists the lines of every thread. Those of the one that crashed say what happened; what
    waited beside it is long, and would push them out of a plugin's last lines.
    """

    def __init__(self) -> None:
        self._is_dump = False
        self._crashed_was_told = False
        self._is_beside = False

    def is_beside(self, line: str) -> bool:
        """Return whether the next line tells of a thread after the one that crashed."""
        if line.startswith("Fatal Python error: "):
            self._is_dump, self._crashed_was_told, self._is_beside = True, False, False
        elif not self._is_dump:
            return False
        elif line.startswith("Current thread 0x"):
            self._crashed_was_told, self._is_beside = True, False
        elif line.startswith(("Thread 0x", "Extension modules: ")):
            self._is_beside = self._crashed_was_told
        elif line and not line.startswith("  "):
            self._is_dump = self._is_beside = False
        return self._is_beside

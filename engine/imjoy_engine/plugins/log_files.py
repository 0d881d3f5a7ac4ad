"""Where the logs of plugins are, so that they are found by name, also long after the plugin ended.

One file for every time a plugin ran: `<directory>/<workspace>/<name>.<instance>.log`, and beside it
`….1.log` with what came before when it grew too large, and `….times` of `log_times`. The last runs
of each plugin are kept.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from imjoy_engine.plugins.log_times import times_path

__all__ = ["LogFile", "find_logs", "log_path", "prune"]

_KEPT_RUNS = 10
_MAX_NAME_BYTES = 180


@dataclass(frozen=True, slots=True)
class LogFile:
    """The log of one run of a plugin; `path` is the newest part of it."""

    name: str
    instance: str
    workspace: str
    path: Path
    changed_s: float

    @property
    def earlier(self) -> Path:
        """Return where the part before this one is, if there is one."""
        return self.path.with_suffix(".1.log")


def log_path(directory: Path, workspace: str, name: str, instance: str) -> Path:
    """Return where a run's log belongs."""
    return directory / workspace / f"{_file_name(name)}.{instance}.log"


def find_logs(directory: Path, name: str | None = None) -> list[LogFile]:
    """Return the logs of the plugin of that name, or of all, the newest first."""
    found = []
    for path in directory.glob("*/*.log"):
        if path.name.endswith(".1.log"):
            continue
        file_name, _, instance = path.name.removesuffix(".log").rpartition(".")
        if name is None or file_name == _file_name(name):
            with contextlib.suppress(OSError):
                changed_s = path.stat().st_mtime
                workspace = path.parent.name
                found.append(LogFile(unquote(file_name), instance, workspace, path, changed_s))
    return sorted(found, key=lambda file: file.changed_s, reverse=True)


def prune(path: Path) -> None:
    """Remove the oldest logs of the plugin whose new log is at `path`."""
    name = path.name.removesuffix(".log").rpartition(".")[0]
    others = [file for file in find_logs(path.parent.parent) if file.path.parent == path.parent]
    same = [file for file in others if file.path.name.startswith(f"{name}.") and file.path != path]
    for file in same[_KEPT_RUNS - 1 :]:
        for old in (file.path, file.earlier, times_path(file.path)):
            with contextlib.suppress(OSError):
                old.unlink(missing_ok=True)


def _file_name(name: str) -> str:
    # The end tells long names apart more often than the beginning.
    return quote(name, safe=" ()+,=@")[-_MAX_NAME_BYTES:]

"""Control groups: the kernel itself holds a plugin's whole tree to its memory and processors.

Both versions, where the engine may make groups below its own. With version 2 that needs a group
that was delegated (`systemd-run --user --scope -p Delegate=yes imjoy-engine`, or a container) and
in which nothing but the engine and what it has started runs; all of that then moves into a leaf of
it, as the kernel wants.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

__all__ = ["Cgroup", "CgroupHome", "find_cgroups"]

_ROOT = Path("/sys/fs/cgroup")
_PERIOD_US = 100_000
_PREFIX = "imjoy-"


@dataclass(frozen=True, slots=True)
class Cgroup:
    """One plugin's group: its directory for memory and for processors, the same in version 2."""

    memory: Path
    cpu: Path
    version: int

    def limit(self, memory_bytes: int | None, cpus: int | None) -> None:
        """Hold what is in the group to so much memory and so many processors. Raises OSError."""
        if memory_bytes is not None and self.version == 2:
            _write(self.memory / "memory.max", memory_bytes)
            # What does not fit is ended whole: a plugin without one of its processes is broken.
            _write(self.memory / "memory.oom.group", 1)
            _write_if_there(self.memory / "memory.swap.max", 0)
        elif memory_bytes is not None:
            _write(self.memory / "memory.limit_in_bytes", memory_bytes)
        if cpus is not None and self.version == 2:
            _write(self.cpu / "cpu.max", f"{cpus * _PERIOD_US} {_PERIOD_US}")
        elif cpus is not None:
            _write(self.cpu / "cpu.cfs_period_us", _PERIOD_US)
            _write(self.cpu / "cpu.cfs_quota_us", cpus * _PERIOD_US)

    def add(self, pid: int) -> None:
        """Put a process, and with it what it will start, into the group. Raises OSError."""
        for directory in {self.memory, self.cpu}:
            _write(directory / "cgroup.procs", pid)

    def ran_out_of_memory(self) -> bool:
        """Return whether the kernel has ended a process of the group for want of memory."""
        name = "memory.events" if self.version == 2 else "memory.oom_control"
        try:
            lines = (self.memory / name).read_text().splitlines()
        except OSError:
            return False
        counts = dict(line.split() for line in lines if len(line.split()) == 2)
        return int(counts.get("oom_kill", 0)) > 0

    def remove(self) -> None:
        """Remove the group; one that still has a process stays."""
        for directory in {self.memory, self.cpu}:
            with contextlib.suppress(OSError):
                directory.rmdir()


@dataclass(frozen=True, slots=True)
class CgroupHome:
    """Where groups of plugins can be made."""

    memory: Path
    cpu: Path
    version: int

    def new(self, name: str) -> Cgroup:
        """Return a new group. Raises OSError."""
        group = Cgroup(
            self.memory / f"{_PREFIX}{name}", self.cpu / f"{_PREFIX}{name}", self.version
        )
        for directory in {group.memory, group.cpu}:
            directory.mkdir(exist_ok=True)
        return group


def find_cgroups(
    own: str | None = None,
    *,
    root: Path = _ROOT,
    processes: Collection[int] | None = None,
    enter: bool = True,
) -> CgroupHome | str:
    """Return where groups can be made, or in words why nowhere.

    `own` is the text of /proc/self/cgroup, `processes` are the engine and what it has started. With
    version 2 these have been moved into a leaf on return, so this is called only when a limit is to
    be kept; without `enter` nothing is changed, and the answer may be too hopeful.
    """
    if own is None:
        try:
            own = Path("/proc/self/cgroup").read_text()
        except OSError:
            return "This system has no control groups."
    paths = {
        names: root_path.lstrip("/")
        for _, names, root_path in (line.split(":", 2) for line in own.splitlines())
    }
    if (root / "cgroup.controllers").is_file():
        return _version_2(root / paths.get("", ""), processes or _of_the_engine(), enter)
    return _version_1(paths, root)


def _of_the_engine() -> list[int]:
    return [os.getpid(), *(child.pid for child in psutil.Process().children(recursive=True))]


def _version_2(home: Path, processes: Collection[int], enter: bool) -> CgroupHome | str:
    try:
        controllers = (home / "cgroup.controllers").read_text().split()
        members = set((home / "cgroup.procs").read_text().split())
    except OSError as error:
        return f"The engine's control group cannot be read: {error.strerror}."
    if not {"memory", "cpu"} <= set(controllers):
        return "The engine's control group has no controllers for memory and processors."
    if members - set(map(str, processes)):
        return "Other processes share the engine's control group."
    if not enter:
        able = os.access(home / "cgroup.subtree_control", os.W_OK)
        return CgroupHome(home, home, 2) if able else "The engine may not make control groups."
    try:
        (home / "engine").mkdir(exist_ok=True)
        for pid in members:
            with contextlib.suppress(ProcessLookupError):
                _write(home / "engine" / "cgroup.procs", pid)
        _write(home / "cgroup.subtree_control", "+memory +cpu")
    except OSError as error:
        return f"The engine may not make control groups: {error.strerror}."
    return CgroupHome(home, home, 2)


def _version_1(paths: Mapping[str, str], root: Path) -> CgroupHome | str:
    homes = {}
    for wanted in ("memory", "cpu"):
        for names, path in paths.items():
            if wanted in names.split(","):
                homes[wanted] = root / wanted / path
    if len(homes) < 2 or not all(home.is_dir() for home in homes.values()):
        return "This system has no control groups for memory and processors."
    if not all(os.access(home, os.W_OK) for home in homes.values()):
        return "The engine may not make control groups: Permission denied."
    return CgroupHome(homes["memory"], homes["cpu"], 1)


def _write(path: Path, value: object) -> None:
    path.write_text(f"{value}\n")


def _write_if_there(path: Path, value: object) -> None:
    if path.exists():
        _write(path, value)

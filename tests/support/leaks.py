"""What a test must not leave behind: processes, threads, descriptors, sockets, shared memory."""

from __future__ import annotations

import gc
import os
import re
import stat
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

__all__ = ["lasting_strays", "no_leaks", "shared_memory", "strays"]

WITHIN_S = 20.0
MARK = "IMJOY_TEST_PROCESS"
"""Every process that a test starts inherits this variable, wherever it hides in the tree."""


@dataclass(frozen=True)
class Belongings:
    """What this process has at one moment, each thing by words that a person can read."""

    processes: Mapping[int, str]
    threads: frozenset[str]
    descriptors: frozenset[str]
    files: frozenset[str]

    @classmethod
    def of_this_process(cls, temporary: Path) -> Belongings:
        return cls(
            dict(_children()),
            frozenset(f"{each.name} ({each.ident})" for each in threading.enumerate()),
            frozenset(_descriptors()),
            frozenset(_sockets(temporary) | shared_memory(os.getpid())),
        )

    def beyond(self, earlier: Belongings) -> list[str]:
        """Return what is here and was not there."""
        return [
            *(
                f"process {pid} {words}"
                for pid, words in self.processes.items()
                if pid not in earlier.processes
            ),
            *(f"thread {each}" for each in self.threads - earlier.threads),
            *(f"descriptor {each}" for each in self.descriptors - earlier.descriptors),
            *(f"file {each}" for each in self.files - earlier.files),
        ]


@contextmanager
def no_leaks(temporary: Path) -> Iterator[None]:
    """Fail when the block leaves anything that was not there, or is not gone within some seconds.

    `temporary` is where this process keeps its temporary files.
    """
    earlier = Belongings.of_this_process(temporary)
    yield
    deadline = time.monotonic() + WITHIN_S
    left = Belongings.of_this_process(temporary).beyond(earlier)
    pause = threading.Event()
    while left and time.monotonic() < deadline:
        gc.collect()
        pause.wait(0.01)  # what ends by itself, in threads of its own, has no event to wait for
        left = Belongings.of_this_process(temporary).beyond(earlier)
    assert not left, f"left behind: {', '.join(sorted(left))}"


def strays(mark: str) -> list[psutil.Process]:
    """Return the processes that carry this mark, whoever their parents are, but not this one."""
    found = []
    for process in psutil.process_iter():
        try:
            is_ours = process.environ().get(MARK) == mark and process.pid != os.getpid()
            if is_ours and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def lasting_strays(mark: str) -> list[psutil.Process]:
    """Return those of `strays` that do not end within some seconds."""
    deadline = time.monotonic() + WITHIN_S
    pause = threading.Event()
    while (left := strays(mark)) and time.monotonic() < deadline:
        pause.wait(0.1)  # they are not ours to wait for: no event tells of their end
    return left


def shared_memory(pid: int) -> set[str]:
    """Return the directories in shared memory that an engine in this process has made."""
    return {str(path) for path in Path("/dev/shm").glob(f"imjoy-{pid}-*")}


def _children() -> Iterator[tuple[int, str]]:
    for child in psutil.Process().children():
        try:
            yield child.pid, " ".join(child.cmdline())[:120]
        except psutil.ZombieProcess:
            yield child.pid, "that nobody has waited for"
        except psutil.NoSuchProcess:
            continue


def _descriptors() -> Iterator[str]:
    """Yield open sockets, pipes and files; what the interpreter opens for itself is not ours."""
    for entry in Path("/proc/self/fd").iterdir():
        try:
            target = entry.readlink().as_posix()
        except FileNotFoundError:  # the descriptor of this very listing
            continue
        if target.startswith(("socket:", "pipe:", "/dev/shm", "/tmp")):
            yield f"{entry.name} {target}"


def _sockets(temporary: Path) -> set[str]:
    """Find sockets; what an engine left that was killed is removed by the next one of its user."""
    places = [temporary, *(each for each in temporary.iterdir() if each.is_dir())]
    return {
        str(path)
        for place in places
        if place.exists() and not _is_of_the_dead(place.name)
        for path in place.iterdir()
        if stat.S_ISSOCK(path.lstat().st_mode)
    }


def _is_of_the_dead(name: str) -> bool:
    made_by = re.match(r"imjoy-(\d+)-", name)
    return made_by is not None and not psutil.pid_exists(int(made_by[1]))

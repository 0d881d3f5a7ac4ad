"""What every test stands on: short socket paths, nothing left behind, a loop that never waits."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from blockbuster import blockbuster_ctx
from hypothesis import HealthCheck, settings

from support import leaks

# Property tests say the same every time, and judge no example by the time that it takes. What looks
# for the unexpected is `make fuzz`.
settings.register_profile(
    "steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("steady")

# Short work before the first client comes, or after the last has left: nobody waits for it.
MAY_BLOCK = (
    ("imjoy_engine/app/workspace.py", ("locked_workspace", "describe")),
    ("imjoy_engine/app/shared_memory.py", ("shared_directory",)),
    ("imjoy_engine/app/engine.py", ("_start",)),
    ("imjoy_engine/app/worker_archive.py", ("unpacked_worker",)),
    ("imjoy_engine/gateway/page.py", ("add_page",)),
    ("imjoy_engine/gateway/api.py", ("add_api",)),
    # A few bytes into a pipe that the shim reads, a small file that a helper reads.
    ("imjoy_engine/processes/tree.py", ("_say",)),
    ("imjoy_engine/environments/helper.py", ("ask_helper",)),
    # One line, when a plugin ends.
    ("imjoy_engine/plugins/output.py", ("mark_end",)),
    # Fakes of the tests.
    ("tests/support/builders.py", ("build", "resolve")),
)
# Microseconds on any disk of the machine's own.
NOT_WATCHED = ("os.stat", "os.mkdir", "os.path.abspath")


@pytest.fixture
def short_dir() -> Iterator[Path]:
    """Return a directory whose path leaves room for a Unix socket's name (108 bytes)."""
    path = Path(tempfile.mkdtemp(prefix="ij-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def temporary(worker_id: str) -> Iterator[Path]:
    """Return the directory for temporary files of this process of the tests alone.

    At the end none of the processes that were started may live, whoever their parents are.
    """
    path = Path(tempfile.mkdtemp(prefix="ij-"))
    mark = f"{worker_id}-{os.getpid()}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(path))
        patch.setenv("TMPDIR", str(path))
        patch.setenv(leaks.MARK, mark)
        yield path
    shutil.rmtree(path, ignore_errors=True)
    left = leaks.lasting_strays(mark)
    for process in left:
        process.kill()
    assert not left, f"left behind: {left}"


@pytest.fixture(autouse=True)
def nothing_is_left(temporary: Path) -> Iterator[None]:
    """Fail a test that leaves processes, threads, descriptors, sockets or shared memory."""
    with leaks.no_leaks(temporary):
        yield


@pytest.fixture(autouse=True)
def the_loop_never_waits() -> Iterator[None]:
    """Raise in engine code that blocks the event loop: files, processes, sockets, sleeps."""
    with blockbuster_ctx("imjoy_engine") as guard:
        for function in guard.functions.values():
            for file, names in MAY_BLOCK:
                function.can_block_in(file, names)
        for name in NOT_WATCHED:
            guard.functions[name].deactivate()
        yield

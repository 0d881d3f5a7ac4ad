"""The guards that every test stands under do see what they are there for."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from blockbuster import BlockingError

from imjoy_engine.app.shared_memory import shared_directory
from imjoy_engine.app.workspace import WorkspaceLock
from imjoy_engine.gateway.auth import load_secret
from imjoy_engine.resources.gpu_locks import lock_card
from support import leaks


@contextmanager
def a_process() -> Iterator[None]:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        yield
        child.communicate(b"\n")


@contextmanager
def a_zombie() -> Iterator[None]:
    child = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    yield
    child.wait()


@contextmanager
def a_thread() -> Iterator[None]:
    end = threading.Event()
    thread = threading.Thread(target=end.wait, name="forgotten")
    thread.start()
    yield
    end.set()
    thread.join()


@contextmanager
def a_descriptor() -> Iterator[None]:
    ends = os.pipe()
    yield
    for end in ends:
        os.close(end)


@contextmanager
def a_socket_file() -> Iterator[None]:
    path = Path(tempfile.gettempdir()) / "forgotten"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
    yield
    path.unlink()


@contextmanager
def shared_memory() -> Iterator[None]:
    with shared_directory() as directory:
        assert directory is not None
        (directory / "w_1-array").write_bytes(b"1")
        yield


@contextmanager
def a_lease() -> Iterator[None]:
    descriptor = lock_card(Path(tempfile.gettempdir()) / "cards", "GPU-0", shared=False)
    assert descriptor is not None
    yield
    os.close(descriptor)


@pytest.mark.parametrize(
    ("leak", "named"),
    [
        (a_process, "process .*input"),
        (a_zombie, "process .*nobody has waited for"),
        (a_thread, "thread forgotten"),
        (a_descriptor, "descriptor .*pipe"),
        (a_socket_file, "file .*forgotten"),
        (shared_memory, "file /dev/shm/imjoy-"),
        (a_lease, "descriptor .*GPU-0.lock"),
    ],
)
def test_what_is_left_is_named(
    leak: Callable[[], AbstractContextManager[None]], named: str, temporary: Path, monkeypatch
) -> None:
    monkeypatch.setattr(leaks, "WITHIN_S", 0.05)
    forgotten = leak()
    with pytest.raises(AssertionError, match=named), leaks.no_leaks(temporary):
        forgotten.__enter__()
    forgotten.__exit__(None, None, None)


def test_a_process_is_found_wherever_it_hides() -> None:
    """One whose parent has gone, in a session of its own."""
    mark = uuid.uuid4().hex
    script = (
        "import subprocess, sys; "
        "child = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=0, "
        "stdout=subprocess.DEVNULL, "
        "start_new_session=True); print(child.pid, flush=True); child.returncode = 0"
    )
    read, write = os.pipe()
    parent = subprocess.run(
        [sys.executable, "-c", script],
        stdin=read,
        stdout=subprocess.PIPE,
        check=True,
        env={**os.environ, leaks.MARK: mark},  # noqa: TID251 - a process as the tests start it
    )
    (stray,) = leaks.strays(mark)
    assert stray.pid == int(parent.stdout)
    os.close(write)
    os.close(read)
    stray.wait(10)
    assert leaks.strays(mark) == []


async def test_code_of_the_engine_may_not_block_the_loop(tmp_path: Path) -> None:
    with pytest.raises(BlockingError):
        load_secret(tmp_path / "token")


async def test_but_where_nobody_waits_it_may(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    WorkspaceLock(descriptor).describe(url="here")
    os.close(descriptor)

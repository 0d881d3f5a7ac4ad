from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from imjoy_engine.processes import Command, ForkServer, Ladder, ProcessTree, Shims
from support.pids import alive, ended

WAITS = "import os, sys; print('here', flush=True); sys.exit(len(open(sys.argv[1]).read()))"


class Forks:
    """A server, what it makes, and a command that waits at a pipe."""

    def __init__(self, tmp_path: Path) -> None:
        self.server = ForkServer()
        self.shims = Shims(self.server)
        self.printed = b""
        self.pipe = tmp_path / "pipe"
        os.mkfifo(self.pipe)

    async def start(self, code: str = WAITS) -> ProcessTree:
        argv = [sys.executable, "-I", "-S", "-c", code, str(self.pipe)]
        command = Command(argv, {}, Path("/tmp"), grace_s=0.3)
        return await ProcessTree.start(command, self._keep, self.shims)

    def _keep(self, stream: str, chunk: bytes) -> None:
        self.printed += chunk

    @property
    def pid(self) -> int:
        assert self.server.pid is not None
        return self.server.pid


@pytest.fixture
async def forks(tmp_path: Path) -> AsyncIterator[Forks]:
    forks = Forks(tmp_path)
    yield forks
    await forks.shims.close()


async def test_each_shim_is_a_process_of_its_own_off_one(forks: Forks) -> None:
    first, second = await forks.start(), await forks.start()
    holders = [first.holder_pid, second.holder_pid]

    assert [psutil.Process(pid).ppid() for pid in holders] == [forks.pid] * 2
    assert [psutil.Process(tree.pid).ppid() for tree in (first, second)] == holders
    assert [os.getsid(pid) for pid in holders] == holders
    assert {psutil.Process(pid).name() for pid in holders} == {"imjoy-shim"}
    await asyncio.gather(first.stop(Ladder.at_once()), second.stop(Ladder.at_once()))


async def test_prepared_it_is_there_before_anybody_asks(forks: Forks) -> None:
    await forks.shims.prepare()
    pid = forks.pid
    tree = await forks.start()
    assert forks.pid == pid
    await tree.stop(Ladder.at_once())


async def test_nobody_is_left_uncollected(forks: Forks) -> None:
    for _ in range(3):
        await (await forks.start("pass")).wait()
    assert psutil.Process(forks.pid).children() == []


async def test_killed_it_takes_nobody_along_and_another_one_comes(forks: Forks) -> None:
    tree = await forks.start()
    killed = forks.pid
    os.kill(killed, signal.SIGKILL)
    await ended(killed)

    other = await forks.start("import signal; signal.pause()")
    assert forks.pid != killed
    assert psutil.Process(other.holder_pid).ppid() == forks.pid
    await other.stop(Ladder.at_once())

    assert alive(tree.pid)
    await asyncio.to_thread(forks.pipe.write_text, "three")
    report = await tree.wait()
    assert (report.exit_code, forks.printed) == (5, b"here\n")


async def test_killed_it_leaves_trees_that_can_be_stopped(forks: Forks) -> None:
    tree = await forks.start()
    os.kill(forks.pid, signal.SIGKILL)
    await ended(forks.pid)

    report = await tree.stop(Ladder.at_once())

    assert report.signal == "SIGKILL"
    assert not alive(tree.holder_pid)


async def test_closed_it_is_gone_and_trees_live_on(forks: Forks) -> None:
    tree = await forks.start()
    pid = forks.pid
    await forks.shims.close()
    assert not psutil.pid_exists(pid)

    alone = await forks.start()  # by the other road
    assert psutil.Process(alone.holder_pid).ppid() == os.getpid()
    await asyncio.gather(tree.stop(Ladder.at_once()), alone.stop(Ladder.at_once()))


async def test_one_that_does_not_answer_is_replaced(forks: Forks) -> None:
    forks.server = ForkServer(answer_s=0.2)
    forks.shims = Shims(forks.server)
    async with asyncio.timeout(20):
        # A busy machine may take longer than that over the first answer.
        while (tree := await forks.start()) and forks.server.pid is None:
            await tree.stop(Ladder.at_once())
            forks.server = ForkServer(answer_s=0.2)
            forks.shims = Shims(forks.server)
    stopped = forks.pid
    os.kill(stopped, signal.SIGSTOP)

    other = await forks.start()

    assert not psutil.pid_exists(stopped)
    assert psutil.Process(other.holder_pid).ppid() == os.getpid()
    await asyncio.gather(tree.stop(Ladder.at_once()), other.stop(Ladder.at_once()))


async def test_one_that_never_answers_is_not_started_again(forks: Forks, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(f"open({str(tmp_path / 'ran')!r}, 'a').write('once ')")
    forks.shims = Shims(ForkServer(script))

    for _ in range(2):
        report = await (await forks.start("pass")).wait()
        assert report.exit_code == 0

    assert (tmp_path / "ran").read_text() == "once "


async def test_no_more_processes_allowed_is_told(forks: Forks, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import socket; engine = socket.socket(fileno=0)\n"
        "while engine.recv(16): engine.send(b'-11')\n"
    )
    forks.shims = Shims(ForkServer(script))

    with pytest.raises(BlockingIOError):
        await forks.start()
    await forks.shims.close()


ENGINE = """
import asyncio, os, signal, sys
from pathlib import Path
from imjoy_engine.processes import Command, ForkServer, ProcessTree, Shims

async def main():
    server = ForkServer()
    tree = await ProcessTree.start(
        Command(["/bin/sleep", "1000"], {}, Path("/tmp"), grace_s=0.3), print, Shims(server)
    )
    os.write(1, f"{server.pid} {tree.holder_pid} {tree.pid}\\n".encode())
    if "first the server" in sys.argv:
        os.kill(server.pid, signal.SIGKILL)
    await tree.wait()

asyncio.run(main())
"""


@pytest.mark.parametrize("order", ["the engine alone", "first the server"])
async def test_nothing_survives_a_killed_engine(order: str) -> None:
    engine = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", ENGINE, order),
        env={"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert engine.stdout is not None
        pids = [int(word) for word in (await engine.stdout.readline()).split()]
        if order == "first the server":
            await ended(pids[0])
    finally:
        with contextlib.suppress(ProcessLookupError):
            engine.kill()
        await engine.wait()

    assert len(pids) == 3
    for pid in pids:
        await ended(pid)

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from imjoy_engine.errors import MachineError
from imjoy_engine.processes import (
    Command,
    ExitReport,
    KeptPlace,
    Ladder,
    ProcessTree,
    Shims,
    end_of_kept,
    find_kept,
    identity_of,
    keeper_of,
    start_kept,
)
from support.pids import alive, ended
from support.tree_output import TreeOutput

BRIEF = Ladder(interrupt_s=0.2, terminate_s=0.2)
PATIENT = Ladder(interrupt_s=20)
ECHO = """
import os, sys
print("here", flush=True)
for line in open(sys.argv[1]):
    if line.startswith("exit"):
        sys.exit(int(line.split()[1]))
    print(line, end="", flush=True)
    print(line.upper(), end="", file=sys.stderr, flush=True)
"""


class Kept:
    """One place with a command that obeys a pipe; `engine()` is what an engine has of it."""

    def __init__(self, tmp_path: Path, shims: Shims) -> None:
        self.shims = shims
        self.directory = tmp_path / ("long-name-" * 12)
        self.log = tmp_path / "logs" / "i.log"
        self.orders = tmp_path / "orders"
        os.mkfifo(self.orders)
        self.pipe = os.open(self.orders, os.O_RDWR)
        self.place = KeptPlace(self.directory, self.log, 1 << 20, limit_s=3600)
        self.output = TreeOutput()
        self.identity = ""
        self.keepers: list[int] = []

    async def end(self) -> ExitReport | None:
        return await asyncio.to_thread(end_of_kept, self.directory)

    def order(self, text: str) -> None:
        os.write(self.pipe, text.encode() + b"\n")

    async def start(self, code: str = ECHO, place: KeptPlace | None = None) -> ProcessTree:
        argv = [sys.executable, "-I", "-S", "-u", "-c", code, str(self.orders)]
        command = Command(argv, {"PATH": os.defpath}, Path("/tmp"), grace_s=0.5)
        tree = await self.begin(command, place)
        self.identity = await asyncio.to_thread(identity_of, tree.holder_pid) or ""
        tree.keep()
        return tree

    async def begin(self, command: Command, place: KeptPlace | None = None) -> ProcessTree:
        tree = await start_kept(command, place or self.place, self.output, self.shims)
        self.keepers.append(tree.holder_pid)
        return tree

    def reap(self) -> None:
        """Wait for the keepers that were left: an engine that leaves ends, and they are init's."""
        for keeper in self.keepers:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(keeper, 0)

    async def find(self) -> ProcessTree | None:
        self.output = TreeOutput()
        return await find_kept(self.directory, self.identity, self.output)

    async def logged(self, text: str) -> None:
        async with asyncio.timeout(20):
            while text not in self.log_text():
                await asyncio.to_thread(os.sched_yield)

    def log_text(self) -> str:
        try:
            return self.log.read_text()
        except FileNotFoundError:  # not yet, or just replaced
            return ""


@pytest.fixture
async def kept(tmp_path: Path, shims: Shims) -> AsyncIterator[Kept]:
    kept = Kept(tmp_path, shims)
    yield kept
    if kept.identity and (tree := await kept.find()) is not None:
        await tree.stop(Ladder.at_once())
    await asyncio.to_thread(kept.reap)
    os.close(kept.pipe)


async def test_it_runs_prints_and_stops_like_any_other(kept: Kept) -> None:
    tree = await kept.start()
    kept.order("one")
    await kept.output.says("here\none")
    await kept.output.says("ONE", "stderr")
    report = await tree.stop(PATIENT)
    assert report.words == "stopped on request (SIGINT)"
    assert not alive(tree.pid)
    assert await kept.find() is None


async def test_an_exit_is_told(kept: Kept) -> None:
    tree = await kept.start()
    kept.order("exit 3")
    report = await tree.wait()
    assert (report.exit_code, report.words) == (3, "exited with code 3")
    assert await kept.end() == report


async def test_left_alone_it_goes_on_and_its_output_is_in_the_log(kept: Kept) -> None:
    tree = await kept.start()
    await kept.output.says("here")
    await tree.leave()
    kept.order("alone")
    await kept.logged("alone\n")
    await kept.logged("ALONE\n")
    noted = kept.log.with_suffix(".times")
    async with asyncio.timeout(20):
        while not noted.exists():
            await asyncio.to_thread(os.sched_yield)
    offset, time_s = noted.read_text().split()[:2]
    assert (offset, time.time() - int(time_s) < 60) == ("0", True)
    found = await kept.find()
    assert found is not None
    assert found.pid == tree.pid
    kept.order("together")
    await kept.output.says("together")
    assert "together" not in kept.log.read_text()
    assert (await found.stop(PATIENT)).signal == "SIGINT"
    assert not alive(tree.pid)


async def test_who_keeps_it_is_known_without_a_record(kept: Kept, tmp_path: Path) -> None:
    tree = await kept.start()
    await kept.output.says("here")
    await tree.leave()
    assert await asyncio.to_thread(keeper_of, kept.directory) == tree.holder_pid
    assert await asyncio.to_thread(keeper_of, tmp_path) is None
    # Who only asked is gone again, and an engine finds it as before.
    again = await kept.find()
    assert again is not None
    await again.stop(PATIENT)


async def test_nothing_printed_is_lost_between_engines(kept: Kept) -> None:
    code = """
import os, sys
orders = open(sys.argv[1])
for number in range(200_000):
    print(number)
    if number == 1000: orders.readline()
orders.readline()
"""
    tree = await kept.start(code)
    await kept.output.says("\n900\n")
    first = kept.output
    await tree.leave()
    kept.order("go on")
    await kept.logged("\n50000\n")
    second = await kept.find()
    assert second is not None
    await kept.output.says("199999\n")
    whole = first.text["stdout"] + kept.log.read_bytes() + kept.output.text["stdout"]
    assert whole.split() == [b"%d" % number for number in range(200_000)]
    kept.order("end")
    assert (await second.wait()).exit_code == 0


async def test_a_flood_without_an_engine_stays_within_the_log(kept: Kept) -> None:
    code = """
import os
for _ in range(512): os.write(2, b"x" * 65536)
print("done")
import signal; signal.pause()
"""
    place = KeptPlace(kept.directory, kept.log, 1 << 20, limit_s=3600)
    tree = await kept.start(code, place)
    await tree.leave()
    await kept.logged("done\n")
    files = list(kept.log.parent.glob("*.log"))
    assert len(files) == 2
    assert sum(path.stat().st_size for path in files) < 3 << 20


async def test_an_end_that_no_engine_saw_is_known_later(kept: Kept) -> None:
    tree = await kept.start()
    await tree.leave()
    kept.order("exit 4")
    await ended(int(kept.identity.split()[-2]))
    assert await kept.find() is None
    report = await kept.end()
    assert report is not None
    assert (report.pid, report.exit_code, report.words) == (tree.pid, 4, "exited with code 4")


async def test_without_an_engine_for_too_long_it_ends(kept: Kept) -> None:
    place = KeptPlace(kept.directory, kept.log, 1 << 20, limit_s=0.2)
    tree = await kept.start(place=place)
    await kept.output.says("here")
    await tree.leave()
    await ended(int(kept.identity.split()[-2]))
    assert not alive(tree.pid)
    report = await kept.end()
    assert report is not None
    assert report.words == "ended: no engine came for it in time"


async def test_what_nobody_asked_to_keep_ends_with_the_engine(kept: Kept) -> None:
    argv = [sys.executable, "-I", "-S", "-c", "import signal; signal.pause()"]
    command = Command(argv, {"PATH": os.defpath}, Path("/tmp"), grace_s=0.5)
    tree = await kept.begin(command)
    await tree.leave()
    await ended(tree.pid)


async def test_sigterm_to_the_keeper_ends_it_without_any_engine(kept: Kept) -> None:
    tree = await kept.start()
    await tree.leave()
    keeper = int(kept.identity.split()[-2])
    os.kill(keeper, signal.SIGTERM)
    await ended(keeper)
    assert not alive(tree.pid)


async def test_a_killed_keeper_takes_the_tree_along(kept: Kept) -> None:
    tree = await kept.start()
    os.kill(int(kept.identity.split()[-2]), signal.SIGKILL)
    report = await tree.wait()
    assert report.words == "ended unseen: its supervising process was killed"
    assert not alive(tree.pid)
    assert await kept.find() is None
    assert await kept.end() is None


async def test_another_process_of_that_number_is_not_it(kept: Kept) -> None:
    tree = await kept.start()
    await tree.leave()
    true, boot_and_pid = kept.identity, kept.identity.rpartition(" ")[0]
    kept.identity = f"{boot_and_pid} 1"
    assert await kept.find() is None
    kept.identity = true
    found = await kept.find()
    assert found is not None
    await found.leave()


@pytest.mark.parametrize(
    ("program", "error"), [("/no/such/program", FileNotFoundError), ("/etc", PermissionError)]
)
async def test_a_program_that_cannot_be_executed(
    kept: Kept, program: str, error: type[OSError]
) -> None:
    command = Command([program], {}, Path("/tmp"))
    with pytest.raises(error):
        await start_kept(command, kept.place, kept.output, kept.shims)


async def test_a_directory_without_room_for_a_socket(kept: Kept) -> None:
    kept.directory.mkdir()
    (kept.directory / "keeper.sock").touch()
    with pytest.raises(MachineError, match="cannot hold a socket: Address already in use"):
        await kept.start()


async def test_cancelled_it_leaves_nothing(kept: Kept, tmp_path: Path) -> None:
    starting = asyncio.create_task(kept.start())
    await asyncio.wait((starting,), timeout=0)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    mark = str(tmp_path)
    left = [process for process in psutil.process_iter(["cmdline"]) if _names(process, mark)]
    assert not left


def _names(process: psutil.Process, mark: str) -> bool:
    return any(mark in word for word in process.info["cmdline"] or ())


async def test_strays_are_ended_by_the_next_engine(kept: Kept) -> None:
    code = """
import os, signal
for number in (signal.SIGINT, signal.SIGTERM): signal.signal(number, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    os.write(1, b"stray %d\\n" % os.getpid())
while True: signal.pause()
"""
    tree = await kept.start(code)
    await kept.output.says("stray")
    stray = int(kept.output.text["stdout"].split()[1])
    await tree.leave()
    found = await kept.find()
    assert found is not None
    assert (await found.stop(BRIEF)).signal == "SIGKILL"
    assert not alive(stray)

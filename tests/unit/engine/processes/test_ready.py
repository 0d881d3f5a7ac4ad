from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from imjoy_engine.processes import Command, ExitReport, Ladder, ReadyShim

# A Python without a locale sets LC_CTYPE by itself.
SAYS = """import os, sys
print(os.getcwd(), sys.argv[1:], sorted(set(os.environ) - {"LC_CTYPE"}), os.getppid())
"""


class Output:
    def __init__(self) -> None:
        self.text = b""

    def __call__(self, stream: str, chunk: bytes) -> None:
        self.text += chunk


@pytest.fixture
async def ready() -> AsyncIterator[ReadyShim]:
    ready = ReadyShim()
    await ready.prepare()
    yield ready
    await ready.close()


@pytest.fixture
def output() -> Output:
    return Output()


def python(code: str, *arguments: str, cwd: Path = Path("/tmp"), **options) -> Command:
    argv = [sys.executable, "-I", "-S", "-c", code, *arguments]
    return Command(argv, {"PATH": os.defpath, "OWN": "1"}, cwd, **options)


def shims() -> list[int]:
    found = []
    for each in psutil.Process().children():
        with contextlib.suppress(psutil.Error):  # one of another test that nobody has waited for
            if "ready" in each.cmdline():
                found.append(each.pid)
    return found


async def run(ready: ReadyShim, command: Command, output: Output) -> ExitReport:
    async with asyncio.timeout(20):
        return await (await ready.start(command, output)).wait()


async def test_the_shim_that_waits_runs_the_command_as_it_was_told(ready, output, tmp_path):
    (shim,) = shims()
    command = python(SAYS, "a b", "", cwd=tmp_path)

    report = await run(ready, command, output)

    assert report.exit_code == 0
    assert output.text.decode() == f"{tmp_path} ['a b', ''] ['OWN', 'PATH'] {shim}\n"


async def test_another_one_is_ready_soon(ready, output):
    await run(ready, python("pass"), output)
    assert not ready.is_waiting

    async with asyncio.timeout(20):
        while not ready.is_waiting:
            await asyncio.wait((asyncio.ensure_future(asyncio.to_thread(int)),))

    report = await run(ready, python(SAYS), output)
    assert report.exit_code == 0


@pytest.mark.parametrize("what", ["program", "folder"])
async def test_what_cannot_be_started_raises_as_ever(ready, output, tmp_path, what):
    command = (
        Command([str(tmp_path / "missing")], {}, tmp_path)
        if what == "program"
        else python("pass", cwd=tmp_path / "missing")
    )

    with pytest.raises(FileNotFoundError):
        await ready.start(command, output)


async def test_a_command_too_long_to_be_told_gets_a_shim_of_its_own(ready, output):
    report = await run(ready, python("import sys; print(len(sys.argv[1]))", "x" * 60_000), output)

    assert (report.exit_code, output.text) == (0, b"60000\n")


async def test_what_must_be_held_is_held_by_a_shim_of_its_own(ready, output):
    reading, writing = os.pipe()
    try:
        tree = await ready.start(python("pass", held_fds=(writing,)), output)
        await tree.wait()
    finally:
        os.close(reading)
        os.close(writing)


async def test_one_that_was_killed_while_it_waited_is_replaced(ready, output):
    (shim,) = shims()
    psutil.Process(shim).kill()
    async with asyncio.timeout(20):
        while psutil.Process(shim).status() != psutil.STATUS_ZOMBIE:
            await asyncio.wait((asyncio.ensure_future(asyncio.to_thread(int)),))

    report = await run(ready, python("print('ran')"), output)

    assert (report.exit_code, output.text) == (0, b"ran\n")


async def test_a_tree_is_ended_as_ever(ready, output):
    tree = await ready.start(python("import signal; signal.pause()"), output)

    report = await tree.stop(Ladder.at_once())

    assert report.signal == "SIGKILL"


async def test_closed_nothing_waits_and_nothing_comes(ready, output):
    await run(ready, python("pass"), output)
    await ready.close()
    await ready.prepare()

    assert not ready.is_waiting
    assert shims() == []

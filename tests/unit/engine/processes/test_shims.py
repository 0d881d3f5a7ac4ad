from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from imjoy_engine.processes import Command, Ladder, ProcessTree, Shims
from support.tree_output import TreeOutput


def python(code: str, *arguments: str, **options) -> Command:
    return Command([sys.executable, "-I", "-S", "-c", code, *arguments], {}, Path("/"), **options)


async def test_a_command_of_any_length(shims: Shims) -> None:
    output = TreeOutput()
    code = "import os, sys; print([len(word) for word in sys.argv[1:]], len(os.environ['LONG']))"
    command = python(code, *["x" * 60_000] * 8)
    long = Command(command.argv, {"LONG": "y" * 100_000}, command.cwd)

    report = await (await ProcessTree.start(long, output, shims)).wait()

    assert report.exit_code == 0
    assert output.text["stdout"].decode() == f"{[60_000] * 8} 100000\n"


async def test_words_and_variables_that_are_no_text(shims: Shims) -> None:
    output = TreeOutput()
    code = "import os, sys; print(os.fsencode(sys.argv[1]), os.environb[b'V'], repr(sys.argv[2]))"
    command = python(code, os.fsdecode(b"\xff\xfe"), "")
    odd = Command(command.argv, {"V": os.fsdecode(b"\xe9=\n")}, command.cwd)

    await (await ProcessTree.start(odd, output, shims)).wait()

    assert output.text["stdout"] == rb"b'\xff\xfe' b'\xe9=\n' ''" + b"\n"


async def test_what_is_held_is_held_until_the_tree_is_gone(shims: Shims) -> None:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    tree = await ProcessTree.start(
        python("import signal; signal.pause()", held_fds=(writing,)), TreeOutput(), shims
    )
    os.close(writing)
    with pytest.raises(BlockingIOError):
        os.read(reading, 1)

    await tree.stop(Ladder.at_once())

    assert os.read(reading, 1) == b""
    os.close(reading)


async def test_many_at_once(shims: Shims) -> None:
    output = TreeOutput()
    trees = await asyncio.gather(
        *(ProcessTree.start(python(f"print({n})"), output, shims) for n in range(12))
    )
    reports = await asyncio.gather(*(tree.wait() for tree in trees))
    assert {report.exit_code for report in reports} == {0}
    assert sorted(map(int, output.text["stdout"].split())) == list(range(12))
    assert len({tree.holder_pid for tree in trees}) == 12

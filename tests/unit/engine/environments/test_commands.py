from __future__ import annotations

import asyncio
import os
from pathlib import Path

import psutil
import pytest

from imjoy_engine.environments import Owner, Phase, Progress
from imjoy_engine.environments.builder import Attempt
from imjoy_engine.environments.commands import allowed, command_variables, run_command
from imjoy_engine.errors import CommandFailedError, CommandRefusedError
from support.within import within_a_second

MACHINE = {"PATH": os.defpath, "HOME": "/nowhere", "PYTHONPATH": "/elsewhere"}


class Told(list[Progress]):
    def __call__(self, progress: Progress) -> None:
        self.append(progress)


@pytest.fixture
def attempt(tmp_path) -> Attempt:
    (tmp_path / "env" / "bin").mkdir(parents=True)
    return Attempt(tmp_path, Told())


async def run(command: str, attempt: Attempt) -> None:
    await run_command(command, attempt.scratch / "env", attempt.scratch, MACHINE, attempt)


async def test_a_command_is_for_the_shell_word_by_word(attempt):
    await run("echo one > file && echo 'two  words' >> file", attempt)

    assert (attempt.scratch / "file").read_text() == "one\ntwo  words\n"


async def test_it_runs_inside_of_the_environment(attempt):
    program = attempt.scratch / "env" / "bin" / "python"
    program.write_text('#!/bin/sh\necho "of the environment $VIRTUAL_ENV $PYTHONPATH"\n')
    program.chmod(0o755)

    await run("python", attempt)

    assert attempt.log == ["$ python", f"of the environment {attempt.scratch / 'env'} "]


async def test_what_it_prints_is_told(attempt):
    await run("echo working", attempt)

    assert {progress.phase for progress in attempt.on_progress} == {Phase.COMMAND}
    assert attempt.on_progress[-1].message == "working"


async def test_a_command_that_fails_is_told_with_its_words(attempt):
    with pytest.raises(CommandFailedError, match="exited with code 3") as caught:
        await run("echo why >&2; exit 3", attempt)

    assert caught.value.log_tail == "$ echo why >&2; exit 3\nwhy"


async def test_passwords_are_in_no_log(attempt):
    with pytest.raises(CommandFailedError) as caught:
        await run("echo https://me:secret@host/x; exit 1", attempt)

    assert "secret" not in str([caught.value.as_dict(), attempt.log, attempt.on_progress])


async def test_cancelled_it_is_gone_within_a_second_with_all_that_it_started(attempt):
    pipe = attempt.scratch / "pipe"
    os.mkfifo(pipe)
    others = psutil.Process().children(recursive=True)
    command = f"trap 'echo > asked' INT TERM; sleep 300 & : > {pipe}; wait"
    running = asyncio.create_task(run(command, attempt))
    await asyncio.to_thread(pipe.read_bytes)
    started = set(psutil.Process().children(recursive=True)) - set(others)
    assert len(started) == 3  # the shim, the shell and what it started

    async with within_a_second():
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    assert not any(process.is_running() for process in started)
    assert not (attempt.scratch / "asked").exists()


def test_in_an_environment_of_conda_its_place_has_condas_name(tmp_path):
    (tmp_path / "conda-meta").mkdir()

    variables = command_variables(tmp_path, MACHINE)

    assert variables["CONDA_PREFIX"] == str(tmp_path)
    assert "VIRTUAL_ENV" not in variables
    assert variables["PATH"].startswith(f"{tmp_path}/bin:")


async def test_a_person_is_shown_every_word(attempt):
    asked = []

    async def allow(commands: tuple[str, ...]) -> bool:
        asked.append(commands)
        return True

    await allowed(("a b", "c"), Owner("p", Path("/w"), allow), attempt.on_progress)
    assert asked == [("a b", "c")]

    await allowed((), Owner("p", Path("/w"), allow), attempt.on_progress)
    assert len(asked) == 1


async def test_where_nobody_is_asked_nothing_is_allowed(attempt):
    with pytest.raises(CommandRefusedError) as caught:
        await allowed(("rm -r x",), Owner(), attempt.on_progress)

    assert caught.value.log_tail == "$ rm -r x"

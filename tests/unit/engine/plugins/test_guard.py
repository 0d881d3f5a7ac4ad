from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from imjoy_engine.plugins.guard import ResourceGuard
from imjoy_engine.plugins.lifecycle import State
from imjoy_engine.resources.cgroups import CgroupHome
from support.clock import FakeClock
from support.plugin_runs import Run
from support.workers import LIMITS, FakeWorker, Stage

PROGRAM = "kept = bytearray(b'x') * 60_000_000; print('ready', flush=True); input()"


@pytest.fixture
def process(stage: Stage) -> Iterator[subprocess.Popen[bytes]]:
    """Return a real process of 60 MB, and have the next worker be it."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        stage.provisioner.next_pid = process.pid
        yield process
        process.kill()


def ended_in_words(run: Run) -> str:
    """Return what the event of its end says; whoever asks the engine later hears the same."""
    (ended,) = [event for event in run.events if event["event"] == "exit"]
    assert run.instance.exit is not None
    assert run.instance.exit["words"] == ended["words"]
    assert ended["hint"] == run.error["hint"]
    return str(ended["words"])


async def slept(clock: FakeClock) -> None:
    async with asyncio.timeout(20):
        while not clock.sleeping:
            clock.slept.clear()
            await clock.slept.wait()


async def test_who_is_over_the_limit_is_ended_with_words(
    stage: Stage, tmp_path: Path, process: subprocess.Popen[bytes]
) -> None:
    clock = FakeClock()
    stage.use(guard=ResourceGuard(lambda: "off", clock))
    run = Run(stage, tmp_path, limits={"memory": "50 MB"})
    run.supervisor.start()
    await run.reached(State.READY)
    await slept(clock)
    clock.advance(1)
    await run.reached(State.FAILED)
    assert run.error["code"] == "memory-limit"
    assert "its limit is 50 MB; it was ended." in run.error["message"]
    assert "--memory-limit" in run.error["hint"]
    assert "draining" not in run.states
    assert "[engine] The plugin used" in run.instance.output.last_lines()[-1]
    assert ended_in_words(run) == "stopped at its limit of memory (50 MB)"
    assert run.instance.gone_reason()["hint"] == run.error["hint"]


async def test_who_is_below_it_lives_on(
    stage: Stage, tmp_path: Path, process: subprocess.Popen[bytes]
) -> None:
    clock = FakeClock()
    limits = replace(LIMITS, plugin_memory_bytes=500_000_000)
    stage.use(guard=ResourceGuard(lambda: "off", clock), limits=limits)
    run = Run(stage, tmp_path)
    run.supervisor.start()
    await run.reached(State.READY)
    for _ in range(3):
        await slept(clock)
        clock.advance(1)
    assert run.instance.state is State.READY
    await run.supervisor.stop()
    assert run.instance.error is None


async def test_processors_are_kept_by_affinity(
    stage: Stage, tmp_path: Path, process: subprocess.Popen[bytes]
) -> None:
    stage.use(guard=ResourceGuard(lambda: "off"))
    run = Run(stage, tmp_path, limits={"cpus": 1})
    run.supervisor.start()
    await run.reached(State.READY)
    assert len(psutil.Process(process.pid).cpu_affinity()) == 1
    await run.supervisor.stop()


@pytest.fixture
def home(tmp_path: Path) -> CgroupHome:
    (tmp_path / "groups").mkdir()
    return CgroupHome(tmp_path / "groups", tmp_path / "groups", 2)


async def test_a_control_group_keeps_both_and_explains_the_end(
    stage: Stage, tmp_path: Path, home: CgroupHome
) -> None:
    guard = ResourceGuard(lambda: home)
    stage.use(guard=guard)
    run = Run(stage, tmp_path, limits={"memory": "50 MB", "cpus": 2})
    run.supervisor.start()
    await run.reached(State.READY)
    group = home.memory / f"imjoy-{run.instance.id}"
    assert (group / "cgroup.procs").read_text().strip() == str(stage.worker.pid)
    assert (group / "memory.max").read_text().strip() == "50000000"
    (group / "memory.events").write_text("oom_kill 1\n")
    stage.worker.end(None, "SIGKILL")
    await run.reached(State.FAILED)
    assert run.error["code"] == "memory-limit"
    assert run.error["message"] == (
        "The plugin ran out of memory, its limit is 50 MB; it was ended."
    )
    assert ended_in_words(run) == "stopped at its limit of memory (50 MB)"


async def test_without_a_limit_nothing_is_asked_or_watched(stage: Stage, tmp_path: Path) -> None:
    def never() -> str:
        raise AssertionError("nobody has a limit")

    stage.use(guard=ResourceGuard(never))
    run = Run(stage, tmp_path)
    run.supervisor.start()
    await run.reached(State.READY)
    worker: FakeWorker = stage.worker
    worker.end(0)
    assert await run.reached(State.STOPPED) is State.STOPPED

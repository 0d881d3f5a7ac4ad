from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from imjoy_engine.environments import EnvironmentLease
from imjoy_engine.plugins.instance import InstanceObserver, PluginInstance
from imjoy_engine.plugins.lifecycle import State
from imjoy_engine.plugins.manifest import PluginManifest
from imjoy_engine.plugins.spares import OutputTap, Spare, SpareInterpreters
from imjoy_engine.plugins.supervisor import PluginSupervisor
from imjoy_engine.processes import Ladder
from imjoy_engine.provisioners import LaunchSpec
from imjoy_engine.transport import WorkerListener
from support.clock import FakeClock
from support.workers import LIMITS, Stage, config

PREFIX = Path("/nowhere")


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with WorkerListener.listening(max_frame_bytes=1 << 20) as listener:
        stage = Stage(listener)
        yield stage
        for worker in stage.provisioner.workers:
            await worker.stop(Ladder.at_once())


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def spares(stage: Stage, clock: FakeClock) -> AsyncIterator[SpareInterpreters]:
    spares = SpareInterpreters(stage.provisioner, stage.tools.listener, LIMITS, clock)
    yield spares
    await spares.close()


def launch(stage: Stage, folder: str = "/work", **variables: str) -> LaunchSpec:
    return LaunchSpec(
        python=PREFIX / "bin/python",
        prefix=PREFIX,
        worker=Path("/nowhere/worker.pyz"),
        address=stage.tools.listener.address,
        ticket="",
        work_dir=Path(folder),
        environment=variables,
    )


async def lease() -> EnvironmentLease:
    return EnvironmentLease("key", PREFIX)


async def until(fact: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not fact():
            await asyncio.wait((asyncio.create_task(asyncio.to_thread(lambda: None)),))


async def waiting(
    spares: SpareInterpreters, clock: FakeClock, wanted: LaunchSpec, idle: int = 1
) -> None:
    """Have a spare for `wanted`, and return when it waits."""
    spares.keep(wanted, lease)
    await until(lambda: clock.sleeping == idle)
    clock.advance(LIMITS.spare_delay_s)
    await until(lambda: spares.idle == idle and clock.sleeping == idle)


async def test_a_spare_is_there_for_the_next_one_and_taken_once(stage, spares, clock):
    wanted = launch(stage)
    assert spares.take(wanted) is None
    await waiting(spares, clock, wanted)

    spare = spares.take(wanted)

    assert isinstance(spare, Spare)
    assert spare.arrival.channel.is_open
    assert spares.take(wanted) is None
    assert stage.provisioner.specs[0].ticket


async def test_it_waits_until_the_first_plugin_has_had_the_machine(stage, spares, clock):
    spares.keep(launch(stage), lease)
    await until(lambda: clock.sleeping == 1)

    assert stage.provisioner.workers == []


@pytest.mark.parametrize(
    "other",
    [{"folder": "/other"}, {"A": "1"}],
    ids=["another workspace", "another environment's variables"],
)
async def test_it_is_for_its_like_only(stage, spares, clock, other):
    await waiting(spares, clock, launch(stage))

    assert spares.take(launch(stage, **other)) is None
    assert spares.idle == 1


@pytest.mark.parametrize("name", ["LD_LIBRARY_PATH", "PYTHONPATH", "TZ"])
async def test_a_variable_that_must_be_there_from_the_start_needs_a_new_process(
    stage, spares, clock, name
):
    await waiting(spares, clock, launch(stage))

    assert spares.take(launch(stage), [name]) is None
    assert spares.take(launch(stage), ["OMP_NUM_THREADS"]) is not None


async def test_one_that_nobody_wants_ends(stage, spares, clock):
    await waiting(spares, clock, launch(stage))
    clock.advance(LIMITS.spare_idle_s)

    await until(lambda: "stop" in stage.journal)
    assert spares.take(launch(stage)) is None


async def test_there_are_never_more_than_the_limit_and_the_newest_stay(stage, clock):
    limits = replace(LIMITS, spare_interpreters=2)
    spares = SpareInterpreters(stage.provisioner, stage.tools.listener, limits, clock)
    for number in range(2):
        await waiting(spares, clock, launch(stage, f"/work{number}"), number + 1)
    spares.keep(launch(stage, "/work0"), lease)  # used again

    spares.keep(launch(stage, "/work2"), lease)
    await until(lambda: stage.journal.count("stop") == 1)

    assert spares.take(launch(stage, "/work1")) is None
    assert spares.take(launch(stage, "/work0")) is not None
    await spares.close()


async def test_none_is_kept_where_none_is_wanted(stage, clock):
    none = replace(LIMITS, spare_interpreters=0)
    spares = SpareInterpreters(stage.provisioner, stage.tools.listener, none, clock)

    spares.keep(launch(stage), lease)

    assert clock.sleeping == 0
    await spares.close()


async def test_one_that_dies_while_it_waits_is_not_handed_out(stage, spares, clock):
    await waiting(spares, clock, launch(stage))
    stage.worker.end(None, "SIGKILL")
    await until(lambda: spares.idle == 0)

    assert spares.take(launch(stage)) is None


async def test_after_close_nothing_lives_and_nothing_is_started(stage, spares, clock):
    await waiting(spares, clock, launch(stage))

    await spares.close()
    spares.keep(launch(stage, "/other"), lease)

    assert stage.journal == ["launch", "stop"]
    assert spares.idle == 0
    assert clock.sleeping == 0


async def test_an_environment_that_is_a_copy_of_its_own_gets_none(stage, spares, clock):
    async def copy() -> EnvironmentLease:
        return EnvironmentLease("key", Path("/elsewhere"))

    spares.keep(launch(stage), copy)
    await until(lambda: clock.sleeping == 1)
    clock.advance(LIMITS.spare_delay_s)

    await until(lambda: not spares._keepers)
    assert stage.provisioner.workers == []


def test_what_a_spare_printed_comes_first_and_is_bounded():
    tap, heard = OutputTap(), []
    for _ in range(100):
        tap("stderr", b"x" * 4096)

    tap.flow_to(lambda stream, chunk: heard.append((stream, chunk)))
    tap("stdout", b"now")

    assert heard[-1] == ("stdout", b"now")
    assert sum(len(chunk) for _, chunk in heard) < 100_000


async def test_the_second_plugin_of_an_environment_becomes_a_spare_and_is_told_its_variables(
    stage, spares, clock, tmp_path
):
    tools = replace(stage.tools, spares=spares)

    def plugin(**fields: object) -> tuple[PluginInstance, PluginSupervisor]:
        instance = PluginInstance(
            PluginManifest.from_config(config(**fields)),
            workspace="default",
            work_dir=tmp_path,
            log_dir=tmp_path / "logs",
            max_log_bytes=1 << 20,
            observer=InstanceObserver(lambda *_: None, lambda *_: None),
        )
        return instance, PluginSupervisor(instance, tools)

    first, supervisor = plugin()
    supervisor.start()
    await asyncio.wait_for(first.lifecycle.reached(State.READY), 20)
    await until(lambda: clock.sleeping == 1)
    clock.advance(LIMITS.spare_delay_s)
    await until(lambda: spares.idle == 1)
    secret = {"type": "variable", "options": {"API_KEY": "hidden"}}
    second, other = plugin(env=[secret])
    other.start()
    assert await asyncio.wait_for(second.lifecycle.reached(State.READY), 20) is State.READY

    assert len(stage.provisioner.workers) == 2
    assert "hidden" not in repr(stage.provisioner.specs)
    assert (await stage.worker.hears("welcome"))["variables"] == {"API_KEY": "hidden"}
    assert second.output.last_lines() == ["launched"]
    await supervisor.stop()
    await other.stop()

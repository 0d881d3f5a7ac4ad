from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from imjoy_engine.plugins.lifecycle import State
from imjoy_engine.resources import GpuLeases
from support.gpus import FakeProbe, gpu
from support.plugin_runs import Run
from support.workers import Stage


@pytest.fixture
async def leases() -> Any:
    leases = GpuLeases(FakeProbe(gpu(0)))
    yield leases
    await leases.close()


def run(stage: Stage, leases: GpuLeases, tmp_path: Path, **fields: Any) -> Run:
    stage.use(gpus=leases)
    return Run(stage, tmp_path, **fields)


async def test_a_plugin_sees_its_card_and_gives_it_back(
    stage: Stage, leases: GpuLeases, tmp_path: Path
) -> None:
    one = run(stage, leases, tmp_path, name="One", gpu=True)
    one.supervisor.start()
    await one.reached(State.READY)
    assert stage.provisioner.specs[-1].environment["CUDA_VISIBLE_DEVICES"] == "GPU-0"
    assert leases.holders() == {"GPU-0": ["One"]}
    assert "queued" not in one.states
    await one.supervisor.stop()
    assert leases.holders() == {}


async def test_a_plugin_waits_its_turn_and_says_so(
    stage: Stage, leases: GpuLeases, tmp_path: Path
) -> None:
    one = run(stage, leases, tmp_path, name="One", gpu=True)
    one.supervisor.start()
    await one.reached(State.READY)
    two = run(stage, leases, tmp_path, name="Two", env={"type": "gputil", "options": {"limit": 1}})
    three = run(stage, leases, tmp_path, name="Three", gpu=True)
    two.supervisor.start()
    await two.reached(State.QUEUED)
    three.supervisor.start()
    await three.reached(State.QUEUED)
    assert three.instance.queue_place is not None
    assert three.instance.queue_place.position == 2
    assert two.events[0]["detail"] == (
        "Waiting for a GPU: 1 of 1 in the queue. GPU 0 is held by One."
    )
    await two.supervisor.stop()
    assert two.states == ["queued", "queued", "stopped"]
    stage.worker.end(9)
    await asyncio.wait_for(three.reached(State.READY), 20)
    assert leases.holders() == {"GPU-0": ["Three"]}
    assert three.instance.queue_place is None
    await three.supervisor.stop()


async def test_who_needs_what_is_not_there_fails_with_a_way_out(
    stage: Stage, leases: GpuLeases, tmp_path: Path
) -> None:
    plugin = run(stage, leases, tmp_path, gpu=2)
    plugin.supervisor.start()
    await plugin.reached(State.FAILED)
    assert plugin.error["code"] == "no-gpu"
    assert plugin.error["hint"]
    assert stage.journal == []


async def test_who_only_prefers_one_runs_without_and_says_so(stage: Stage, tmp_path: Path) -> None:
    leases = GpuLeases(FakeProbe(reason="No NVIDIA driver is installed."))
    plugin = run(stage, leases, tmp_path, gpu={"required": False})
    plugin.supervisor.start()
    await plugin.reached(State.READY)
    assert stage.provisioner.specs[-1].environment["CUDA_VISIBLE_DEVICES"] == ""
    assert "it runs without one" in plugin.instance.output.last_lines()[0]
    await plugin.supervisor.stop()


async def test_a_failing_start_gives_the_card_back(
    stage: Stage, leases: GpuLeases, tmp_path: Path
) -> None:
    stage.provisioner.comes = False
    plugin = run(stage, leases, tmp_path, gpu=True)
    plugin.supervisor.start()
    await plugin.reached(State.STARTING)
    await asyncio.wait_for(stage.provisioner.launched.wait(), 20)
    stage.worker.end(1)
    await plugin.reached(State.FAILED)
    assert leases.holders() == {}

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from imjoy_engine.plugins.detached import DetachedPlugins
from imjoy_engine.plugins.lifecycle import State
from imjoy_engine.plugins.pool import PluginPool
from imjoy_engine.plugins.supervisor import PluginSupervisor
from imjoy_engine.resources import GpuLeases
from imjoy_engine.transport import WorkerListener
from support.gpus import FakeProbe, gpu
from support.plugin_runs import Run
from support.workers import Stage


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with WorkerListener.listening(max_frame_bytes=1 << 20) as listener:
        stage = Stage(listener)
        detached = DetachedPlugins(tmp_path / "detached", limit_s=60)
        stage.tools = replace(stage.tools, detached=detached)
        yield stage


def lasting(stage: Stage, tmp_path: Path) -> Run:
    return Run(stage, tmp_path, flags=["allow-detach"])


def records(stage: Stage) -> DetachedPlugins:
    assert stage.tools.detached is not None
    return stage.tools.detached


async def test_what_may_detach_is_on_record_while_it_runs(stage: Stage, tmp_path: Path) -> None:
    run = lasting(stage, tmp_path)
    run.supervisor.start()
    await run.reached(State.READY)
    (record,) = await records(stage).all()
    assert (record.instance, record.peer_id) == (run.instance.id, run.instance.peer_id)
    assert record.manifest.may_detach
    assert record.keeper_pid == os.getpid()
    assert run.instance.secret not in repr(record)
    welcome = await stage.worker.hears("welcome")
    assert welcome["outlast"]["secret"] == run.instance.secret
    file = records(stage).directory_of(run.instance.id) / "record.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert stage.worker.is_kept
    await run.supervisor.stop()
    assert await records(stage).all() == []


async def test_a_plugin_whose_record_is_damaged_is_said_with_the_way_out(
    stage: Stage, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = records(stage).directory_of("i_1")
    directory.mkdir(parents=True)
    (directory / "record.json").write_bytes(b'{"version": 1')
    assert await records(stage).all() == []
    assert "Nothing runs there." in caplog.text
    with socket.socket(socket.AF_UNIX) as keeper:
        monkeypatch.chdir(directory)  # its whole path may be too long for a socket
        keeper.bind("keeper.sock")
        keeper.listen()
        assert await records(stage).all() == []
    assert f"`kill {os.getpid()}` ends it" in caplog.text


async def test_what_may_not_leaves_no_trace(stage: Stage, tmp_path: Path) -> None:
    run = Run(stage, tmp_path)
    run.supervisor.start()
    await run.reached(State.READY)
    assert await records(stage).all() == []
    assert "outlast" not in await stage.worker.hears("welcome")
    assert await run.supervisor.leave() is None
    await run.supervisor.stop()


async def test_the_next_engine_finds_it_under_its_old_identity(
    stage: Stage, tmp_path: Path
) -> None:
    run = lasting(stage, tmp_path)
    run.supervisor.start()
    await run.reached(State.READY)
    first = stage.worker
    assert await run.supervisor.leave() == os.getpid()
    assert run.instance.state is State.READY
    assert stage.journal == ["lease", "launch", "leave", "release"]

    (record,) = await records(stage).all()
    again = lasting(stage, tmp_path)
    again.instance.resume(record.instance, record.peer_id, record.secret)
    again.supervisor = PluginSupervisor(again.instance, stage.tools, record, ["w_other"])
    again.supervisor.start()
    await again.reached(State.STARTING)
    await first.comes_back(records(stage).address_file(record.instance), record.secret)
    assert await again.reached(State.READY) is State.READY
    assert again.states == ["starting", "ready"]
    assert again.instance.pid == first.pid
    welcome = await first.hears("welcome")
    assert welcome["peer_id"] == run.instance.peer_id
    assert welcome["workers"] == ["w_other"]
    await again.supervisor.stop()
    assert again.states[-1] == "stopped"
    assert await records(stage).all() == []


async def test_what_ended_meanwhile_is_said(stage: Stage, tmp_path: Path) -> None:
    run = lasting(stage, tmp_path)
    run.supervisor.start()
    await run.reached(State.READY)
    await run.supervisor.leave()
    (record,) = await records(stage).all()
    directory = records(stage).directory_of(record.instance)
    (directory / "ending").write_text("started 7\nexited 7 3 - 1024 1.5\ngone\n")
    stage.provisioner.workers.clear()
    again = lasting(stage, tmp_path)
    again.instance.resume(record.instance, record.peer_id, record.secret)
    again.supervisor = PluginSupervisor(again.instance, stage.tools, record)
    again.supervisor.start()
    assert await again.reached(State.FAILED) is State.FAILED
    assert again.error["message"] == "The plugin ended while no engine ran: exited with code 3."
    assert again.instance.exit is not None
    assert again.instance.exit["exit_code"] == 3
    assert not directory.exists()


async def test_one_that_never_comes_back_can_be_stopped(stage: Stage, tmp_path: Path) -> None:
    run = lasting(stage, tmp_path)
    run.supervisor.start()
    await run.reached(State.READY)
    await run.supervisor.leave()
    (record,) = await records(stage).all()
    again = lasting(stage, tmp_path)
    again.instance.resume(record.instance, record.peer_id, record.secret)
    again.supervisor = PluginSupervisor(again.instance, stage.tools, record)
    again.supervisor.start()
    await again.reached(State.STARTING)
    await again.supervisor.stop()
    assert again.states == ["starting", "stopped"]


async def test_one_that_is_found_holds_its_card_before_anybody_can_ask_for_it(
    stage: Stage, tmp_path: Path
) -> None:
    stage.use(gpus=GpuLeases(FakeProbe(gpu(0))))
    run = Run(stage, tmp_path, flags=["allow-detach"], gpu=True)
    run.supervisor.start()
    await run.reached(State.READY)
    await run.supervisor.leave()

    of_the_next = GpuLeases(FakeProbe(gpu(0)))
    stage.use(gpus=of_the_next)
    pool = PluginPool(
        stage.tools,
        log_dir=tmp_path / "logs",
        on_event=lambda *_: None,
        on_frame=lambda *_: None,
    )
    ((instance, begin),) = await pool.found()
    assert of_the_next.holders() == {"GPU-0": ["P"]}
    begin()
    await instance.lifecycle.reached(State.STARTING)
    assert of_the_next.holders() == {"GPU-0": ["P"]}
    await pool.stop(instance)
    assert of_the_next.holders() == {}


@pytest.mark.parametrize("content", [b"", b"{", b'{"version": 99}', b'{"version": 1}', b"[]"])
async def test_a_record_that_cannot_be_read_is_said_and_left(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    directory = tmp_path / "i_1"
    directory.mkdir()
    (directory / "record.json").write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert await DetachedPlugins(tmp_path, 60).all() == []
    assert str(directory) in caplog.text
    assert directory.exists()


async def test_a_place_without_a_record_is_cleared(tmp_path: Path) -> None:
    (tmp_path / "i_1").mkdir()
    (tmp_path / "i_1" / "record.new").write_bytes(b"half a rec")
    assert await DetachedPlugins(tmp_path, 60).all() == []
    assert not (tmp_path / "i_1").exists()


async def test_a_writer_that_is_killed_leaves_a_record_that_can_be_read(tmp_path: Path) -> None:
    target = tmp_path / "i_1"
    for number in range(12):
        writer = await asyncio.create_subprocess_exec(
            sys.executable, "-c", WRITER, str(tmp_path), stdout=asyncio.subprocess.PIPE
        )
        assert writer.stdout is not None
        await writer.stdout.readexactly(1 + number)
        writer.kill()
        await writer.wait()
        assert (target / "record.json").read_bytes().endswith(b"}")
        (record,) = await DetachedPlugins(tmp_path, 60).all()
        assert len(record.config["filling"]) == 1 << 20


WRITER = """
import os, sys
from pathlib import Path
from imjoy_engine.plugins.detached import DetachedPlugins, DetachedRecord
store = DetachedPlugins(Path(sys.argv[1]), 60)
config = {"name": "P", "filling": "x" * (1 << 20)}
record = DetachedRecord("i_1", "w_1", "s", "default", "/", config, "boot 7 1", 8)
while True:
    store._write(record)
    os.write(1, b".")
"""

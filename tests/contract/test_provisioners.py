"""What every provisioner promises, whatever the place where it starts workers."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pytest

from imjoy_engine.errors import PluginStartError
from imjoy_engine.processes import Ladder
from imjoy_engine.provisioners import LaunchSpec, LocalProvisioner, Provisioner, WorkerProcess
from support.fakes import FakeProvisioner, FakeWorker

LADDER = Ladder(interrupt_s=5.0)


class Place(Protocol):
    """A provisioner with a way to make its workers do something."""

    provisioner: Provisioner

    async def order(self, worker: WorkerProcess, spec: LaunchSpec, what: str) -> None: ...


class Here:
    """Real processes: a worker that reads its orders from a pipe in its work directory."""

    PROGRAM = """
import sys
while True:
    with open("orders") as orders:
        for line in orders:
            kind, _, rest = line.strip().partition(" ")
            if kind == "exit":
                sys.exit(int(rest))
            sys.stdout.write(rest)
"""

    def __init__(self, directory: Path) -> None:
        self.provisioner = LocalProvisioner({"PATH": os.defpath})
        os.mkfifo(directory / "orders")
        (directory / "worker.py").write_text(self.PROGRAM)

    async def order(self, worker: WorkerProcess, spec: LaunchSpec, what: str) -> None:
        await asyncio.to_thread((spec.work_dir / "orders").write_text, what + "\n")


class Nowhere:
    """No processes at all."""

    def __init__(self, directory: Path) -> None:
        self.provisioner = FakeProvisioner()
        (directory / "worker.py").touch()

    async def order(self, worker: WorkerProcess, spec: LaunchSpec, what: str) -> None:
        assert isinstance(worker, FakeWorker)
        kind, _, rest = what.partition(" ")
        if kind == "exit":
            worker.exits(int(rest))
        else:
            worker.prints(rest)


@pytest.fixture(params=[Here, Nowhere])
def place(request, tmp_path) -> Place:
    return request.param(tmp_path)


@pytest.fixture
def spec(tmp_path) -> LaunchSpec:
    return LaunchSpec(
        python=Path(sys.executable),
        prefix=Path(sys.prefix),
        worker=tmp_path / "worker.py",
        address="unix:/nowhere",
        ticket="one-time",
        work_dir=tmp_path,
    )


@pytest.fixture
async def launch(place, spec):
    """Launch a worker that is stopped when the test ends; its output lands in `launch.text`."""
    workers: list[WorkerProcess] = []

    async def start(on_output: Callable[..., None] = lambda stream, chunk: None) -> WorkerProcess:
        worker = await place.provisioner.launch(spec, on_output)
        workers.append(worker)
        return worker

    yield start
    for worker in workers:
        await worker.stop(Ladder.at_once())


Launch = Callable[..., Awaitable[WorkerProcess]]


async def test_a_launched_worker_has_a_process_id(launch: Launch):
    assert (await launch()).pid > 1


async def test_an_end_is_reported_to_all_who_wait(place: Place, spec, launch: Launch):
    worker = await launch()
    waiting = [asyncio.create_task(worker.wait()) for _ in range(2)]
    await place.order(worker, spec, "exit 3")

    first, second = await asyncio.gather(*waiting)

    assert first == second == await worker.wait()
    assert (first.pid, first.exit_code, first.signal) == (worker.pid, 3, None)


async def test_what_it_prints_arrives_before_its_end(place: Place, spec, launch: Launch):
    printed: list[tuple[str, bytes]] = []
    worker = await launch(lambda stream, chunk: printed.append((stream, chunk)))
    await place.order(worker, spec, "print hello")
    await place.order(worker, spec, "exit 0")

    await worker.wait()

    assert {stream for stream, _ in printed} == {"stdout"}
    assert b"".join(chunk for _, chunk in printed) == b"hello"


async def test_a_stop_ends_it(launch: Launch):
    worker = await launch()

    report = await worker.stop(LADDER)

    assert report == await worker.wait()
    assert report.words.startswith("stopped on request")


async def test_a_stop_may_be_repeated(launch: Launch):
    worker = await launch()

    assert await worker.stop(LADDER) == await worker.stop(Ladder.at_once())


async def test_a_stop_after_the_end_tells_the_true_end(place: Place, spec, launch: Launch):
    worker = await launch()
    await place.order(worker, spec, "exit 4")
    await worker.wait()

    assert (await worker.stop(LADDER)).exit_code == 4


async def test_a_cancelled_wait_ends_nothing(place: Place, spec, launch: Launch):
    worker = await launch()
    waiting = asyncio.create_task(worker.wait())
    await asyncio.wait((waiting,), timeout=0)
    waiting.cancel()
    await asyncio.wait((waiting,))

    await place.order(worker, spec, "exit 5")

    assert (await worker.wait()).exit_code == 5


async def test_a_work_directory_that_cannot_be_made_is_a_start_error(
    place: Place, spec: LaunchSpec
):
    broken = replace(spec, work_dir=spec.worker / "missing")

    with pytest.raises(PluginStartError, match="missing"):
        await place.provisioner.launch(broken, lambda stream, chunk: None)


async def test_a_work_directory_that_is_not_there_is_made(place: Place, spec: LaunchSpec):
    fresh = replace(spec, work_dir=spec.work_dir / "fresh")

    worker = await place.provisioner.launch(fresh, lambda stream, chunk: None)
    await worker.stop(Ladder.at_once())

    assert fresh.work_dir.is_dir()


def test_a_ticket_is_not_shown(spec):
    assert "one-time" not in repr(spec)

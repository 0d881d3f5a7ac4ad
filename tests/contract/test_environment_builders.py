"""What every builder of environments promises, whatever its tool."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

import psutil
import pytest

from imjoy_engine.environments import EnvironmentSpec, Package, Phase, Progress, UvBuilder
from imjoy_engine.environments.builder import Attempt, EnvironmentBuilder
from imjoy_engine.environments.lock import Lock
from imjoy_engine.errors import NoSuchPackageError
from support.builders import FakeBuilder
from support.packages import PackageIndex, make_wheel


class Workshop(Protocol):
    """A builder that knows the packages tiny-one 1.0 and tiny-two 1.5, and can be held up."""

    builder: EnvironmentBuilder

    def hold(self) -> None: ...

    async def held(self) -> None: ...


class WithUv:
    def __init__(self, folder: Path, index: PackageIndex) -> None:
        variables = {"PATH": os.defpath, "HOME": str(folder), "PIP_INDEX_URL": index.url}
        self.builder = UvBuilder(folder / "cache", variables)
        self._index = index

    def hold(self) -> None:
        self._index.gate.clear()

    async def held(self) -> None:
        await self._index.stalled.wait()


class InMemory:
    def __init__(self, folder: Path, index: PackageIndex) -> None:
        self.builder = FakeBuilder(**{"tiny-one": "1.0", "tiny-two": "1.5"})

    def hold(self) -> None:
        self.builder.gate.clear()

    async def held(self) -> None:
        await self.builder.building.wait()


@pytest.fixture(params=[WithUv, InMemory])
async def workshop(request, short_dir) -> AsyncIterator[Workshop]:
    make_wheel(short_dir, "tiny-one", "1.0", size_bytes=1_500_000)
    make_wheel(short_dir, "tiny-two", "1.5")
    async with PackageIndex(short_dir) as index:
        yield request.param(short_dir, index)


@pytest.fixture
def attempt(short_dir) -> Attempt:
    scratch = short_dir / "scratch"
    scratch.mkdir()
    return Attempt(scratch, Told())


@pytest.fixture
def prefix(short_dir) -> Path:
    (short_dir / "envs").mkdir()
    return short_dir / "envs" / "k"


class Told:
    """Keeps what it was told."""

    def __init__(self) -> None:
        self.phases: list[Phase] = []

    def __call__(self, progress: Progress) -> None:
        self.phases.append(progress.phase)


SPEC = EnvironmentSpec(pip=("tiny-one", "tiny-two"))


async def test_it_has_a_name_and_knows_its_machine(workshop: Workshop):
    assert workshop.builder.name
    assert workshop.builder.machine == workshop.builder.machine != ""


async def test_a_wish_becomes_pinned_versions(workshop: Workshop, attempt):
    lock = await workshop.builder.resolve(SPEC, attempt)

    assert lock.packages == (Package("tiny-one", "1.0"), Package("tiny-two", "1.5"))
    assert Phase.RESOLVE in attempt.on_progress.phases
    assert attempt.log[0].startswith("$ ")


async def test_no_wish_is_an_empty_lock(workshop: Workshop, attempt):
    assert await workshop.builder.resolve(EnvironmentSpec(), attempt) == Lock("")


async def test_an_unknown_package_is_named_with_the_tools_words(workshop: Workshop, attempt):
    with pytest.raises(NoSuchPackageError, match="tiny-three") as caught:
        await workshop.builder.resolve(EnvironmentSpec(pip=("tiny-three",)), attempt)

    assert caught.value.log_tail.startswith("$ ")


async def test_a_lock_becomes_an_interpreter(workshop: Workshop, attempt, prefix):
    lock = await workshop.builder.resolve(SPEC, attempt)

    await workshop.builder.build(lock, prefix, attempt, allow_build=False)

    assert (prefix / "bin" / "python").exists()
    assert Phase.LINK in attempt.on_progress.phases


async def test_an_empty_lock_becomes_an_interpreter(workshop: Workshop, attempt, prefix):
    await workshop.builder.build(Lock(""), prefix, attempt, allow_build=False)

    assert (prefix / "bin" / "python").exists()


async def test_a_cancelled_build_leaves_no_process(workshop: Workshop, attempt, prefix):
    lock = await workshop.builder.resolve(SPEC, attempt)
    workshop.hold()
    building = asyncio.create_task(workshop.builder.build(lock, prefix, attempt, allow_build=False))
    await workshop.held()
    building.cancel()

    with pytest.raises(asyncio.CancelledError):
        await building

    assert psutil.Process().children(recursive=True) == []

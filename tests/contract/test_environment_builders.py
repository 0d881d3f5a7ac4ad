"""What every builder of environments promises, whatever its tool."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import psutil
import pytest

from imjoy_engine.environments import (
    CondaBuilder,
    EnvironmentSpec,
    ExistingBuilder,
    Package,
    PackedBuilder,
    Phase,
    Progress,
    UvBuilder,
)
from imjoy_engine.environments.builder import Attempt, EnvironmentBuilder
from imjoy_engine.environments.lock import Lock
from imjoy_engine.errors import NoSuchPackageError
from support.builders import FakeBuilder
from support.conda_channel import ChannelServer, make_channel
from support.existing import make_environment
from support.packages import PackageIndex, make_wheel
from support.within import within_a_second


class Workshop(Protocol):
    """A builder that knows the packages tiny-one 1.0 and tiny-two 1.5, and can be held up.

    `start` is what every wish of it has.
    """

    builder: EnvironmentBuilder
    start: EnvironmentSpec

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    def hold(self) -> None: ...

    async def held(self) -> None: ...


class WithUv:
    start = EnvironmentSpec(pip=("tiny-one", "tiny-two"))

    def __init__(self, folder: Path, channel: Path) -> None:
        make_wheel(folder, "tiny-one", "1.0", size_bytes=1_500_000)
        make_wheel(folder, "tiny-two", "1.5")
        self._folder = folder
        self._index = PackageIndex(folder)

    async def open(self) -> None:
        await self._index.__aenter__()
        variables = {
            "PATH": os.defpath,
            "HOME": str(self._folder),
            "PIP_INDEX_URL": self._index.url,
        }
        self.builder = UvBuilder(self._folder / "cache", variables)

    async def close(self) -> None:
        await self._index.__aexit__()

    def hold(self) -> None:
        self._index.gate.clear()

    async def held(self) -> None:
        await self._index.stalled.wait()


class WithConda:
    def __init__(self, folder: Path, channel: Path) -> None:
        self._folder = folder
        self._server = ChannelServer(channel)

    async def open(self) -> None:
        await self._server.__aenter__()
        variables = {"PATH": os.defpath, "HOME": str(self._folder)}
        uv = UvBuilder(self._folder / "cache", variables)
        self.builder = CondaBuilder(self._folder / "rattler", variables, uv)
        self.start = EnvironmentSpec(
            conda=("tiny-one", "tiny-two=1.5"), channels=(self._server.url,)
        )

    async def close(self) -> None:
        await self._server.__aexit__()

    def hold(self) -> None:
        self._server.gate.clear()

    async def held(self) -> None:
        await self._server.stalled.wait()


class OnPipe:
    """Is held up by a program that opens a named pipe and then waits."""

    def __init__(self, folder: Path, channel: Path) -> None:
        self._folder = folder
        self._pipe = folder / "pipe"
        os.mkfifo(self._pipe)

    async def close(self) -> None:
        pass

    async def held(self) -> None:
        await asyncio.to_thread(self._pipe.read_bytes)


class Existing(OnPipe):
    async def open(self) -> None:
        variables = {"PATH": os.defpath, "HOME": str(self._folder)}
        self._place = self._folder / "place"
        await asyncio.to_thread(
            make_environment, self._place, {"tiny-one": "1.0", "tiny-two": "1.5"}
        )
        self.builder = ExistingBuilder(variables, "this machine")
        self.start = EnvironmentSpec(existing=str(self._place), pip=("tiny-one", "tiny-two"))

    def hold(self) -> None:
        program = self._place / "bin" / "python"
        program.unlink()
        program.write_text(f"#!/bin/sh\n: > {self._pipe}\nexec sleep 60\n")
        program.chmod(0o755)


HELD_UP = """
import os, time
if os.path.exists({hold!r}):
    open({pipe!r}, "w").close()
    time.sleep(60)
"""


class Packed(OnPipe):
    async def open(self) -> None:
        variables = {"PATH": os.defpath, "HOME": str(self._folder)}
        uv = UvBuilder(self._folder / "cache", variables)
        self.builder = PackedBuilder(variables, uv)
        self.start = EnvironmentSpec(packed=str(self._folder / "packed.tar"))
        self._pack(HELD_UP.format(hold=str(self._folder / "hold"), pipe=str(self._pipe)))

    def hold(self) -> None:
        (self._folder / "hold").touch()

    def _pack(self, script: str) -> None:
        place = self._folder / "place"
        (place / "conda-meta").mkdir(parents=True)
        (place / "bin").mkdir()
        for name in ("tiny-one-1.0-py_0", "tiny-two-1.5-py_0"):
            (place / "conda-meta" / f"{name}.json").write_text("{}")
        shutil.copy(Path(sys.executable).resolve(), place / "bin" / "python")
        home = Path(sys.executable).resolve().parent
        (place / "pyvenv.cfg").write_text(f"home = {home}\n")
        (place / "bin" / "conda-unpack").write_text(script)
        with tarfile.open(self._folder / "packed.tar", "w") as tar:
            for path in sorted(place.rglob("*")):
                if path.is_file():
                    tar.add(path, path.relative_to(place))


class InMemory:
    start = EnvironmentSpec(pip=("tiny-one", "tiny-two"))

    def __init__(self, folder: Path, channel: Path) -> None:
        self.builder = FakeBuilder(**{"tiny-one": "1.0", "tiny-two": "1.5"})

    async def open(self) -> None:
        pass

    async def close(self) -> None:
        pass

    def hold(self) -> None:
        self.builder.gate.clear()

    async def held(self) -> None:
        await self.builder.building.wait()


@pytest.fixture(scope="module")
def channel() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="ij-channel-"))
    make_channel(folder)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(params=[WithUv, WithConda, Existing, Packed, InMemory])
async def workshop(request, short_dir, channel) -> AsyncIterator[Workshop]:
    workshop = request.param(short_dir, channel)
    await workshop.open()
    yield workshop
    await workshop.close()


BUILDING = pytest.mark.parametrize("workshop", [WithUv, InMemory], indirect=True)
CHOOSING = pytest.mark.parametrize(
    "workshop", [WithUv, WithConda, Existing, InMemory], indirect=True
)


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


async def test_it_has_a_name_and_knows_its_machine(workshop: Workshop):
    assert workshop.builder.name
    assert workshop.builder.machine == workshop.builder.machine != ""


async def test_a_wish_becomes_pinned_versions(workshop: Workshop, attempt):
    lock = await workshop.builder.resolve(workshop.start, attempt)

    assert {Package("tiny-one", "1.0"), Package("tiny-two", "1.5")} <= set(lock.packages)
    assert lock.builder in ("", workshop.builder.name)
    assert Phase.RESOLVE in attempt.on_progress.phases
    # The exact command, or what is looked into without one.
    assert attempt.log[0].startswith(("$ ", "Looking into /"))


async def test_the_same_wish_becomes_the_same_lock(workshop: Workshop, attempt):
    first = await workshop.builder.resolve(workshop.start, attempt)

    assert await workshop.builder.resolve(workshop.start, attempt) == first
    assert Lock.from_record(first.as_record()) == first


@BUILDING
async def test_no_wish_is_an_empty_lock(workshop: Workshop, attempt):
    assert await workshop.builder.resolve(EnvironmentSpec(), attempt) == Lock("")


@CHOOSING
async def test_an_unknown_package_is_named_with_the_tools_words(workshop: Workshop, attempt):
    field = "conda" if workshop.start.conda else "pip"
    spec = replace(workshop.start, **{field: ("tiny-three",)})

    with pytest.raises(NoSuchPackageError, match="tiny-three") as caught:
        await workshop.builder.resolve(spec, attempt)

    assert caught.value.log_tail.startswith("$ ")


async def test_a_lock_becomes_an_interpreter(workshop: Workshop, attempt, prefix):
    lock = await workshop.builder.resolve(workshop.start, attempt)

    await workshop.builder.build(lock, prefix, attempt, allow_build=False)

    program = prefix / "bin" / "python"
    argv = [program, "-I", "-c", "print('it runs')"]
    done = await asyncio.to_thread(subprocess.run, argv, capture_output=True, check=True)
    assert done.stdout == b"it runs\n"
    assert Phase.LINK in attempt.on_progress.phases


@BUILDING
async def test_an_empty_lock_becomes_an_interpreter(workshop: Workshop, attempt, prefix):
    await workshop.builder.build(Lock(""), prefix, attempt, allow_build=False)

    assert (prefix / "bin" / "python").exists()


async def test_a_cancelled_build_leaves_no_process_within_a_second(
    workshop: Workshop, attempt, prefix
):
    lock = await workshop.builder.resolve(workshop.start, attempt)
    workshop.hold()
    earlier = set(psutil.Process().children(recursive=True))
    building = asyncio.create_task(workshop.builder.build(lock, prefix, attempt, allow_build=False))
    await workshop.held()
    async with within_a_second():
        building.cancel()
        with pytest.raises(asyncio.CancelledError):
            await building

    assert set(psutil.Process().children(recursive=True)) <= earlier

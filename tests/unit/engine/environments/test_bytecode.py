from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path

import pytest

from imjoy_engine.environments import (
    BytecodeCompiler,
    EnvironmentLease,
    EnvironmentSpec,
    EnvironmentStore,
    Owner,
    UvBuilder,
)
from support.clock import FakeClock
from support.packages import make_wheel


class Workplace:
    def __init__(self, folder: Path) -> None:
        make_wheel(folder, "tiny-two", "1.5")
        self.machine = {
            "PATH": os.defpath,
            "HOME": str(folder),
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(folder),
        }
        self.root = folder / "store"
        self.store = EnvironmentStore(self.root, UvBuilder(self.root / "uv", self.machine))

    async def lease(self, *commands: str) -> EnvironmentLease:
        async def allow(_: tuple[str, ...]) -> bool:
            return True

        spec = EnvironmentSpec(pip=("tiny-two",), commands=commands)
        return await self.store.ensure(spec, lambda progress: None, Owner("x", None, allow))

    def compiler(self, clock: FakeClock | None = None) -> BytecodeCompiler:
        return BytecodeCompiler(self.root, self.machine, clock, delay_s=5.0 if clock else 0.0)


@pytest.fixture
def place(short_dir) -> Workplace:
    return Workplace(short_dir)


def compiled(lease: EnvironmentLease) -> list[Path]:
    return list(lease.prefix.rglob("site-packages/__pycache__/tiny_two.*.pyc"))


async def test_what_was_used_is_compiled_and_protected_again(place):
    with await place.lease() as lease:
        compiler = place.compiler()
        compiler.want(lease.key)
        await compiler.finished()

        (file,) = compiled(lease)
        assert not file.parent.stat().st_mode & 0o222
        argv = [lease.python, "-I", "-v", "-c", "import tiny_two"]
        run = await asyncio.to_thread(subprocess.run, argv, capture_output=True, text=True)
        assert f"# {file} matches" in run.stderr


async def test_the_plugin_that_was_started_has_the_machine_first(place):
    clock = FakeClock()
    with await place.lease() as lease:
        compiler = place.compiler(clock)
        compiler.want(lease.key)
        await clock.slept.wait()
        assert compiled(lease) == []

        clock.advance(5)
        await compiler.finished()
        assert len(compiled(lease)) == 1


async def test_it_is_done_once(place):
    with await place.lease() as lease:
        key = lease.key
    compiler = place.compiler()
    compiler.want(key)
    await compiler.finished()
    again = place.compiler(FakeClock())

    again.want(key)
    await again.finished()  # It does not even wait for its turn.

    (place.root / "envs" / key / ".imjoy-env.json").chmod(0o644)
    await asyncio.to_thread(place.store._shelf.discard, place.root / "envs" / key)
    with await place.lease() as lease:
        assert compiled(lease) == []
        third = place.compiler()
        third.want(key)
        await third.finished()
        assert len(compiled(lease)) == 1


async def test_a_private_environment_is_left_to_its_plugin(place):
    with await place.lease("true") as lease:
        compiler = place.compiler()
        compiler.want(lease.key)
        await compiler.finished()

        assert compiled(lease) == []


async def test_one_that_is_gone_or_never_was_is_passed_over(place):
    compiler = place.compiler()

    compiler.want("nothing")
    await compiler.finished()


async def test_closed_it_ends_at_once(place):
    clock = FakeClock()
    with await place.lease() as lease:
        compiler = place.compiler(clock)
        compiler.want(lease.key)
        await clock.slept.wait()

        await compiler.close()

        assert compiled(lease) == []

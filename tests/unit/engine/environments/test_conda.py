from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from imjoy_engine.environments import (
    Builders,
    CondaBuilder,
    EnvironmentLease,
    EnvironmentSpec,
    EnvironmentStore,
    Package,
    Phase,
    Progress,
    UvBuilder,
)
from imjoy_engine.errors import (
    EnvironmentBuildError,
    IndexUnreachableError,
    MachineError,
    NoSuchPackageError,
    PythonNotFoundError,
    RequirementsConflictError,
)
from support.conda_channel import PYTHON_VERSION, make_channel
from support.packages import make_wheel


@pytest.fixture(scope="module")
def channel() -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="ij-channel-"))
    yield make_channel(folder)
    shutil.rmtree(folder)


class Workplace:
    """A store whose conda packages come from a folder, and its pip packages from another."""

    def __init__(self, folder: Path, channel: str, **variables: str) -> None:
        self.root = folder / "store"
        self.channel = channel
        self.told: list[Progress] = []
        machine = {
            "PATH": os.defpath,
            "HOME": str(folder),
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(folder),
            **variables,
        }
        uv = UvBuilder(folder / "cache", machine)
        builders = Builders(uv, CondaBuilder(folder / "rattler", machine, uv))
        self.store = EnvironmentStore(self.root, builders)

    async def ensure(self, *conda: str, **options: object) -> EnvironmentLease:
        wanted = {"channels": (self.channel,), **options}
        spec = EnvironmentSpec(conda=tuple(sorted(conda)), **wanted)
        return await self.store.ensure(spec, self.told.append)

    async def fails(self, *conda: str, **options: object) -> EnvironmentBuildError:
        with pytest.raises(EnvironmentBuildError) as caught:
            await self.ensure(*conda, **options)
        left = self.root / "envs"
        assert not left.exists() or not any(left.iterdir())
        assert caught.value.hint
        return caught.value


@pytest.fixture
def place(short_dir, channel) -> Workplace:
    make_wheel(short_dir, "from-pip", "3.0", requires=("tiny-two",))
    make_wheel(short_dir, "tiny-two", "1.5")
    make_wheel(short_dir, "tiny-two", "2.0")
    return Workplace(short_dir, channel)


async def said(lease: EnvironmentLease, code: str) -> str:
    argv = [str(lease.python), "-I", "-c", code]
    done = await asyncio.to_thread(subprocess.run, argv, check=True, capture_output=True, text=True)
    return done.stdout.strip()


async def test_packages_with_what_they_need_and_a_python_are_there(place):
    with await place.ensure("tiny-one") as lease:
        words = await said(
            lease, "import sys, tiny_one, tiny_two; print(sys.prefix, tiny_two.version)"
        )

    assert words == f"{lease.prefix} 2.0"
    assert lease.packages == (
        Package("python", PYTHON_VERSION),
        Package("tiny-one", "1.0"),
        Package("tiny-two", "2.0"),
    )
    phases = list(dict.fromkeys(progress.phase for progress in place.told))
    assert phases == [Phase.RESOLVE, Phase.DOWNLOAD, Phase.LINK, Phase.VERIFY, Phase.READY]


async def test_the_part_of_pip_takes_what_conda_has(place):
    with await place.ensure("needs-old", pip=("from-pip",)) as lease:
        words = await said(
            lease, "import from_pip, tiny_two; print(from_pip.version, tiny_two.version)"
        )

    assert words == "3.0 1.5"
    assert Package("from-pip", "3.0") in lease.packages


async def test_the_second_time_nothing_is_done(place):
    (await place.ensure("tiny-one")).release()
    place.told.clear()

    (await place.ensure("tiny-one")).release()

    assert [progress.phase for progress in place.told] == [Phase.READY]


async def test_the_lock_has_versions_builds_and_hashes(place):
    with await place.ensure("tiny-two=1.5") as lease:
        manifest = json.loads((place.root / "manifests" / f"{lease.key}.json").read_text())

    assert manifest["builder"] == "conda"
    python, tiny = json.loads(manifest["lock"])["packages"]
    assert (tiny["version"], tiny["build"], len(tiny["sha256"])) == ("1.5", "py_0", 64)
    assert set(python) == {"name", "version", "build", "subdir", "sha256"}


@pytest.mark.parametrize(("cuda", "build"), [("12.4", "cuda_1"), ("", "cpu_0")])
async def test_the_build_for_what_the_machine_has(short_dir, channel, cuda, build):
    place = Workplace(short_dir, channel, CONDA_OVERRIDE_CUDA=cuda)

    with await place.ensure("gputool") as lease:
        assert await said(lease, "import gputool; print(gputool.build)") == build


async def test_an_asked_for_python(place):
    minor = PYTHON_VERSION.rpartition(".")[0]

    with await place.ensure("tiny-two", python=minor) as lease:
        assert Package("python", PYTHON_VERSION) in lease.packages


async def test_a_package_that_no_channel_has(place):
    error = await place.fails("tiny-three")

    assert isinstance(error, NoSuchPackageError)
    assert "tiny-three" in error.message
    assert "$ conda solve tiny-three" in error.log_tail


async def test_packages_that_exclude_each_other(place):
    error = await place.fails("needs-old", "tiny-two=2.0")

    assert isinstance(error, RequirementsConflictError)
    assert "needs-old" in error.log_tail


async def test_a_channel_that_is_not_there(place, short_dir):
    error = await place.fails("tiny-one", channels=(f"file://{short_dir}/no-channel",))

    assert isinstance(error, IndexUnreachableError)


async def test_a_python_that_is_too_old(place):
    assert isinstance(await place.fails("tiny-one", python="3.6"), PythonNotFoundError)


async def test_without_py_rattler_the_extra_is_named(place, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)

    with pytest.raises(MachineError) as caught:
        await place.ensure("tiny-one")

    assert "imjoy-engine[conda]" in caught.value.hint


async def test_a_changed_package_is_not_installed(short_dir):
    folder = short_dir / "channel"
    place = Workplace(short_dir, make_channel(folder))
    (await place.ensure("tiny-two")).release()
    shutil.rmtree(place.root / "envs")
    for file in (place.root / "specs").iterdir():
        record = json.loads(file.read_text())
        lock = json.loads(record["lock"])
        lock["packages"][1]["sha256"] = "0" * 64
        file.write_text(json.dumps({**record, "lock": json.dumps(lock)}))

    lease = await place.ensure("tiny-two")

    lease.release()
    logs = "".join(file.read_text() for file in (place.root / "log").iterdir())
    assert "tiny-two 2.0 is another file than before" in logs


async def test_a_cancelled_build_leaves_nothing(place):
    heard = asyncio.Event()
    spec = EnvironmentSpec(conda=("tiny-one",), channels=(place.channel,))
    building = asyncio.create_task(place.store.ensure(spec, lambda progress: heard.set()))
    await heard.wait()
    building.cancel()

    with pytest.raises(asyncio.CancelledError):
        await building

    assert psutil.Process().children(recursive=True) == []
    left = place.root / "envs"
    assert not left.exists() or not any(left.iterdir())

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import psutil
import pytest

from imjoy_engine.environments import (
    Builders,
    CondaBuilder,
    CondaSettings,
    EnvironmentLease,
    EnvironmentSpec,
    EnvironmentStore,
    Package,
    Phase,
    Progress,
    UvBuilder,
)
from imjoy_engine.environments.builder import Attempt
from imjoy_engine.environments.lock import Lock
from imjoy_engine.errors import (
    EnvironmentBuildError,
    IndexUnreachableError,
    MachineError,
    NoSuchPackageError,
    PythonNotFoundError,
    RequirementsConflictError,
)
from support.conda_channel import PYTHON_VERSION, ChannelServer, make_channel
from support.packages import make_wheel


@pytest.fixture(scope="module")
def channel() -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="ij-channel-"))
    yield make_channel(folder)
    shutil.rmtree(folder)


class NoPython:
    """A builder like uv, on a machine that has no interpreter and can fetch none."""

    name = "uv"
    machine = "a machine"

    async def resolve(self, spec: EnvironmentSpec, attempt: Attempt) -> Lock:
        raise PythonNotFoundError(f"Python {spec.python} is not here.", hint="Install it.")

    async def build(self, lock: Lock, prefix: Path, attempt: Attempt, *, allow_build: bool) -> None:
        raise AssertionError("nothing was resolved")


class Workplace:
    """A store whose conda packages come from a folder, and its pip packages from another."""

    def __init__(
        self,
        folder: Path,
        channel: str,
        cuda_version: Callable[[], Awaitable[str | None]] | None = None,
        settings: CondaSettings | None = None,
        **variables: str,
    ) -> None:
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
        more = {"cuda_version": cuda_version} if cuda_version else {}
        conda = CondaBuilder(folder / "rattler", machine, uv, settings=settings, **more)
        self.store = EnvironmentStore(self.root, Builders(uv, conda))
        self.without = EnvironmentStore(self.root, Builders(NoPython(), conda))

    async def ensure(self, *conda: str, **options: object) -> EnvironmentLease:
        wanted = {"channels": (self.channel,), **options}
        store = self.without if wanted.pop("uv_has_none", False) else self.store
        spec = EnvironmentSpec(conda=tuple(sorted(conda)), **wanted)
        return await store.ensure(spec, self.told.append)

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


@pytest.mark.parametrize(
    ("told", "build"), [("12.4", "cuda_1"), ("11.0", "cpu_0"), (None, "cpu_0")]
)
async def test_the_driver_says_which_cuda_there_is(short_dir, channel, told, build):
    async def cuda_version() -> str | None:
        return told

    place = Workplace(short_dir, channel, cuda_version)

    with await place.ensure("gputool") as lease:
        assert await said(lease, "import gputool; print(gputool.build)") == build


async def test_a_python_that_is_nowhere_else_comes_from_conda(place):
    lease = await place.ensure(python=PYTHON_VERSION, pip=("from-pip",), uv_has_none=True)

    with lease:
        words = await said(lease, "import sys, from_pip; print(sys.prefix, from_pip.version)")
    assert words == f"{lease.prefix} 3.0"
    assert Package("python", PYTHON_VERSION) in lease.packages


async def test_a_python_that_nobody_has_is_told_once(place):
    error = await place.fails(python="3.99", uv_has_none=True)

    assert isinstance(error, PythonNotFoundError)
    assert "A channel of conda does not have it either" in error.hint
    assert "$ conda solve" in error.log_tail


async def test_variables_of_its_packages(place):
    with await place.ensure("with-data") as lease:
        assert lease.variables["CONDA_PREFIX"] == str(lease.prefix)
        assert lease.variables["DATA_OF_IT"] == f"{lease.prefix}/share/data"


async def test_credentials_of_a_channel_reach_the_channel_and_nothing_else(short_dir, channel):
    async with ChannelServer(Path(channel.removeprefix("file://"))) as server:
        alias = server.url.replace("//", "//me:s3cr3t@")
        settings = CondaSettings([f"custom_channels: {{lab: {alias}/..}}"])
        place = Workplace(short_dir, channel, settings=settings)
        (Path(channel.removeprefix("file://")) / "lab").symlink_to(".")
        (await place.ensure("tiny-one", channels=("lab",))).release()
        with pytest.raises(NoSuchPackageError) as caught:
            await place.ensure("no-such-thing", channels=("lab",))

    assert "Basic bWU6czNjcjN0" in server.authorization
    kept = [place.root / name for name in ("manifests", "specs", "log")]
    texts = [file.read_text() for folder in kept for file in folder.iterdir()]
    assert not any("s3cr3t" in text for text in [*texts, str(place.told), caught.value.log_tail])


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
    earlier = set(psutil.Process().children(recursive=True))
    heard = asyncio.Event()
    spec = EnvironmentSpec(conda=("tiny-one",), channels=(place.channel,))
    building = asyncio.create_task(place.store.ensure(spec, lambda progress: heard.set()))
    await heard.wait()
    building.cancel()

    with pytest.raises(asyncio.CancelledError):
        await building

    assert set(psutil.Process().children(recursive=True)) <= earlier
    left = place.root / "envs"
    assert not left.exists() or not any(left.iterdir())

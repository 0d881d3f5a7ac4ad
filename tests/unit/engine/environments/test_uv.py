from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from imjoy_engine.config import process_environment
from imjoy_engine.environments import (
    EnvironmentLease,
    EnvironmentSpec,
    EnvironmentStore,
    Inventory,
    Phase,
    Progress,
    StoreLimits,
    UvBuilder,
)
from imjoy_engine.environments.builder import Attempt
from imjoy_engine.environments.interpreters import (
    Interpreter,
    best_interpreter,
    find_interpreters,
)
from imjoy_engine.environments.protect import remove_tree
from imjoy_engine.errors import (
    DiskFullError,
    EnvironmentBuildError,
    IndexUnreachableError,
    NoSuchPackageError,
    NoSuchVersionError,
    NoWheelError,
    PythonNotFoundError,
    RequirementsConflictError,
)
from support.full_disk import fill_the_disk
from support.packages import PackageIndex, make_sdist, make_wheel
from support.plugin_process import interpreters
from support.within import within_a_second


class Workplace:
    """A store, and the folder of wheels that its packages come from."""

    def __init__(self, folder: Path, root: str = "store", **variables: str) -> None:
        self.root = folder / root
        self.wheels = folder
        self.variables = {
            "PATH": os.defpath,
            "HOME": str(folder),
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(folder),
            "UV_HTTP_RETRIES": "0",
            **variables,
        }
        self.told: list[Progress] = []
        self.store = EnvironmentStore(self.root, UvBuilder(folder / "cache", self.variables))

    async def ensure(self, *pip: str, **options: object) -> EnvironmentLease:
        spec = EnvironmentSpec(pip=tuple(sorted(pip)), **options)
        return await self.store.ensure(spec, self.told.append)

    async def fails(self, *pip: str, **options: object) -> EnvironmentBuildError:
        with pytest.raises(EnvironmentBuildError) as caught:
            await self.ensure(*pip, **options)
        left = self.root / "envs"
        assert not left.exists() or not any(left.iterdir())
        assert caught.value.hint
        return caught.value

    def of(self, phase: Phase) -> list[Progress]:
        return [progress for progress in self.told if progress.phase == phase]


@pytest.fixture
def place(short_dir) -> Workplace:
    make_wheel(short_dir, "tiny-one", "1.0", requires=("tiny-two>=1",), size_bytes=1_500_000)
    make_wheel(short_dir, "tiny-two", "1.5")
    make_wheel(short_dir, "tiny-two", "2.0")
    make_wheel(short_dir, "needs-old", "1.0", requires=("tiny-two<2",))
    make_sdist(short_dir, "only-source", "1.0")
    return Workplace(short_dir)


@pytest.fixture
async def index(place) -> AsyncIterator[PackageIndex]:
    async with PackageIndex(place.wheels) as index:
        yield index


def imported(lease: EnvironmentLease, code: str) -> str:
    argv = [str(lease.python), "-I", "-c", code]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


# --- what it builds


async def test_packages_with_what_they_need_are_there(place):
    with await place.ensure("tiny-one") as lease:
        words = await asyncio.to_thread(
            imported,
            lease,
            "import sys, tiny_one, tiny_two; print(sys.prefix, tiny_one.version, tiny_two.version)",
        )
    assert words == f"{lease.prefix} 1.0 2.0"
    assert [(package.name, package.version) for package in lease.packages] == [
        ("tiny-one", "1.0"),
        ("tiny-two", "2.0"),
    ]


async def test_the_way_there_is_told(place):
    (await place.ensure("tiny-one")).release()

    phases = list(dict.fromkeys(progress.phase for progress in place.told))
    assert phases == [Phase.RESOLVE, Phase.DOWNLOAD, Phase.LINK, Phase.VERIFY, Phase.READY]
    assert all(progress.message for progress in place.told)
    linked = place.of(Phase.LINK)[-1]
    assert (linked.done, linked.total, linked.unit) == (2, 2, "packages")
    assert place.told[-1].message == "Ready: 2 packages"


async def test_the_plain_environment_has_nothing_but_python(place):
    with await place.ensure() as lease:
        assert lease.packages == ()
        assert await asyncio.to_thread(imported, lease, "print('here')") == "here"
        assert (
            await asyncio.to_thread(
                imported,
                lease,
                "from importlib.util import find_spec; print(find_spec('pip'), find_spec('numpy'))",
            )
            == "None None"
        )


async def test_the_second_time_no_tool_runs(place, monkeypatch):
    (await place.ensure("tiny-one")).release()
    monkeypatch.setattr("imjoy_engine.environments.uv.ProcessTree", None)
    place.told.clear()

    (await place.ensure("tiny-one")).release()

    assert [progress.phase for progress in place.told] == [Phase.READY]


async def test_the_lock_has_hashes_and_no_addresses(place):
    with await place.ensure("tiny-one") as lease:
        manifest = json.loads((place.root / "manifests" / f"{lease.key}.json").read_text())

    assert manifest["lock"].count("--hash=sha256:") == 2
    assert "/" not in manifest["lock"]


async def test_hashes_that_a_list_names_are_held_to(place):
    wheel = place.wheels / "tiny_two-2.0-py3-none-any.whl"
    listed = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (await place.ensure("tiny-two==2.0", hashes=(f"tiny-two sha256:{listed}",))).release()
    make_wheel(place.wheels, "tiny-two", "2.0", source="harm = True")
    await asyncio.to_thread(remove_tree, place.root)

    error = await place.fails("tiny-two==2.0", hashes=(f"tiny-two sha256:{listed}",))

    assert "other files of tiny-two 2.0" in error.message


async def test_the_log_has_the_commands_and_uvs_words(place):
    with await place.ensure("tiny-one") as lease:
        log = (place.root / "log" / f"{lease.key}.log").read_text()

    assert "uv pip sync --require-hashes --no-build" in log
    assert " + tiny-one==1.0" in log


async def test_bytes_are_told_while_they_come(place, index):
    place = Workplace(place.wheels, PIP_NO_INDEX="", PIP_FIND_LINKS="", PIP_INDEX_URL=index.url)
    index.gate.clear()
    building = asyncio.create_task(place.ensure("tiny-one"))
    await index.stalled.wait()
    async with asyncio.timeout(20):
        while not any(progress.done for progress in place.of(Phase.DOWNLOAD)):
            await asyncio.wait((building,), timeout=0.01)
    index.gate.set()

    (await building).release()
    told = [progress for progress in place.of(Phase.DOWNLOAD) if progress.unit == "bytes"]
    assert "tiny-one" in {progress.item for progress in told}
    assert any(0 < progress.done < progress.total for progress in told)
    assert max(progress.total for progress in told) > 1_400_000


# --- what it refuses


async def test_no_such_package(place):
    error = await place.fails("tiny-one", "no-such-thing")

    assert isinstance(error, NoSuchPackageError)
    assert error.message == "There is no package named no-such-thing."
    assert "no-such-thing was not found" in error.log_tail
    assert "uv pip compile" in error.log_tail.splitlines()[0]


async def test_no_such_version(place):
    error = await place.fails("tiny-one==9")

    assert isinstance(error, NoSuchVersionError)
    assert error.message == "There is no tiny-one==9."


async def test_only_source(place):
    error = await place.fails("only-source")

    assert isinstance(error, NoWheelError)
    assert "only-source" in error.message
    assert "allow_build" in error.hint


async def test_source_that_may_be_built_and_cannot(place):
    error = await place.fails("only-source", allow_build=True)

    assert error.code == "build-failed"
    assert "only-source" in error.message


async def test_requirements_that_exclude_each_other(place):
    error = await place.fails("needs-old", "tiny-two==2.0")

    assert isinstance(error, RequirementsConflictError)
    assert "tiny-two<2" in error.log_tail


async def test_an_index_that_does_not_answer(place):
    closed = Workplace(
        place.wheels,
        PIP_NO_INDEX="",
        PIP_FIND_LINKS="",
        PIP_INDEX_URL="http://me:secret@127.0.0.1:9/simple",
    )

    error = await closed.fails("tiny-one")

    assert isinstance(error, IndexUnreachableError)
    assert "Connection refused" in error.log_tail
    assert "secret" not in str(error.as_dict())
    assert not any("secret" in path.read_text() for path in (closed.root / "log").iterdir())


async def test_no_network(place):
    offline = Workplace(place.wheels, PIP_NO_INDEX="", PIP_FIND_LINKS="", UV_OFFLINE="1")

    assert isinstance(await offline.fails("tiny-one"), IndexUnreachableError)


async def test_without_an_index_what_was_kept_must_do(place):
    async with PackageIndex(place.wheels) as index:
        settings = {"PIP_NO_INDEX": "", "PIP_FIND_LINKS": "", "PIP_INDEX_URL": index.url}
        (await Workplace(place.wheels, **settings).ensure("tiny-one")).release()
    again = Workplace(place.wheels, "other", **settings)

    with await again.ensure("tiny-one", "tiny-two") as lease:
        log = (again.root / "log" / f"{lease.key}.log").read_text()
    assert " --offline" in log

    never = Workplace(place.wheels, "third", **settings)
    assert isinstance(await never.fails("never-seen"), IndexUnreachableError)


async def test_an_index_that_lost_a_wheel_it_listed(place, index):
    remote = Workplace(place.wheels, PIP_NO_INDEX="", PIP_FIND_LINKS="", PIP_INDEX_URL=index.url)
    index.gate.clear()
    building = asyncio.create_task(remote.fails("tiny-one"))
    await index.stalled.wait()
    (place.wheels / "tiny_one-1.0-py3-none-any.whl").unlink()
    index.hang_up()

    error = await building

    assert "tiny" in error.log_tail


async def test_another_python(place):
    error = await place.fails("tiny-one", python="3.6")

    assert isinstance(error, PythonNotFoundError)
    assert "asks for Python 3.6, and plugins run on 3.7 or later" in error.message
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    (await place.ensure("tiny-one", python=version)).release()


async def test_a_python_that_nobody_has(place):
    place.variables["UV_PYTHON_DOWNLOADS"] = "never"
    place.store = EnvironmentStore(place.root, UvBuilder(place.wheels / "cache", place.variables))

    error = await place.fails("tiny-one", python="3.99")

    assert isinstance(error, PythonNotFoundError)
    assert "Python 3.99 is not on this machine" in error.message
    assert ".".join(map(str, sys.version_info[:3])) in error.hint
    assert "python install" in error.log_tail


@pytest.fixture(params=sorted(version.rpartition(".")[0] for version in interpreters()))
async def other_python(request) -> Interpreter:
    """Each Python of the machine in turn."""
    found = best_interpreter(request.param, await find_interpreters(process_environment()))
    assert found is not None
    return found


async def test_every_python_of_the_machine_can_be_asked_for(place, other_python):
    machine = process_environment()
    names = ("HOME", "PATH", "PYENV_ROOT", "UV_PYTHON_INSTALL_DIR")
    place.variables.update({name: machine[name] for name in names if name in machine})
    place.variables["UV_NO_CONFIG"] = "1"
    place.store = EnvironmentStore(place.root, UvBuilder(place.wheels / "cache", place.variables))

    with await place.ensure("tiny-one", python=other_python.version) as lease:
        words = await asyncio.to_thread(
            imported, lease, "import sys, tiny_two; print(*sys.version_info[:3], sep='.')"
        )
    assert words == other_python.version

    place.told.clear()
    (await place.ensure("tiny-one", python=other_python.version)).release()
    assert [progress.phase for progress in place.told] == [Phase.READY]


async def test_a_python_that_is_gone_is_replaced(place):
    home = place.wheels
    old, new = home / ".pyenv/versions/3.99.1", home / ".pyenv/versions/3.99.2"
    for folder, version in ((old, "3.99.1"), (new, "3.99.2")):
        program = folder / "bin" / "python"
        program.parent.mkdir(parents=True)
        program.write_text(f"#!/bin/sh\necho {version} final True\n")
        program.chmod(0o755)
    builder = UvBuilder(home / "cache", place.variables)
    scratch = home / "scratch"
    scratch.mkdir()
    spec = EnvironmentSpec(python="3.99")
    first = await builder.resolve(spec, Attempt(scratch, place.told.append))
    (new / "bin/python").unlink()

    with pytest.raises(PythonNotFoundError, match="is gone"):
        await builder.build(first, home / "x", Attempt(scratch, print), allow_build=False)
    second = await builder.resolve(spec, Attempt(scratch, place.told.append))

    assert (first.python_version, second.python_version) == ("3.99.2", "3.99.1")


async def test_what_came_later_than_a_day_is_not_there(place, index):
    # This index tells no day of any package, so none of them counts as old enough.
    for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS"):
        del place.variables[name]
    place.variables["PIP_INDEX_URL"] = index.url
    place.store = EnvironmentStore(place.root, UvBuilder(place.wheels / "cache", place.variables))

    error = await place.fails("tiny-one", exclude_newer="2001-01-01")

    assert "$ " in error.log_tail
    assert "--exclude-newer 2001-01-01" in error.log_tail


async def test_a_full_disk(place):
    fill_the_disk()

    with pytest.raises(DiskFullError) as caught:
        await place.ensure("tiny-one")

    assert caught.value.hint
    assert list((place.root / "envs").iterdir()) == []


# --- who else builds, and who is killed


def half_fetched(place: Workplace) -> list[Path]:
    return list((place.wheels / "cache").glob(".tmp*"))


async def test_cancelled_it_hangs_up_at_once_and_leaves_nothing(place, index):
    remote = Workplace(place.wheels, PIP_NO_INDEX="", PIP_FIND_LINKS="", PIP_INDEX_URL=index.url)
    index.gate.clear()
    building = asyncio.create_task(remote.ensure("tiny-one"))
    await index.stalled.wait()

    async with within_a_second():
        building.cancel()
        with pytest.raises(asyncio.CancelledError):
            await building
        await index.left.wait()

    assert list((remote.root / "envs").iterdir()) == []
    assert await asyncio.to_thread(half_fetched, place) == []
    index.gate.set()
    (await remote.ensure("tiny-one")).release()


async def test_cancelled_it_leaves_a_cache_of_somebody_elses_alone(place, index):
    remote = Workplace(place.wheels, PIP_NO_INDEX="", PIP_FIND_LINKS="", PIP_INDEX_URL=index.url)
    theirs = UvBuilder(place.wheels / "cache", remote.variables, is_own_cache=False)
    remote.store = EnvironmentStore(remote.root, theirs)
    index.gate.clear()
    building = asyncio.create_task(remote.ensure("tiny-one"))
    await index.stalled.wait()
    (place.wheels / "cache" / ".tmp-of-theirs").mkdir(parents=True)

    building.cancel()
    with pytest.raises(asyncio.CancelledError):
        await building

    assert (place.wheels / "cache" / ".tmp-of-theirs").is_dir()
    index.gate.set()


async def test_cancelled_it_leaves_what_another_one_is_fetching(place, index):
    remote = Workplace(place.wheels, PIP_NO_INDEX="", PIP_FIND_LINKS="", PIP_INDEX_URL=index.url)
    make_wheel(place.wheels, "tiny-alone", "1.0")
    index.stall()
    cancelled = asyncio.create_task(remote.ensure("tiny-alone"))
    await index.stalled.wait()
    index.stall()
    other = asyncio.create_task(remote.ensure("tiny-two"))
    await index.stalled.wait()
    async with asyncio.timeout(20):
        while len(await asyncio.to_thread(half_fetched, place)) < 2:
            pass

    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled

    assert len(await asyncio.to_thread(half_fetched, place)) == 2
    index.gate.set()
    (await other).release()


ENGINE = """
import asyncio, json, sys
from pathlib import Path
from imjoy_engine.environments import EnvironmentSpec, EnvironmentStore, UvBuilder

def tell(progress):
    print(progress.phase, flush=True)

async def main():
    root, cache, variables = Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3])
    store = EnvironmentStore(root, UvBuilder(cache, variables))
    with await store.ensure(EnvironmentSpec(pip=("tiny-one",)), tell) as lease:
        print("key", lease.key, flush=True)

asyncio.run(main())
"""


@contextlib.asynccontextmanager
async def engine(place: Workplace) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run another engine on the same store; it is gone afterwards."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        ENGINE,
        str(place.root),
        str(place.wheels / "cache"),
        json.dumps(place.variables),
        env={"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def test_after_a_killed_engine_the_next_one_builds(place, index):
    remote = Workplace(place.wheels, PIP_NO_INDEX="", PIP_FIND_LINKS="", PIP_INDEX_URL=index.url)
    index.gate.clear()
    async with engine(remote) as other:
        await index.stalled.wait()
        (rubbish,) = (remote.root / "envs").iterdir()
        assert not (rubbish / ".imjoy-env.json").exists()
        other.send_signal(signal.SIGKILL)
        await other.wait()
        async with asyncio.timeout(10):
            await index.left.wait()
    assert rubbish.exists()

    index.gate.set()
    with await remote.ensure("tiny-one") as lease:
        assert lease.prefix == rubbish
        assert await asyncio.to_thread(imported, lease, "import tiny_one; print('ok')") == "ok"


async def test_of_two_engines_one_builds_and_the_other_waits(place, index):
    remote = Workplace(place.wheels, PIP_NO_INDEX="", PIP_FIND_LINKS="", PIP_INDEX_URL=index.url)
    index.gate.clear()
    async with engine(remote) as first:
        await index.stalled.wait()
        async with engine(remote) as second:
            assert second.stdout is not None
            assert await second.stdout.readline() == b"queued\n"
            index.gate.set()
            told = {await first.communicate(), await second.communicate()}

    lines = sorted((out.decode().splitlines() for out, _ in told), key=len)
    assert lines[0][0] == "ready"
    assert "link" in lines[1]
    assert lines[0][-1] == lines[1][-1]


@pytest.mark.network
async def test_a_real_package_from_the_machines_index(short_dir):
    builder = UvBuilder(short_dir / "cache", dict(os.environ))  # noqa: TID251
    store = EnvironmentStore(short_dir / "store", builder)

    with await store.ensure(EnvironmentSpec(pip=("six",)), lambda progress: None) as lease:
        assert [package.name for package in lease.packages] == ["six"]
        assert await asyncio.to_thread(imported, lease, "import six; print(six.PY3)") == "True"


# --- what comes from an address


BACKEND = """
import base64, hashlib, pathlib, zipfile

def build_wheel(directory, config_settings=None, metadata_directory=None):
    files = {
        "from_source.py": b"version = '3.1'",
        "from_source-3.1.dist-info/METADATA":
            b"Metadata-Version: 2.1\\nName: from-source\\nVersion: 3.1\\n",
        "from_source-3.1.dist-info/WHEEL":
            b"Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    }
    record = "".join(f"{name},,\\n" for name in [*files, "from_source-3.1.dist-info/RECORD"])
    files["from_source-3.1.dist-info/RECORD"] = record.encode()
    name = "from_source-3.1-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(directory) / name, "w") as wheel:
        for entry, content in files.items():
            wheel.writestr(entry, content)
    return name
"""
PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "from-source"
version = "3.1"
"""


@pytest.fixture
def repository(short_dir) -> Path:
    folder = short_dir / "repository"
    folder.mkdir()
    (folder / "backend.py").write_text(BACKEND)
    (folder / "pyproject.toml").write_text(PROJECT)
    for command in (["init"], ["add", "."], [*AS_NOBODY, "commit", "-m", "x"]):
        subprocess.run(["git", *command], cwd=folder, check=True, capture_output=True)
    return folder


AS_NOBODY = ["-c", "user.name=nobody", "-c", "user.email=nobody@localhost"]


async def test_a_package_from_a_repository_is_pinned_by_its_commit(place, repository):
    reference = f"from-source @ git+file://{repository}"

    with await place.ensure(reference, "tiny-two<2") as lease:
        versions = {package.name: package.version for package in lease.packages}
        words = await asyncio.to_thread(
            imported, lease, "import from_source, tiny_two; print(from_source.version)"
        )

    assert words == "3.1"
    assert versions["tiny-two"] == "1.5"
    assert len(versions["from-source"]) == 12


async def test_beside_a_repository_nothing_else_is_built(place, repository):
    reference = f"from-source @ git+file://{repository}"

    error = await place.fails(reference, "only-source")

    assert isinstance(error, NoWheelError)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"conda": ("opencv",)}, "conda 'opencv' (packages of conda with uv)"),
        ({"packed": "a.tar"}, "the archive 'a.tar' (a packed environment with uv)"),
        ({"existing": "/opt/a"}, "'/opt/a' (an environment that is already there, with uv)"),
    ],
)
async def test_what_it_cannot_do_is_named(place, options, words):
    error = await place.fails(**options)

    assert words in error.message


# --- an index in trouble, a cache in trouble


async def test_an_index_that_hangs_is_given_up(place):
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/simple"
    async with server:
        remote = Workplace(
            place.wheels,
            PIP_NO_INDEX="",
            PIP_FIND_LINKS="",
            PIP_INDEX_URL=url,
            UV_HTTP_TIMEOUT="1",
        )
        assert isinstance(await remote.fails("tiny-one"), IndexUnreachableError)


async def test_an_index_that_hangs_is_left_within_a_second(place):
    asked = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/simple"
    async with server:
        remote = Workplace(place.wheels, PIP_NO_INDEX="", PIP_FIND_LINKS="", PIP_INDEX_URL=url)
        building = asyncio.create_task(remote.ensure("tiny-one"))
        await asked.wait()
        async with within_a_second():
            building.cancel()
            with pytest.raises(asyncio.CancelledError):
                await building
    assert list((remote.root / "tmp").iterdir()) == []


async def test_an_index_that_is_broken(place):
    async def broken(request: web.Request) -> web.Response:
        return web.Response(status=500, text="Internal Server Error")

    app = web.Application()
    app.router.add_get("/{path:.*}", broken)
    async with TestServer(app) as server:
        remote = Workplace(
            place.wheels,
            PIP_NO_INDEX="",
            PIP_FIND_LINKS="",
            PIP_INDEX_URL=str(server.make_url("/simple")),
        )
        error = await remote.fails("tiny-one")

    assert isinstance(error, IndexUnreachableError)
    assert "500" in error.log_tail


def unpacked(place: Workplace) -> Path:
    """Return the folder in which uv keeps tiny-two as it was unpacked."""
    (file,) = (place.wheels / "cache").rglob("archive-v*/*/tiny_two.py")
    return file.parent


async def test_a_cache_that_lost_an_entry(place, index):
    settings = {"PIP_NO_INDEX": "", "PIP_FIND_LINKS": "", "PIP_INDEX_URL": index.url}
    (await Workplace(place.wheels, **settings).ensure("tiny-two")).release()
    await asyncio.to_thread(remove_tree, unpacked(place))
    again = Workplace(place.wheels, "other", **settings)

    with await again.ensure("tiny-two") as lease:
        assert await asyncio.to_thread(imported, lease, "import tiny_two; print('ok')") == "ok"


async def test_a_cache_whose_files_are_rubbish(place, index):
    settings = {"PIP_NO_INDEX": "", "PIP_FIND_LINKS": "", "PIP_INDEX_URL": index.url}
    (await Workplace(place.wheels, **settings).ensure("tiny-two")).release()
    for file in (place.wheels / "cache").rglob("*"):
        if file.suffix in (".msgpack", ".http", ".rkyv", ".rev"):
            file.chmod(0o644)
            file.write_bytes(b"rubbish")
    again = Workplace(place.wheels, "other", **settings)

    with await again.ensure("tiny-two") as lease:
        assert await asyncio.to_thread(imported, lease, "import tiny_two; print('ok')") == "ok"


async def test_the_cache_is_left_usable_by_making_room(place, index):
    settings = {"PIP_NO_INDEX": "", "PIP_FIND_LINKS": "", "PIP_INDEX_URL": index.url}
    remote = Workplace(place.wheels, **settings)
    remote.store = EnvironmentStore(remote.root, UvBuilder(remote.root / "uv", remote.variables))
    (await remote.ensure("tiny-one")).release()
    late = Inventory(remote.root, now=lambda: time.time() + 7200)
    made = await asyncio.to_thread(late.make_room, StoreLimits(max_bytes=0))

    assert len(made.keys) == 1
    assert not list((remote.root / "uv").rglob("tiny_one.py"))
    with await remote.ensure("tiny-one") as lease:
        assert await asyncio.to_thread(imported, lease, "import tiny_one; print('ok')") == "ok"

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from imjoy_engine.environments import (
    Builders,
    CondaBuilder,
    EnvironmentLease,
    EnvironmentSpec,
    EnvironmentStore,
    ExistingBuilder,
    Inventory,
    Mover,
    Owner,
    PackedBuilder,
    UvBuilder,
)
from imjoy_engine.environments.protect import remove_tree
from imjoy_engine.errors import (
    EnvironmentBuildError,
    MachineError,
    UnsupportedSpecError,
    UsageError,
    VerifyFailedError,
)
from support.conda_channel import make_channel
from support.existing import make_environment
from support.packages import make_wheel
from support.within import within_a_second

SPEC = EnvironmentSpec(pip=("tiny-one",))


@pytest.fixture(scope="module")
def channel() -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="ij-channel-"))
    yield make_channel(folder)
    shutil.rmtree(folder)


class Machine:
    """One machine with a store; the packages of `wheels` are all that it can reach."""

    def __init__(self, folder: Path, wheels: Path | None = None) -> None:
        self.root = folder / "store"
        variables = {
            "PATH": os.defpath,
            "HOME": str(folder),
            "PIP_NO_INDEX": "1",
            **({"PIP_FIND_LINKS": str(wheels)} if wheels else {}),
        }
        uv = UvBuilder(folder / "cache", variables)
        packed = PackedBuilder(variables, uv)
        conda = CondaBuilder(folder / "rattler", variables, uv)
        existing = ExistingBuilder(variables, uv.machine)
        self.store = EnvironmentStore(self.root, Builders(uv, conda, packed, existing))
        self.inventory = Inventory(self.root)
        self.said: list[str] = []
        self.mover = Mover(self.store, packed, uv, variables)

    async def ensure(self, spec: EnvironmentSpec) -> EnvironmentLease:
        return await self.store.ensure(spec, lambda progress: None)

    async def pack(self, spec: EnvironmentSpec, target: Path) -> Path:
        with await self.ensure(spec) as lease:
            key = lease.key
        one = await asyncio.to_thread(self.inventory.find, key)
        return await self.mover.pack(
            one, target, lambda progress: self.said.append(progress.message)
        )

    async def unpack(self, bundle: Path) -> EnvironmentLease:
        return (await self.mover.unpack(bundle, lambda progress: None))[0]


@pytest.fixture
def office(short_dir) -> Machine:
    wheels = short_dir / "wheels"
    wheels.mkdir()
    make_wheel(wheels, "tiny-one", "1.0", requires=("tiny-two>=1",))
    make_wheel(wheels, "tiny-two", "1.5")
    make_wheel(wheels, "tiny-bad", "1.0", source="raise ImportError('not here')")
    return Machine(short_dir / "office", wheels)


@pytest.fixture
def lab(short_dir) -> Machine:
    return Machine(short_dir / "lab")


def says(lease: EnvironmentLease, code: str) -> str:
    argv = [str(lease.python), "-I", "-c", code]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


async def test_an_environment_of_wheels_moves(office, lab, short_dir):
    bundle = await office.pack(SPEC, short_dir)
    assert not [words for words in office.said if words.startswith("Unpacking")]
    assert [words for words in office.said if words.startswith("Writing wheels/")]
    shutil.rmtree(short_dir / "wheels")
    await asyncio.to_thread(remove_tree, office.root.parent)

    with await lab.unpack(bundle) as lease:
        words = await asyncio.to_thread(
            says, lease, "import sys, tiny_one, tiny_two; print(sys.prefix, tiny_two.version)"
        )
        assert words == f"{lease.prefix} 1.5"
        assert (lease.prefix / "bin" / "tiny-two-says").read_text().startswith(f"#!{lease.prefix}")
        with await lab.ensure(SPEC) as again:
            assert again.key == lease.key
    assert bundle.name.startswith("imjoy-env-")


async def test_an_environment_of_conda_moves(office, lab, short_dir, channel):
    spec = EnvironmentSpec(conda=("tiny-one",), channels=(channel,))
    bundle = await office.pack(spec, short_dir / "mine.tar")

    with await lab.unpack(bundle) as lease:
        words = await asyncio.to_thread(
            says, lease, "import sys, tiny_one, tiny_two; print(sys.prefix, tiny_two.version)"
        )
        assert words == f"{lease.prefix} 2.0"
        with await lab.ensure(spec) as again:
            assert again.key == lease.key


async def test_a_plugin_can_name_a_bundle_itself(office, lab, short_dir):
    bundle = await office.pack(SPEC, short_dir)

    with await lab.ensure(EnvironmentSpec(packed=str(bundle))) as lease:
        assert await asyncio.to_thread(says, lease, "import tiny_one; print('ok')") == "ok"
    assert [package.name for package in lease.packages] == ["tiny-one", "tiny-two"]


async def test_the_bundle_says_what_it_is(office, short_dir):
    bundle = await office.pack(SPEC, short_dir)

    with tarfile.open(bundle) as tar:
        names = tar.getnames()
        manifest = json.load(tar.extractfile("manifest.json"))
    assert names[:2] == ["manifest.json", "requirements.txt"]
    assert manifest["python_version"] == ".".join(map(str, sys.version_info[:3]))
    assert manifest["imported"] == ["tiny_one", "tiny_two"]
    assert manifest["specs"] == [{"pip": ["tiny-one"]}]
    assert set(manifest["files"]) == set(names[1:])
    assert not list(short_dir.glob(".*.part"))


async def test_a_bundle_may_be_named_from_where_one_is(office, lab, short_dir, monkeypatch):
    await asyncio.to_thread(monkeypatch.chdir, short_dir)
    bundle = await office.pack(SPEC, Path())
    assert not bundle.is_absolute()

    with await lab.unpack(bundle) as lease:
        assert await asyncio.to_thread(says, lease, "import tiny_one; print('ok')") == "ok"


@pytest.mark.parametrize("name", ["notes.tar", "notes.tar.gz", "notes.tar.zst", "notes.zip", "x"])
@pytest.mark.parametrize("content", [b"", b"plain words\n" * 100])
async def test_a_file_that_is_no_bundle_is_called_so(lab, short_dir, name, content):
    (short_dir / name).write_bytes(content)

    with pytest.raises(EnvironmentBuildError) as caught:
        await lab.unpack(short_dir / name)

    assert caught.value.message == f"{name} is no packed environment"
    assert "imjoy-engine env pack" in caught.value.hint
    assert "$" not in caught.value.log_tail


async def test_half_a_bundle_is_called_damaged(office, lab, short_dir):
    bundle = await office.pack(SPEC, short_dir)
    with tarfile.open(bundle) as tar:
        in_the_middle = tar.getmembers()[-1].offset_data + 1
    os.truncate(bundle, in_the_middle)

    with pytest.raises(EnvironmentBuildError, match="is damaged: "):
        await lab.unpack(bundle)


async def test_unpacked_twice_it_is_there_once(office, lab, short_dir):
    bundle = await office.pack(SPEC, short_dir)

    with await lab.unpack(bundle) as first, await lab.unpack(bundle) as second:
        assert first.key == second.key
    assert len(await asyncio.to_thread(lab.inventory.environments)) == 1


async def test_what_failed_at_home_may_fail_elsewhere(office, lab, short_dir):
    bundle = await office.pack(EnvironmentSpec(pip=("tiny-bad", "tiny-two")), short_dir)

    lease, examined = await lab.mover.unpack(bundle, lambda progress: None)

    lease.release()
    assert examined.imported == ("tiny_two",)
    assert examined.failed == {"tiny_bad": "ImportError: not here"}


def changed(bundle: Path, change) -> Path:
    """Write a bundle again with something changed in its files or its manifest."""
    with tempfile.TemporaryDirectory() as folder, tarfile.open(bundle) as tar:
        tar.extractall(folder, filter="data")
        names = tar.getnames()
        change(Path(folder))
        fresh = bundle.with_name("changed.tar")
        with tarfile.open(fresh, "w") as out:
            for name in names:
                out.add(Path(folder) / name, name)
    return fresh


def in_manifest(**changes: object):
    def change(folder: Path) -> None:
        file = folder / "manifest.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))

    return change


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (
            lambda folder: (folder / "requirements.txt").write_text("tiny-two==9\n"),
            EnvironmentBuildError,
            "is damaged: requirements.txt",
        ),
        (in_manifest(platform="linux-riscv64"), MachineError, "made for linux-riscv64"),
        (in_manifest(imported=["tiny_nine"]), VerifyFailedError, "tiny_nine is not imported"),
        (in_manifest(format=9), EnvironmentBuildError, "neither a bundle of ours"),
    ],
)
async def test_a_bundle_that_cannot_be_used_leaves_nothing(
    office, lab, short_dir, change, error, words
):
    bundle = await office.pack(SPEC, short_dir)

    with pytest.raises(error, match=words) as caught:
        await lab.unpack(changed(bundle, change))

    assert caught.value.hint
    assert await asyncio.to_thread(lab.inventory.environments) == []


async def test_what_only_points_somewhere_is_not_packed(office, short_dir):
    place = make_environment(short_dir / "place", {})

    with pytest.raises(UnsupportedSpecError, match="only points to"):
        await office.pack(EnvironmentSpec(existing=str(place)), short_dir)


async def test_what_commands_have_changed_is_not_packed(office, short_dir):
    async def allow(commands: tuple[str, ...]) -> bool:
        return True

    spec = replace(SPEC, commands=("true https://me:secret@host/x", "true"))
    with await office.store.ensure(
        spec, lambda progress: None, Owner("P", short_dir, allow)
    ) as lease:
        one = await asyncio.to_thread(office.inventory.find, lease.key)

    with pytest.raises(UnsupportedSpecError, match="commands of its plugin's") as caught:
        await office.mover.pack(one, short_dir, lambda progress: None)

    assert "true https://" in caught.value.message
    assert "secret" not in caught.value.message
    assert "packages" in caught.value.hint
    assert not list(short_dir.glob("*.tar"))


async def test_into_a_folder_that_is_not_there_nothing_is_packed(office, short_dir):
    with pytest.raises(UsageError, match="There is no folder"):
        await office.pack(SPEC, short_dir / "no" / "bundle.tar")


async def test_cancelled_packing_leaves_no_half_bundle(office, short_dir):
    heard = asyncio.Event()
    with await office.ensure(SPEC) as lease:
        one = await asyncio.to_thread(office.inventory.find, lease.key)
    packing = asyncio.create_task(office.mover.pack(one, short_dir, lambda progress: heard.set()))
    await heard.wait()

    async with within_a_second():
        packing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await packing

    assert not list(short_dir.glob("*.tar"))

from __future__ import annotations

import asyncio
import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import conda_pack
import pytest

from imjoy_engine.environments import (
    Builders,
    CondaBuilder,
    EnvironmentLease,
    EnvironmentSpec,
    EnvironmentStore,
    Package,
    PackedBuilder,
    Phase,
    UvBuilder,
)
from imjoy_engine.environments.packed import refuse_foreign, this_machine
from imjoy_engine.errors import (
    EnvironmentBuildError,
    MachineError,
    UnsupportedSpecError,
)
from support.conda_channel import PYTHON_VERSION, make_channel
from support.full_disk import fill_the_disk

FORMATS = ["tar.gz", "tar.zst", "tar", "zip"]
if shutil.which("mksquashfs") and shutil.which("unsquashfs"):
    FORMATS.append("squashfs")


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    """Return an environment that conda made, in a folder, with nothing else of conda's."""
    folder = Path(tempfile.mkdtemp(prefix="ij-made-"))
    channel = make_channel(folder / "channel")
    machine = {"PATH": os.defpath, "HOME": str(folder)}
    uv = UvBuilder(folder / "cache", machine)
    store = EnvironmentStore(folder / "store", CondaBuilder(folder / "rattler", machine, uv))
    spec = EnvironmentSpec(conda=("tiny-one",), channels=(channel,))
    lease = asyncio.run(store.ensure(spec, lambda progress: None))
    yield lease.prefix
    lease.release()
    subprocess.run(["chmod", "-R", "u+w", folder], check=True)
    shutil.rmtree(folder)


def packed(made: Path, target: Path) -> Path:
    """Pack an environment as people do, with conda-pack."""
    conda_pack.pack(
        prefix=str(made),
        output=str(target),
        format=target.name.partition(".")[2],
        ignore_missing_files=True,
        compress_level=1,
    )
    return target


class Workplace:
    def __init__(self, folder: Path) -> None:
        self.told: list[Phase] = []
        machine = {"PATH": os.defpath, "HOME": str(folder)}
        uv = UvBuilder(folder / "cache", machine)
        conda = CondaBuilder(folder / "rattler", machine, uv)
        self.store = EnvironmentStore(
            folder / "store", Builders(uv, conda, PackedBuilder(machine, uv))
        )

    async def lease(self, archive: Path, **wishes: object) -> EnvironmentLease:
        spec = EnvironmentSpec(packed=str(archive), **wishes)
        return await self.store.ensure(spec, lambda progress: self.told.append(progress.phase))

    async def fails(self, archive: Path, **wishes: object) -> EnvironmentBuildError:
        with pytest.raises(EnvironmentBuildError) as caught:
            await self.lease(archive, **wishes)
        assert caught.value.hint
        return caught.value


@pytest.fixture
def place(short_dir) -> Workplace:
    return Workplace(short_dir)


def says(lease: EnvironmentLease, code: str) -> str:
    argv = [str(lease.python), "-I", "-c", code]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.parametrize("form", FORMATS)
async def test_what_conda_pack_made_runs_elsewhere(place, made, short_dir, form):
    archive = await asyncio.to_thread(packed, made, short_dir / f"env.{form}")

    with await place.lease(archive) as lease:
        code = "import sys, sysconfig, tiny_one, tiny_two; print(sys.prefix, tiny_two.version)"
        words = await asyncio.to_thread(says, lease, code)

    assert words == f"{lease.prefix} 2.0"
    assert Package("python", PYTHON_VERSION) in lease.packages
    assert Package("tiny-two", "2.0") in lease.packages
    assert Phase.LINK in place.told or form == "squashfs"


async def test_the_marker_of_the_old_place_is_not_taken_over(place, made, short_dir):
    archive = await asyncio.to_thread(packed, made, short_dir / "env.tar")

    with await place.lease(archive) as lease:
        marker = json.loads((lease.prefix / ".imjoy-env.json").read_text())

    assert marker["key"] == lease.key != made.name


async def test_another_file_under_the_name_is_looked_into_again(place, made, short_dir):
    archive = await asyncio.to_thread(packed, made, short_dir / "env.tar")
    with await place.lease(archive) as lease:
        first = lease.key
    shelf = place.store._shelf
    await asyncio.to_thread(shelf.discard, shelf.prefix(first))
    with tarfile.open(archive, "a") as tar:
        tar.addfile(tarfile.TarInfo("one-more"))

    with await place.lease(archive) as lease:
        assert lease.key != first
        assert (lease.prefix / "one-more").exists()


def tar_of(path: Path, **entries: str) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, content in entries.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content.encode()))
    return path


GOOD = {"conda-meta/python-3.11.1-0.json": "{}", "bin/conda-unpack": ""}


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({"readme": "hello"}, "neither a bundle of ours nor made by conda-pack"),
        ({"manifest.json": "{"}, "neither a bundle of ours nor made by conda-pack"),
        ({**GOOD, "../out": "x"}, "out"),
        ({**GOOD, "/tmp/out": "x"}, "interpreter of the new environment does not run"),
        (GOOD, "interpreter of the new environment does not run"),
    ],
)
async def test_what_cannot_be_used_says_why(place, short_dir, entries, words):
    archive = tar_of(short_dir / "bad.tar", **entries)

    error = await place.fails(archive)

    assert words in error.message
    assert not (short_dir / "out").exists()
    assert not list((short_dir / "store" / "envs").glob("*"))


async def test_links_that_lead_out_are_refused(place, short_dir):
    archive = tar_of(short_dir / "bad.tar", **GOOD)
    with tarfile.open(archive, "a") as tar:
        link = tarfile.TarInfo("lib")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc"
        tar.addfile(link)

    assert "bad.tar" in (await place.fails(archive)).message


async def test_a_zip_with_links_is_refused(place, short_dir):
    archive = short_dir / "bad.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        for name, content in GOOD.items():
            zipped.writestr(name, content)
        link = zipfile.ZipInfo("lib")
        link.external_attr = 0o120777 << 16
        zipped.writestr(link, "/etc")

    assert "with links" in (await place.fails(archive)).message


@pytest.mark.parametrize("name", ["none.tar.gz", "strange.rar"])
async def test_a_file_that_is_not_there_or_of_another_kind(place, short_dir, name):
    (short_dir / "strange.rar").write_bytes(b"Rar!")

    assert name in (await place.fails(short_dir / name)).message


async def test_a_squashfs_without_its_tool_names_it(place, short_dir, monkeypatch):
    (short_dir / "env.squashfs").write_bytes(b"hsqs")
    place.store._builder._by_name["packed"]._variables["PATH"] = "/nowhere"

    assert "squashfs-tools" in (await place.fails(short_dir / "env.squashfs")).message


async def test_packages_beside_it_are_refused(place, short_dir):
    error = await place.fails(short_dir / "env.tar", pip=("numpy",))

    assert isinstance(error, UnsupportedSpecError)


async def test_a_full_disk_is_told_as_such(place, made, short_dir):
    archive = await asyncio.to_thread(packed, made, short_dir / "env.tar")
    fill_the_disk()

    assert (await place.fails(archive)).code == "disk-full"
    assert list((short_dir / "store" / "envs").iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({}, False),
        ({"libc": "glibc 2.5"}, False),
        ({"libc": "glibc 99.1"}, True),
        ({"platform": "macosx-11-arm64"}, True),
    ],
)
def test_a_bundle_of_another_kind_of_machine_is_refused(changes, refused):
    manifest = {**this_machine(), **changes}
    if not refused:
        refuse_foreign(manifest)
        return
    with pytest.raises(MachineError, match="The bundle was made for"):
        refuse_foreign(manifest)

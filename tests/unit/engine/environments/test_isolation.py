"""What one plugin writes into its packages reaches no other plugin, and not the cache."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from imjoy_engine.environments import (
    EnvironmentLease,
    EnvironmentSpec,
    EnvironmentStore,
    Owner,
    UvBuilder,
)
from imjoy_engine.processes import Command, ProcessTree
from support.packages import make_wheel

SPOIL = """
import pathlib, tiny_two
for do in (lambda path: path.open("a").write("spoiled = True"),
           lambda path: path.unlink(),
           lambda path: path.with_name("extra.py").write_text("spoiled = True"),
           lambda path: path.parent.rename(path.parent.with_name("elsewhere"))):
    try:
        do(pathlib.Path(tiny_two.__file__))
        print("written")
    except OSError as error:
        print(type(error).__name__)
"""
LOOK = "import tiny_two; print(hasattr(tiny_two, 'spoiled'), tiny_two.version)"


class Workplace:
    def __init__(self, folder: Path) -> None:
        make_wheel(folder, "tiny-one", "1.0")
        make_wheel(folder, "tiny-two", "1.5")
        variables = {
            "PATH": os.defpath,
            "HOME": str(folder),
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(folder),
        }
        self.leases: list[EnvironmentLease] = []
        root = folder / "store"
        self.store = EnvironmentStore(
            root, UvBuilder(root / "uv", variables), variables=variables, caches=[root / "uv"]
        )

    async def lease(self, *pip: str, name: str = "Blur", **options: object) -> EnvironmentLease:
        async def allow(commands: tuple[str, ...]) -> bool:
            return True

        spec = EnvironmentSpec(pip=pip, **options)
        owner = Owner(name, None, allow)
        lease = await self.store.ensure(spec, lambda progress: None, owner)
        self.leases.append(lease)
        return lease

    async def run(self, lease: EnvironmentLease, code: str) -> list[str]:
        """Return what a process of a plugin prints that has this lease."""
        printed = bytearray()
        command = Command(
            (str(lease.python), "-B", "-I", "-c", code),
            {},
            Path("/"),
            read_only=lease.read_only,
            writable=(lease.prefix,) if lease.private else (),
        )
        tree = await ProcessTree.start(command, lambda _, chunk: printed.extend(chunk))
        await tree.wait()
        return printed.decode().split()


@pytest.fixture
def place(short_dir) -> Iterator[Workplace]:
    place = Workplace(short_dir)
    yield place
    for lease in place.leases:
        lease.release()


async def test_a_shared_environment_cannot_be_written_to(place):
    spoiled = await place.lease("tiny-two")
    beside = await place.lease("tiny-one", "tiny-two")

    words = await place.run(spoiled, SPOIL)

    assert len(words) == 4
    assert not spoiled.private
    assert "written" not in words
    assert await place.run(spoiled, LOOK) == ["False", "1.5"]
    assert await place.run(beside, LOOK) == ["False", "1.5"]


async def test_a_private_environment_is_written_to_and_nobody_sees_it(place):
    private = await place.lease("tiny-two", commands=("true",))
    beside = await place.lease("tiny-two")

    words = await place.run(private, SPOIL.replace("path.unlink()", "None"))

    assert words[:3] == ["written"] * 3
    assert private.private
    assert await place.run(beside, LOOK) == ["False", "1.5"]
    later = await place.lease("tiny-one", "tiny-two")
    assert await place.run(later, LOOK) == ["False", "1.5"]


async def test_the_cache_cannot_be_written_to(place):
    lease = await place.lease("tiny-two")
    cache = place.store._shared[1]
    (cached,) = cache.rglob("archive-v*/*/tiny_two.py")

    (word,) = await place.run(
        lease,
        f"try: open({str(cached)!r}, 'a')\nexcept OSError as e: print(type(e).__name__)",
    )

    assert word in ("OSError", "PermissionError")


async def test_where_writing_cannot_be_prevented_nothing_is_shared(place, monkeypatch):
    async def no(guard: object) -> bool:
        return False

    monkeypatch.setattr("imjoy_engine.environments.guard.WriteGuard.holds", no)
    mine, yours = await place.lease("tiny-two", name="Mine"), await place.lease("tiny-two")
    again = await place.lease("tiny-two", name="Mine")

    assert mine.prefix == again.prefix != yours.prefix
    with next(mine.prefix.rglob("tiny_two.py")).open("a") as file:
        file.write("spoiled = True")

    assert await place.run(mine, LOOK) == ["True", "1.5"]
    assert await place.run(yours, LOOK) == ["False", "1.5"]
    later = await place.lease("tiny-one", "tiny-two")
    assert await place.run(later, LOOK) == ["False", "1.5"]

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from imjoy_engine.environments import (
    EnvironmentLease,
    EnvironmentSpec,
    EnvironmentStore,
    ExistingBuilder,
)
from imjoy_engine.environments.protect import tree_size
from imjoy_engine.errors import NoSuchPackageError, NoSuchVersionError, PythonNotFoundError
from support.existing import make_environment

VERSION = ".".join(map(str, sys.version_info[:3]))


class Workplace:
    """A machine whose conda knows the environment `stardist`, with tiny-one 1.0."""

    def __init__(self, home: Path) -> None:
        self.place = make_environment(home / "miniconda3/envs/stardist", {"tiny-one": "1.0"})
        variables = {"PATH": os.defpath, "HOME": str(home)}
        self.store = EnvironmentStore(home / "store", ExistingBuilder(variables, "machine"))

    async def lease(self, existing: object, **wishes: object) -> EnvironmentLease:
        spec = EnvironmentSpec(existing=str(existing), **wishes)
        return await self.store.ensure(spec, lambda progress: None)


@pytest.fixture
def place(short_dir) -> Workplace:
    return Workplace(short_dir)


def says(lease: EnvironmentLease, code: str) -> str:
    argv = [str(lease.python), "-c", code]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.parametrize("how", ["name", "folder", "program"])
async def test_it_is_used_where_it_is(place, how):
    wish = {
        "name": "stardist",
        "folder": place.place,
        "program": place.place / "bin" / "python",
    }[how]
    before = sorted(place.place.rglob("*"))

    with await place.lease(wish, pip=("tiny-one>=1",)) as lease:
        assert lease.prefix == place.place
        assert lease.python == place.place / "bin" / "python"
        words = says(lease, "import sys, tiny_one; print(sys.prefix, tiny_one.version)")

    assert words == f"{place.place} 1.0"
    assert [one.name for one in lease.packages] == ["tiny-one"]
    assert not lease.private
    assert [path for path in before if "__pycache__" not in path.parts] == [
        path for path in sorted(place.place.rglob("*")) if "__pycache__" not in path.parts
    ]


async def test_removing_what_points_there_leaves_it_alone(place):
    with await place.lease("stardist") as lease:
        key = lease.key
    size = await asyncio.to_thread(tree_size, place.place)

    shelf = place.store._shelf
    await asyncio.to_thread(shelf.discard, shelf.prefix(key))

    assert await asyncio.to_thread(tree_size, place.place) == size


async def test_a_system_interpreter(place):
    with await place.lease(Path(sys.executable).resolve()) as lease:
        assert says(lease, "print('it runs')") == "it runs"


@pytest.mark.parametrize(
    ("wishes", "error", "words"),
    [
        ({"pip": ("tiny-two",)}, NoSuchPackageError, "used as it is, and has no tiny-two"),
        ({"pip": ("tiny-one>=2",)}, NoSuchVersionError, "has tiny-one 1.0"),
        ({"python": "3.2"}, PythonNotFoundError, "and the plugin asks for 3.2"),
    ],
)
async def test_what_it_lacks_is_named(place, wishes, error, words):
    with pytest.raises(error, match=words) as caught:
        await place.lease("stardist", **wishes)

    assert caught.value.hint


@pytest.mark.parametrize(
    ("existing", "words", "hint"),
    [
        ("cellpose", "no environment named cellpose", "It knows stardist."),
        ("/nowhere/env", "/nowhere/env is no environment", "Name the folder"),
        ("/etc", "/etc is no environment", "Name the folder"),
        ("/bin/false", "/bin/false has no interpreter that runs", "Repair"),
        ("/etc/passwd", "/etc/passwd has no interpreter that runs", "Repair"),
    ],
)
async def test_what_is_not_there_is_named(place, existing, words, hint):
    with pytest.raises(PythonNotFoundError, match=words) as caught:
        await place.lease(existing)

    assert hint in caught.value.hint


async def test_a_python_that_is_too_old(place):
    program = place.place / "bin" / "python"
    program.unlink()
    program.write_text('#!/bin/sh\necho \'{"version": "3.6.9", "prefix": "/x", "packages": []}\'\n')

    with pytest.raises(PythonNotFoundError, match="has no interpreter that runs"):
        await place.lease("stardist")
    program.chmod(0o755)
    with pytest.raises(PythonNotFoundError, match=r"has Python 3\.6\.9, and plugins run on 3\.7"):
        await place.lease("stardist")


async def test_one_that_went_away_is_looked_for_again(place):
    (await place.lease("stardist")).release()
    (place.place / "bin" / "python").unlink()
    (place.place / "bin" / "python3").unlink()

    with pytest.raises(PythonNotFoundError):
        await place.lease("stardist")

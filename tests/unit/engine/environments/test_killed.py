"""An engine is killed at many moments, and what it leaves is never taken for an environment."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

from imjoy_engine.environments import EnvironmentSpec, EnvironmentStore, Inventory, UvBuilder
from imjoy_engine.environments.protect import MARKER
from support.packages import make_wheel

PACKAGES = 8
# Builds and removes until it is killed; says so once it has begun.
ENGINE = """
import asyncio, json, sys
from pathlib import Path
from imjoy_engine.environments import EnvironmentSpec, EnvironmentStore, Inventory, UvBuilder

async def main(root, variables, pip):
    spec = EnvironmentSpec(pip=tuple(pip))
    store = EnvironmentStore(Path(root), UvBuilder(Path(root) / "uv", variables))
    inventory = Inventory(Path(root))
    print("begun", flush=True)
    while True:
        with await store.ensure(spec, lambda progress: None) as lease:
            key = lease.key
        print("ready", flush=True)
        await asyncio.to_thread(inventory.remove, key)

asyncio.run(main(*map(json.loads, sys.argv[1:])))
"""


class Workplace:
    def __init__(self, folder: Path) -> None:
        self.root = folder / "store"
        self.names = tuple(f"tiny-{number}" for number in range(PACKAGES))
        for name in self.names:
            make_wheel(folder, name, "1.0", size_bytes=20_000)
        self.variables = {
            "PATH": os.defpath,
            "HOME": str(folder),
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(folder),
        }
        self.arguments = [
            json.dumps(value) for value in (str(self.root), self.variables, self.names)
        ]

    async def begun(self) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            ENGINE,
            *self.arguments,
            env={"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            stdout=asyncio.subprocess.PIPE,
        )
        assert await process.stdout.readline() == b"begun\n"
        return process

    def whole(self, prefix: Path) -> bool:
        code = "".join(f"import {name.replace('-', '_')}\n" for name in self.names)
        done = subprocess.run([prefix / "bin" / "python", "-I", "-B", "-c", code])
        return done.returncode == 0


async def test_killed_at_many_moments_it_leaves_nothing_that_is_believed(short_dir):
    place = Workplace(short_dir)
    builder = UvBuilder(place.root / "uv", place.variables)
    store = EnvironmentStore(place.root, builder)
    inventory = Inventory(place.root)
    left = set()
    for number in range(14):
        process = await place.begun()
        # A moment of the first round, or of a later one, which removes and builds again.
        await asyncio.wait((asyncio.ensure_future(process.wait()),), timeout=0.01 + number * 0.045)
        process.kill()
        await process.wait()
        for one in await asyncio.to_thread(inventory.environments):
            left.add(one.state)
            if one.state == "ready":
                assert await asyncio.to_thread(place.whole, one.prefix)
            else:
                assert not (one.prefix / MARKER).exists() or one.state == "building"

    with await store.ensure(EnvironmentSpec(pip=place.names), lambda progress: None) as lease:
        assert await asyncio.to_thread(place.whole, lease.prefix)
    await asyncio.to_thread(inventory.make_room)
    assert [one.state for one in await asyncio.to_thread(inventory.environments)] == ["ready"]
    assert left

"""One of the scripts here as a running process: a line in, the milliseconds of one start out."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from uv import find_uv_bin

from benchmarks.measure import Round

HERE = Path(__file__).parent
ENVIRONMENTS = HERE.parent / "out" / "peers"
LONGEST_S = 120.0
STOP_S = 10.0

APPOSE = "appose"
JUPYTER = "jupyter kernel"
HYPHA = "hypha worker"
PEERS: dict[str, tuple[str, list[str]]] = {
    APPOSE: ("appose_service.py", ["appose"]),
    JUPYTER: ("jupyter_kernel.py", ["jupyter_client", "ipykernel"]),
    # Hypha's server imports what it does not require, and stumbles over newer ones of what it does.
    HYPHA: (
        "hypha_worker.py",
        ["hypha", "hypha-rpc", "aiobotocore", "sqlalchemy<2.1", "sqlmodel<0.0.30"],
    ),
}


def environment_of(name: str) -> Path | None:
    """Return the interpreter of a peer, installed from the package index once; None without one."""
    _, packages = PEERS[name]
    prefix = ENVIRONMENTS / name.replace(" ", "-")
    done = prefix / "installed"
    if not done.exists():
        uv = find_uv_bin()
        python = str(prefix / "bin" / "python")
        try:
            subprocess.run([uv, "venv", "-q", "--clear", "-p", sys.executable, prefix], check=True)
            subprocess.run([uv, "pip", "install", "-q", "--python", python, *packages], check=True)
        except subprocess.CalledProcessError:
            print(f"{name} is left out: it could not be installed.", file=sys.stderr)
            return None
        done.touch()
    return prefix / "bin" / "python"


@asynccontextmanager
async def starting(python: Path | str, script: str, key: str) -> AsyncIterator[Round]:
    """Run a script of this folder; each round is one start, its milliseconds under `key`."""
    child = await asyncio.create_subprocess_exec(
        str(python),
        str(HERE / script),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )

    async def once() -> dict[str, float]:
        child.stdin.write(b"start\n")
        async with asyncio.timeout(LONGEST_S):
            line = await child.stdout.readline()
        if not line:
            raise RuntimeError(f"{script} ended; run it by hand to see why.")
        return {key: float(line)}

    try:
        await once()  # The first one reads everything from the disk.
        yield once
    finally:
        child.stdin.close()
        try:
            async with asyncio.timeout(STOP_S):
                await child.wait()
        except TimeoutError:
            child.kill()
            await child.wait()

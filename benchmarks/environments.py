"""An environment for each peer that comes from a package index, made once by uv."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import sys
from pathlib import Path

import uv

from benchmarks.rounds import SubjectFailedError

DIRECTORY = Path(__file__).parent / "out" / "peers"


async def interpreter(name: str, requirements: tuple[str, ...]) -> str:
    """Return the interpreter of an environment with these packages. Raises SubjectFailedError."""
    key = hashlib.sha256("\n".join((sys.version, *requirements)).encode()).hexdigest()[:8]
    prefix = DIRECTORY / f"{name}-{key}"
    python = prefix / "bin" / "python"
    if not (prefix / "complete").exists():
        shutil.rmtree(prefix, ignore_errors=True)
        print(f"Installing {name} into an environment of its own.", file=sys.stderr, flush=True)
        await _uv("venv", "--quiet", "--python", sys.executable, str(prefix))
        await _uv("pip", "install", "--quiet", "--python", str(python), *requirements)
        (prefix / "complete").touch()
    return str(python)


async def _uv(*arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(
        uv.find_uv_bin(), *arguments, stderr=asyncio.subprocess.PIPE
    )
    _, words = await process.communicate()
    if process.returncode != 0:
        raise SubjectFailedError(f"not installed: {' '.join(words.decode().split())[:300]}")

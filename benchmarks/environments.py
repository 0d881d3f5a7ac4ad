"""An environment for each peer that comes from a package index, made once by uv."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import uv

from benchmarks.rounds import SubjectFailedError
from imjoy_engine.environments.interpreters import best_interpreter, find_interpreters

DIRECTORY = Path(__file__).parent / "out" / "peers"


@dataclass(frozen=True)
class Wish:
    """Packages, of which the first names the environment.

    `python` says which versions will do, as in ">=3.7,<3.10": without it, the one that runs the
    benchmarks. `instead` goes before what the packages themselves require.
    """

    packages: tuple[str, ...]
    python: str = ""
    instead: tuple[str, ...] = ()


async def interpreter(wish: Wish) -> str:
    """Return the interpreter of an environment that is as wished. Raises SubjectFailedError."""
    async with _one_at_a_time:
        return await _installed(wish)


async def _installed(wish: Wish) -> str:
    name = re.match(r"\w+", wish.packages[0])[0]
    key = hashlib.sha256(repr((wish, sys.version)).encode()).hexdigest()[:8]
    prefix = DIRECTORY / f"{name}-{key}"
    program = prefix / "bin" / "python"
    if not (prefix / "complete").exists():
        base = await _found(wish.python) if wish.python else sys.executable
        shutil.rmtree(prefix, ignore_errors=True)
        print(f"Installing {name} into an environment of its own.", file=sys.stderr, flush=True)
        await _uv("venv", "--quiet", "--python", base, str(prefix))
        overrides = prefix / "instead.txt"
        overrides.write_text("\n".join(wish.instead))
        await _uv(
            *("pip", "install", "--quiet", "--python", str(program)),
            *("--overrides", str(overrides), *wish.packages),
        )
        (prefix / "complete").touch()
    return str(program)


_one_at_a_time = asyncio.Lock()


async def _found(python: str) -> str:
    """Return a Python of this machine, or else the wish itself: uv fetches one where it can."""
    found = best_interpreter(python, await find_interpreters(os.environ))
    return str(found.path) if found else python


async def _uv(*arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(
        uv.find_uv_bin(), *arguments, stderr=asyncio.subprocess.PIPE
    )
    _, words = await process.communicate()
    if process.returncode != 0:
        raise SubjectFailedError(f"not installed: {' '.join(words.decode().split())[:300]}")

"""Which Pythons a machine has: the system's, pyenv's, those that uv fetched, conda's.

Programs that only look for another one (the shims of pyenv, links into virtual environments) are
not among them. What is not here: fetching one that is missing (`uv.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version

from imjoy_engine.environments.spec import python_accepts

__all__ = [
    "OLDEST_PYTHON",
    "Interpreter",
    "best_interpreter",
    "candidates",
    "conda_prefixes",
    "find_interpreters",
    "is_too_old",
]

OLDEST_PYTHON = "3.7"
"""The oldest version that a plugin's worker runs on."""

_PROGRAM = re.compile(r"python3(\.\d+)?")
_CONDA_FOLDERS = ("miniconda3", "miniforge3", "mambaforge", "anaconda3", "micromamba")
_SYSTEM_FOLDERS = ("/usr/bin", "/usr/local/bin")
_ASK_TIMEOUT_S = 10.0
_AT_ONCE = 4
# -I and -S: neither the person's packages nor a start-up file of theirs is run.
_QUESTION = (
    "import sys; print('.'.join(map(str, sys.version_info[:3])), "
    "sys.version_info[3], sys.prefix == sys.base_prefix)"
)


@dataclass(frozen=True, slots=True)
class Interpreter:
    """One Python: its program, its version (`3.9.18`) and who brought it."""

    path: Path
    version: str
    origin: str


def candidates(variables: Mapping[str, str]) -> list[tuple[str, Path]]:
    """Return the programs that may be Pythons, each with its origin, none twice.

    Blocks. `variables` are those of the machine, which say where tools keep what is theirs.
    """
    found: dict[Path, tuple[str, Path]] = {}
    for origin, path in _places(variables):
        with contextlib.suppress(OSError):
            if path.is_file():
                found.setdefault(path.resolve(), (origin, path))
    return list(found.values())


async def find_interpreters(variables: Mapping[str, str]) -> list[Interpreter]:
    """Return the Pythons of this machine that run, in the order in which they should be taken.

    Each is started once and asked for its version; cancelled, none of them is left running.
    """
    turns = asyncio.Semaphore(_AT_ONCE)

    async def asked(origin: str, path: Path) -> Interpreter | None:
        async with turns:
            return await _asked(origin, path)

    places = await asyncio.to_thread(candidates, variables)
    answers = await asyncio.gather(*(asked(origin, path) for origin, path in places))
    return [answer for answer in answers if answer is not None]


def best_interpreter(wish: str, interpreters: Sequence[Interpreter]) -> Interpreter | None:
    """Return the one that fulfils `wish` best: the newest, and of equal ones the first.

    A wish for one exact version is also met by another release of the same minor version, which
    differs in corrections only; an exact one is preferred.
    """
    usable = [one for one in interpreters if not is_too_old(one.version)]
    for accepted in (wish, ".".join(wish.split(".")[:2]) if wish[0].isdigit() else wish):
        fitting = [one for one in usable if python_accepts(accepted, one.version)]
        if fitting:
            return max(fitting, key=lambda one: Version(one.version))
    return None


def is_too_old(version: str) -> bool:
    """Return whether a version, or a wish for one, lies below what a worker runs on."""
    if not version[0].isdigit():
        return False
    oldest = Version(OLDEST_PYTHON).release
    return Version(version).release < oldest[: len(Version(version).release)]


def _places(variables: Mapping[str, str]) -> Iterator[tuple[str, Path]]:
    home = Path(variables.get("HOME") or "/")
    for folder in dict.fromkeys([*variables.get("PATH", "").split(":"), *_SYSTEM_FOLDERS]):
        if folder and not folder.rstrip("/").endswith("/shims"):
            yield from (("system", path) for path in _programs(Path(folder)))
    pyenv = Path(variables.get("PYENV_ROOT") or home / ".pyenv")
    for version in _listed(pyenv / "versions"):
        yield "pyenv", version / "bin/python"
    data = Path(variables.get("XDG_DATA_HOME") or home / ".local/share")
    managed = variables.get("UV_PYTHON_INSTALL_DIR") or data / "uv/python"
    for version in _listed(Path(managed)):
        yield "uv", version / "bin/python3"
    for prefix in conda_prefixes(variables):
        yield "conda", prefix / "bin/python"


def conda_prefixes(variables: Mapping[str, str]) -> Iterator[Path]:
    """Yield the places of conda's environments, whether or not anything is there; blocks."""
    home = Path(variables.get("HOME") or "/")
    roots = [home / name for name in _CONDA_FOLDERS]
    roots += [Path("/opt") / name for name in ("conda", *_CONDA_FOLDERS)]
    if variables.get("MAMBA_ROOT_PREFIX"):
        roots.append(Path(variables["MAMBA_ROOT_PREFIX"]))
    if variables.get("CONDA_EXE"):
        roots.append(Path(variables["CONDA_EXE"]).parent.parent)
    for root in roots:
        yield root
        yield from _listed(root / "envs")
    # Here conda itself writes down every environment that it makes.
    with contextlib.suppress(OSError, UnicodeDecodeError):
        lines = (home / ".conda/environments.txt").read_text(encoding="utf-8").splitlines()
        yield from (Path(line.strip()) for line in lines if line.startswith("/"))


def _programs(folder: Path) -> list[Path]:
    return [path for path in _listed(folder) if _PROGRAM.fullmatch(path.name)]


def _listed(folder: Path) -> Iterable[Path]:
    try:
        return sorted(folder.iterdir(), reverse=True)
    except OSError:
        return []


async def _asked(origin: str, path: Path) -> Interpreter | None:
    """Return what a program says of itself, or None when it is no Python of its own."""
    try:
        process = await asyncio.create_subprocess_exec(
            *(str(path), "-I", "-S", "-c", _QUESTION),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={},
        )
    except OSError:
        return None
    try:
        async with asyncio.timeout(_ASK_TIMEOUT_S):
            words, _ = await process.communicate()
    except TimeoutError:
        return None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    match words.decode(errors="replace").split():
        case [version, "final", "True"] if process.returncode == 0:
            return Interpreter(path, version, origin)
        case _:
            return None

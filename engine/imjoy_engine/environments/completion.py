"""A wish made whole: what it refers to is fetched and read, until only packages are left.

Repositories are cloned into the plugin's work directory, lists of packages inside them are read,
and a named environment is looked up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from imjoy_engine.environments.builder import Attempt
from imjoy_engine.environments.repositories import clone
from imjoy_engine.environments.spec import EnvironmentSpec, joined
from imjoy_engine.environments.spec_files import spec_from_file
from imjoy_engine.errors import EnvironmentBuildError, ManifestError

__all__ = ["Shelves", "complete", "is_complete", "named_environments"]

_FILES = (
    "requirements.{accelerator}.lock.txt",
    "pylock.toml",
    "requirements.lock.txt",
    "environment.yml",
    "environment.yaml",
    "requirements.txt",
    "requirements.in",
)
_ENDINGS = (".yml", ".yaml", ".txt", ".in", ".toml", ".py")


async def no_cuda() -> None:
    """Return that there is none."""


@dataclass(frozen=True, slots=True)
class Shelves:
    """Where named environments are: the first of `folders` that has one counts.

    One may have a lock for CUDA and one for the processor alone; what `cuda` finds decides.
    """

    folders: tuple[Path, ...] = ()
    cuda: Callable[[], Awaitable[str | None]] = no_cuda


def is_complete(spec: EnvironmentSpec) -> bool:
    """Return whether `spec` refers to nothing that is elsewhere."""
    return not (spec.repositories or spec.files or spec.named or spec.packed)


async def complete(
    spec: EnvironmentSpec,
    work_dir: Path,
    shelves: Shelves,
    machine: Mapping[str, str],
    attempt: Attempt,
) -> EnvironmentSpec:
    """Return `spec` with everything that it refers to.

    Named environments are looked for in `shelves`.

    Raises `EnvironmentBuildError`, `MachineError` and `ManifestError`, each naming what is missing.
    """
    for repository in spec.repositories:
        await clone(repository, work_dir, machine, attempt)
    parts = [replace(spec, repositories=(), files=(), named=None, packed=None)]
    parts += [await asyncio.to_thread(_read, work_dir, name) for name in spec.files]
    if spec.named is not None:
        accelerator = "cuda" if await shelves.cuda() else "cpu"
        parts.append(await asyncio.to_thread(_look_up, spec.named, shelves.folders, accelerator))
    if spec.packed is not None:
        parts.append(EnvironmentSpec(packed=str(await asyncio.to_thread(_placed, spec, work_dir))))
    return joined(parts, "the plugin's config")


def _placed(spec: EnvironmentSpec, work_dir: Path) -> Path:
    return work_dir / Path(spec.packed or "").expanduser()


def named_environments(folders: Sequence[Path], accelerator: str = "cpu") -> dict[str, Path]:
    """Return the named environments with the file of each; blocks."""
    found: dict[str, Path] = {}
    for shelf in folders:
        for path in sorted(shelf.iterdir()) if shelf.is_dir() else ():
            if path.is_dir():
                files = (path / name.format(accelerator=accelerator) for name in _FILES)
                file = next((file for file in files if file.is_file()), None)
                if file is not None:
                    found.setdefault(path.name, file)
            elif path.name.endswith(_ENDINGS) and not path.name.startswith("."):
                found.setdefault(path.name.partition(".")[0], path)
    return found


def _look_up(name: str, folders: Sequence[Path], accelerator: str) -> EnvironmentSpec:
    known = named_environments(folders, accelerator)
    if name not in known:
        raise ManifestError(
            f"There is no named environment {name!r} here.",
            hint=f"There are {', '.join(sorted(known))}."
            if known
            else "Put its list of packages into the folder envs of the workspace.",
        )
    return _parsed(known[name])


def _read(work_dir: Path, name: str) -> EnvironmentSpec:
    path = work_dir / name
    if not path.resolve().is_relative_to(work_dir.resolve()):
        raise ManifestError(
            f"{name} leads out of the plugin's work directory.",
            hint="Name a file of a cloned repository, such as name/environment.yml.",
        )
    return _parsed(path)


def _parsed(path: Path) -> EnvironmentSpec:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise EnvironmentBuildError(
            f"The list of packages {path.name} cannot be read: {why}.",
            hint=f"It should be {path}.",
        ) from None
    return spec_from_file(path.name, text)

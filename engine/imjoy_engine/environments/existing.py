"""Environments that are on the machine already: used as they are, never changed.

One may be given as an interpreter (`/usr/bin/python3.9`), as the folder of a virtual environment or
of an environment of conda, or by the name that conda knows it by.
"""

from __future__ import annotations

import asyncio
import json
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from imjoy_engine.environments.activation import activated
from imjoy_engine.environments.builder import Attempt
from imjoy_engine.environments.indexes import redacted
from imjoy_engine.environments.interpreters import OLDEST_PYTHON, conda_prefixes, is_too_old
from imjoy_engine.environments.lock import Lock
from imjoy_engine.environments.progress import Phase, Progress
from imjoy_engine.environments.requirements import is_reference
from imjoy_engine.environments.spec import EnvironmentSpec, python_accepts
from imjoy_engine.errors import (
    EnvironmentBuildError,
    NoSuchPackageError,
    NoSuchVersionError,
    PythonNotFoundError,
)
from imjoy_engine.processes import Command, Ladder, ProcessTree, scrubbed

__all__ = ["ExistingBuilder", "existing_place"]

# Runs in any Python from 3.7 on. Without -I, so that a .pth file or a conda environment is seen as
# its own processes see it; user packages stay out by -s.
_QUESTION = """
import json, sys
try:
    from importlib.metadata import distributions
except ImportError:
    distributions = None
found = {}
if distributions is not None:
    for one in distributions():
        if one.metadata["Name"]:
            found.setdefault(one.metadata["Name"], one.version)
else:
    import pkg_resources
    found = {one.project_name: one.version for one in pkg_resources.working_set}
version = ".".join(map(str, sys.version_info[:3]))
packages = sorted(found.items())
print("\\n" + json.dumps({"version": version, "prefix": sys.prefix, "packages": packages}))
"""


class ExistingBuilder:
    """Finds what is there; what it makes is only a pointer to it."""

    name = "existing"

    def __init__(self, machine_variables: Mapping[str, str], machine: str) -> None:
        self._variables = dict(machine_variables)
        self._machine = machine

    @property
    def machine(self) -> str:
        """The platform; everything else is in the lock."""
        return self._machine

    async def resolve(self, spec: EnvironmentSpec, attempt: Attempt) -> Lock:
        """Return where it is and what is in it.

        Raises `PythonNotFoundError` when there is none that runs, and `NoSuchPackageError` or
        `NoSuchVersionError` when it lacks something that the plugin asks for: it is used as it is.
        """
        wish = spec.existing or ""
        attempt.on_progress(Progress(Phase.RESOLVE, message=f"Looking at {wish}"))
        program = await asyncio.to_thread(self._program, wish)
        found = await self._asked(program, wish, attempt)
        if spec.python and not python_accepts(spec.python, found["version"]):
            raise PythonNotFoundError(
                f"{wish} has Python {found['version']}, and the plugin asks for {spec.python}.",
                hint="Name another environment, or let the engine build one.",
            )
        _refuse_missing(wish, spec, found["packages"], attempt)
        content = {"prefix": found["prefix"], "packages": found["packages"]}
        return Lock(
            json.dumps(content, indent=1), str(program), found["version"], builder=self.name
        )

    async def build(self, lock: Lock, prefix: Path, attempt: Attempt, *, allow_build: bool) -> None:
        """Make `prefix` a pointer: its only program is the interpreter, started where it is.

        Raises `PythonNotFoundError` when it does not run any more.
        """
        attempt.on_progress(Progress(Phase.LINK, lock.python, 0, 1, "packages", "Pointing there"))
        await asyncio.to_thread(_point, prefix, lock.python)
        attempt.on_progress(Progress(Phase.VERIFY, message="Trying the interpreter"))
        await self._asked(prefix / "bin" / "python", lock.python, attempt)
        place = Path(existing_place(lock)["place"])
        if await asyncio.to_thread((place / "conda-meta").is_dir):
            attempt.variables.update(await activated(place, self._variables, attempt))

    def _program(self, wish: str) -> Path:
        """Return the interpreter that was meant; blocks."""
        if "/" not in wish:
            prefixes = list(conda_prefixes(self._variables))
            named = [one for one in prefixes if one.name == wish and one.parent.name == "envs"]
            fitting = named or [one for one in prefixes if wish == "base" and one.name != "envs"]
            for prefix in fitting:
                if (prefix / "bin" / "python").exists():
                    return prefix / "bin" / "python"
            known = sorted({one.name for one in prefixes if one.parent.name == "envs"})
            raise PythonNotFoundError(
                f"This machine's conda knows no environment named {wish}.",
                hint=f"It knows {', '.join(known)}."
                if known
                else "Name a folder or an interpreter, or let the engine build one: conda create.",
            )
        path = Path(wish).expanduser()
        for program in (path / "bin" / "python", path / "bin" / "python3", path):
            if program.is_file():
                return program
        raise PythonNotFoundError(
            f"{wish} is no environment and no interpreter of this machine.",
            hint="Name the folder of an environment, or the file of an interpreter.",
        )

    async def _asked(self, program: Path, wish: str, attempt: Attempt) -> dict[str, Any]:
        argv = [str(program), "-s", "-c", _QUESTION]
        attempt.log.append(redacted(f"$ {shlex.join(argv[:2])} -c '…'"))
        printed = bytearray()
        command = Command(argv, scrubbed(self._variables), Path("/"), grace_s=0)
        try:
            tree = await ProcessTree.start(command, lambda _, chunk: printed.extend(chunk))
        except OSError as error:
            raise _not_running(wish, str(error.strerror), attempt) from error
        try:
            report = await tree.wait()
        finally:
            await tree.stop(Ladder.at_once())
        words = printed.decode(errors="replace")
        attempt.log.extend(redacted(words).splitlines()[-20:])
        try:
            found: dict[str, Any] = json.loads(words.strip().rpartition("\n")[2])
        except ValueError:
            raise _not_running(wish, report.words, attempt) from None
        if is_too_old(found["version"]):
            raise PythonNotFoundError(
                f"{wish} has Python {found['version']}, and plugins run on {OLDEST_PYTHON} or "
                "later.",
                hint="Name another environment, or let the engine build one.",
            )
        return found


def existing_place(lock: Lock) -> dict[str, str]:
    """Return what a manifest says about where a lock of this builder leads."""
    return {"program": lock.python, "place": json.loads(lock.text)["prefix"]}


def _point(prefix: Path, program: str) -> None:
    pointer = prefix / "bin" / "python"
    pointer.parent.mkdir(parents=True)
    # No link: a virtual environment's interpreter finds its packages by its own path.
    pointer.write_text(f'#!/bin/sh\nexec {shlex.quote(program)} "$@"\n')
    pointer.chmod(0o755)


def _refuse_missing(
    wish: str, spec: EnvironmentSpec, packages: Iterable[tuple[str, str]], attempt: Attempt
) -> None:
    there = {canonicalize_name(name): version for name, version in packages}
    hint = f"Install it there, or leave out {wish}, so that the engine builds an environment."
    tail = "\n".join(attempt.log)
    for line in spec.pip:
        name = canonicalize_name(line if "://" in line and " @ " not in line else _name(line))
        if name not in there:
            raise NoSuchPackageError(
                f"{wish} is used as it is, and has no {name}.", hint=hint, log_tail=tail
            )
        if not is_reference(line) and not _accepts(line, there[name]):
            raise NoSuchVersionError(
                f"{wish} is used as it is, and has {name} {there[name]}: the plugin asks for "
                f"{line}.",
                hint=hint,
                log_tail=tail,
            )


def _name(line: str) -> str:
    return Requirement(line).name


def _accepts(line: str, version: str) -> bool:
    requirement = Requirement(line)
    return requirement.specifier.contains(version, prereleases=True)


def _not_running(wish: str, why: str, attempt: Attempt) -> EnvironmentBuildError:
    return PythonNotFoundError(
        f"{wish} has no interpreter that runs: {why}.",
        hint="Repair that environment, or let the engine build one.",
        log_tail="\n".join(attempt.log[-20:]),
    )

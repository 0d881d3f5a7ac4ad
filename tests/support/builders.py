"""A builder that needs no tool: what it builds looks like an environment and is none."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from imjoy_engine.environments import EnvironmentSpec, Phase, Progress
from imjoy_engine.environments.builder import Attempt
from imjoy_engine.environments.lock import Lock
from imjoy_engine.errors import EnvironmentBuildError, NoSuchPackageError

__all__ = ["FakeBuilder"]


class FakeBuilder:
    """Resolves to the newest of `versions`; waits while `gate` is closed; raises `failure`."""

    name = "fake"
    machine = "fake machine"

    def __init__(self, **versions: str) -> None:
        self.versions = versions
        self.failure: BaseException | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.building = asyncio.Event()
        self.resolved = 0
        self.built = 0
        self.cancelled = 0

    async def resolve(self, spec: EnvironmentSpec, attempt: Attempt) -> Lock:
        self.resolved += 1
        attempt.on_progress(Progress(Phase.RESOLVE, message="Choosing versions"))
        attempt.log.append(f"$ fake resolve {' '.join(spec.pip)}")
        names = [requirement.partition("==")[0] for requirement in spec.pip]
        for name in names:
            if name not in self.versions:
                tail = "\n".join(attempt.log)
                raise NoSuchPackageError(f"There is no package named {name}.", log_tail=tail)
        return Lock("".join(f"{name}=={self.versions[name]}\n" for name in names))

    async def build(self, lock: Lock, prefix: Path, attempt: Attempt, *, allow_build: bool) -> None:
        attempt.log.append("$ fake build")
        (prefix / "bin").mkdir(parents=True)
        (attempt.scratch / "note").write_text(lock.text)
        total = len(lock.packages)
        attempt.on_progress(Progress(Phase.LINK, total=total, unit="packages"))
        self.building.set()
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.failure is not None:
            raise self.failure
        for package in lock.packages:
            if self.versions.get(package.name) != package.version:
                raise EnvironmentBuildError(f"{package.name} {package.version} is gone.")
        (prefix / "bin" / "python").symlink_to(sys.executable)
        self.built += 1

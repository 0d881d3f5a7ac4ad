"""One builder for every wish: uv, or conda where packages of conda are wanted."""

from __future__ import annotations

from pathlib import Path

from imjoy_engine.environments.builder import Attempt, EnvironmentBuilder
from imjoy_engine.environments.lock import Lock
from imjoy_engine.environments.requirements import refuse_what_nobody_can
from imjoy_engine.environments.spec import EnvironmentSpec

__all__ = ["Builders"]


class Builders:
    """Gives each wish to the builder that can do it; a lock says whose it is."""

    def __init__(self, uv: EnvironmentBuilder, conda: EnvironmentBuilder) -> None:
        self._uv = uv
        self._conda = conda

    @property
    def name(self) -> str:
        """The name of the usual one; what another built carries its name."""
        return self._uv.name

    @property
    def machine(self) -> str:
        """What prefixes of both depend on."""
        return self._uv.machine

    async def resolve(self, spec: EnvironmentSpec, attempt: Attempt) -> Lock:
        """Return what fulfils `spec` today, by conda only when it asks for packages of conda."""
        refuse_what_nobody_can(spec)
        return await (self._conda if spec.conda else self._uv).resolve(spec, attempt)

    async def build(self, lock: Lock, prefix: Path, attempt: Attempt, *, allow_build: bool) -> None:
        """Build by whom the lock was made."""
        builder = self._conda if lock.builder == self._conda.name else self._uv
        await builder.build(lock, prefix, attempt, allow_build=allow_build)

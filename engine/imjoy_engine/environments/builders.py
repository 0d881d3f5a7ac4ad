"""One builder for every wish: uv, or conda, or what is there already, or what was packed."""

from __future__ import annotations

from pathlib import Path

from imjoy_engine.environments.builder import Attempt, EnvironmentBuilder
from imjoy_engine.environments.interpreters import is_too_old
from imjoy_engine.environments.lock import Lock
from imjoy_engine.environments.spec import EnvironmentSpec
from imjoy_engine.errors import EngineError, EnvironmentBuildError, PythonNotFoundError

__all__ = ["Builders"]


class Builders:
    """Gives each wish to the builder that can do it; a lock says whose it is."""

    def __init__(
        self, uv: EnvironmentBuilder, conda: EnvironmentBuilder, *others: EnvironmentBuilder
    ) -> None:
        self._uv = uv
        self._conda = conda
        self._by_name = {one.name: one for one in (uv, conda, *others)}

    @property
    def name(self) -> str:
        """The name of the usual one; what another built carries its name."""
        return self._uv.name

    @property
    def machine(self) -> str:
        """What prefixes of all depend on."""
        return self._uv.machine

    async def resolve(self, spec: EnvironmentSpec, attempt: Attempt) -> Lock:
        """Return what fulfils `spec` today, by conda only when uv cannot do it."""
        if spec.existing or spec.packed:
            name = "existing" if spec.existing else "packed"
            return await self._by_name[name].resolve(spec, attempt)
        if spec.conda:
            return await self._conda.resolve(spec, attempt)
        try:
            return await self._uv.resolve(spec, attempt)
        except PythonNotFoundError as error:
            if spec.python is None or is_too_old(spec.python):
                raise
            return await self._with_condas_python(spec, attempt, error)

    async def build(self, lock: Lock, prefix: Path, attempt: Attempt, *, allow_build: bool) -> None:
        """Build by whom the lock was made."""
        builder = self._by_name.get(lock.builder, self._uv)
        await builder.build(lock, prefix, attempt, allow_build=allow_build)

    async def _with_condas_python(
        self, spec: EnvironmentSpec, attempt: Attempt, error: PythonNotFoundError
    ) -> Lock:
        """Return a lock with the Python of a channel, when it is nowhere else to be had."""
        attempt.log.append(f"{error.message} Asking the channels of conda for it.")
        try:
            return await self._conda.resolve(spec, attempt)
        except EngineError as failure:
            attempt.log.append(f"From conda neither: {failure.message}")
            if isinstance(failure, EnvironmentBuildError) and failure.code != "index-unreachable":
                error.hint = f"{error.hint} A channel of conda does not have it either."
            else:
                error.hint = f"{error.hint} Conda's channels may have it: {failure.hint}"
            error.log_tail = "\n".join(attempt.log[-60:])
            raise error from failure

"""The right to use an environment, and the port that grants it.

What is not here: the store that builds and keeps environments (`store.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol

from imjoy_engine.environments.progress import OnProgress
from imjoy_engine.environments.spec import EnvironmentSpec

__all__ = ["EnvironmentLease", "Environments", "Package"]


@dataclass(frozen=True, slots=True)
class Package:
    """One installed package."""

    name: str
    version: str


class EnvironmentLease:
    """A ready environment that nobody removes while the lease is held.

    `variables` are what its packages want of every process that runs in it.
    """

    def __init__(
        self,
        key: str,
        prefix: Path,
        packages: tuple[Package, ...] = (),
        *,
        variables: Mapping[str, str] | None = None,
        on_release: Callable[[], None] | None = None,
    ) -> None:
        self.key = key
        self.prefix = prefix
        self.packages = packages
        self.variables = dict(variables or {})
        self._on_release = on_release

    @property
    def python(self) -> Path:
        """The environment's interpreter."""
        return self.prefix / "bin" / "python"

    def release(self) -> None:
        """Give the environment back; a second call does nothing."""
        on_release, self._on_release = self._on_release, None
        if on_release is not None:
            on_release()

    def __enter__(self) -> EnvironmentLease:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


class Environments(Protocol):
    """Turns what a plugin needs into a ready interpreter."""

    async def ensure(self, spec: EnvironmentSpec, on_progress: OnProgress) -> EnvironmentLease:
        """Return a lease of an environment that fulfils `spec`, built first when none does.

        Called by the supervisor, which releases the lease when the worker is gone. All callers that
        want the same environment share one build and see its progress, also from before they came.
        When the last of them is cancelled the build ends at once and nothing of it is left.

        Raises `EnvironmentBuildError` with the tool's own words in `log_tail`.
        """
        ...

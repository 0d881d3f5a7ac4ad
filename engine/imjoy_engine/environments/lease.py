"""The right to use an environment, and the port that grants it.

What is not here: the store that builds and keeps environments (`store.py`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from imjoy_engine.environments.progress import OnProgress
from imjoy_engine.environments.spec import EnvironmentSpec

__all__ = [
    "NOBODY",
    "Allow",
    "EnvironmentLease",
    "Environments",
    "Owner",
    "Package",
    "nobody_allows",
]

Allow = Callable[[tuple[str, ...]], Awaitable[bool]]
"""Asks a person whether a plugin may run these commands, shown word by word, while its environment
is made. Cancelled, the question is withdrawn. Whether an answer is remembered is its own business.
"""


async def nobody_allows(commands: tuple[str, ...]) -> bool:
    """Refuse, where there is no person to ask."""
    return False


@dataclass(frozen=True, slots=True)
class Owner:
    """On whose behalf an environment is made.

    `name` is the plugin's, "" when there is none behind a wish: its lock and what its commands
    change are kept apart under it. Repositories are cloned into `work_dir`, and files looked for
    there.
    """

    name: str = ""
    work_dir: Path | None = None
    allow: Allow = nobody_allows

    @property
    def identity(self) -> str:
        """What tells one plugin from all others: its name and its workspace."""
        return f"{self.name} in {self.work_dir or ''}"


NOBODY = Owner()
"""Where no plugin is behind a wish."""


@dataclass(frozen=True, slots=True)
class Package:
    """One installed package."""

    name: str
    version: str


class EnvironmentLease:
    """A ready environment that nobody removes while the lease is held.

    `variables` are what its packages want of every process that runs in it. `read_only` are folders
    that no such process may change, because others share what is there; a `private` environment is
    its plugin's alone, which may do with it as it likes. Whoever is handed the file descriptor
    `fd`, if there is one, holds the environment too, until it ends. `record` is the lock that it
    was built from, as `Lock.as_record` writes it.
    """

    def __init__(
        self,
        key: str,
        prefix: Path,
        packages: tuple[Package, ...] = (),
        *,
        python: Path | None = None,
        variables: Mapping[str, str] | None = None,
        on_release: Callable[[], None] | None = None,
    ) -> None:
        self.key = key
        self.prefix = prefix
        self.packages = packages
        self.python = python or prefix / "bin" / "python"
        self.variables = dict(variables or {})
        self.read_only: tuple[Path, ...] = ()
        self.private = False
        self.record: Mapping[str, Any] = {}
        self.fd: int | None = None
        self._on_release = on_release

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

    async def ensure(
        self, spec: EnvironmentSpec, on_progress: OnProgress, owner: Owner = NOBODY
    ) -> EnvironmentLease:
        """Return a lease of an environment that fulfils `spec`, built first when none does.

        Called by the supervisor, which releases the lease when the worker is gone. All callers that
        want the same environment share one build and see its progress, also from before they came.
        When the last of them is cancelled the build ends at once and nothing of it is left.

        Raises `EnvironmentBuildError` with the tool's own words in `log_tail`.
        """
        ...

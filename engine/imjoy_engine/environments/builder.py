"""The port behind which environments are resolved and built.

What is not here: where prefixes live, who may use them and when (`store.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from imjoy_engine.environments.lock import Lock
from imjoy_engine.environments.progress import OnProgress
from imjoy_engine.environments.spec import EnvironmentSpec

__all__ = ["Attempt", "EnvironmentBuilder"]


@dataclass(slots=True)
class Attempt:
    """One resolve or build, seen from the builder.

    It may write into `scratch`, a directory of its own that is removed afterwards, and adds to
    `log` the commands it ran with their words, and to `variables` what processes in the environment
    need. `held_fds` must stay open as long as any process of
    it lives: they hold the lock of what is built.
    """

    scratch: Path
    on_progress: OnProgress
    log: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    held_fds: Sequence[int] = ()


class EnvironmentBuilder(Protocol):
    """Resolves wishes to locks and builds prefixes from locks."""

    @property
    def name(self) -> str:
        """What logs and manifests call this builder."""
        ...

    @property
    def machine(self) -> str:
        """What a prefix depends on beside its lock: interpreter, its build and place, platform."""
        ...

    async def resolve(self, spec: EnvironmentSpec, attempt: Attempt) -> Lock:
        """Return what fulfils `spec` today.

        Raises `EnvironmentBuildError`. Cancelled, it leaves no process.
        """
        ...

    async def build(self, lock: Lock, prefix: Path, attempt: Attempt, *, allow_build: bool) -> None:
        """Make `prefix`, whose parent exists, an environment with exactly what `lock` pins.

        Raises `EnvironmentBuildError`. Cancelled, it leaves no process; what it leaves at `prefix`
        is the store's to remove.
        """
        ...

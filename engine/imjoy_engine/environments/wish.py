"""What is asked of a store: a spec with the terms on which it is to be fulfilled."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from imjoy_engine.environments.builder import EnvironmentBuilder
from imjoy_engine.environments.existing import existing_place
from imjoy_engine.environments.lease import NOBODY, Owner
from imjoy_engine.environments.lock import Lock, environment_key, spec_key
from imjoy_engine.environments.spec import EnvironmentSpec

__all__ = ["Terms", "Wish", "described"]


@dataclass(frozen=True, slots=True)
class Terms:
    """How a wish is to be fulfilled, beside what it says.

    With `pinned` that lock is built; `exactly` means that nothing else will do. `fresh` chooses
    versions anew.
    """

    owner: Owner = NOBODY
    pinned: Lock | None = None
    exactly: bool = False
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Wish:
    """A spec with all that decides which environment it leads to."""

    spec: EnvironmentSpec
    machine: str
    terms: Terms
    private_to: str

    @property
    def key(self) -> str:
        """Under which its lock is kept."""
        return spec_key(self.spec, self.machine)

    def keeping_to(self, pinned: Callable[[], Lock | None]) -> Wish:
        """Return the wish with the lock that `pinned` returns, unless its terms name one."""
        if self.terms.pinned is not None:
            return self
        return replace(self, terms=replace(self.terms, pinned=pinned()))

    @property
    def shared_key(self) -> str:
        """Who has the same one waits for the same work."""
        pinned = self.environment(self.terms.pinned) if self.terms.pinned else ""
        return f"{self.key} {self.private_to} {pinned} {self.terms.exactly} {self.terms.fresh}"

    def environment(self, lock: Lock) -> str:
        """Return the key of the environment that it leads to by that lock."""
        return environment_key(
            lock,
            self.machine,
            allow_build=self.spec.allow_build,
            commands=self.spec.commands,
            private_to=self.private_to,
        )


def described(lock: Lock, builder: EnvironmentBuilder) -> dict[str, Any]:
    """Return what a manifest says about what was built from `lock`."""
    own = {package.name: package.version for package in lock.packages}
    version = lock.python_version or own.get("python", "") or platform.python_version()
    return {
        "builder": lock.builder or builder.name,
        "machine": builder.machine,
        "packages": [[package.name, package.version] for package in lock.packages],
        "lock": lock.text,
        "python": lock.python or ("" if lock.builder else sys.executable),
        "python_version": version,
        "record": lock.as_record(),
        **(existing_place(lock) if lock.builder == "existing" else {}),
    }

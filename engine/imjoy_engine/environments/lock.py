"""A resolved environment: every package with its version and hashes, and the keys made of it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from imjoy_engine.environments.lease import Package
from imjoy_engine.environments.spec import EnvironmentSpec

__all__ = ["Lock", "environment_key", "spec_key"]

_PINNED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)
_REFERRED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])? @ (\S+)", re.MULTILINE)
_KEY_LENGTH = 16


@dataclass(frozen=True, slots=True)
class Lock:
    """The text of a requirements file in which every package is pinned by version and hashes.

    `python` is the path of the interpreter that it holds for, and "" for the engine's own;
    `builder` is who made it, and "" for the usual one.

    That of a builder for conda is JSON: channels, packages with their builds and hashes, and the
    text for pip. It names no address but those that the plugin itself named, so it holds on any
    machine that can reach the packages. That of what is there already or packed is JSON, too: where
    it is, and what is in it.
    """

    text: str
    python: str = ""
    python_version: str = ""
    builder: str = ""

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Lock | None:
        """Return the lock in a record that `as_record` made, or None when it holds none."""
        texts = [record.get(name, "") for name in ("lock", "python", "python_version", "builder")]
        if "lock" not in record or not all(isinstance(text, str) for text in texts):
            return None
        return cls(*texts)

    def as_record(self) -> dict[str, str]:
        """Return the form in which it is kept."""
        return {
            "lock": self.text,
            "python": self.python,
            "python_version": self.python_version,
            "builder": self.builder,
        }

    @property
    def packages(self) -> tuple[Package, ...]:
        """What the lock pins, by name."""
        if self.builder == "conda":
            return _of_conda(self.text)
        if self.builder:
            listed = json.loads(self.text)["packages"]
            return tuple(Package(name, version) for name, version in listed)
        pinned = [Package(name, version) for name, version in _PINNED.findall(self.text)]
        referred = [Package(name, version) for name, version in self.references.items()]
        return tuple(sorted([*pinned, *referred], key=lambda package: package.name))

    @property
    def references(self) -> dict[str, str]:
        """What it takes from addresses: names, with the end of the address as their version.

        Of a repository that is the beginning of the commit, of a file its name.
        """
        found = {}
        for name, address in _REFERRED.findall(self.text):
            place, at, commit = address.partition("#")[0].rpartition("@")
            found[name] = commit[:12] if at and "://" in place else address.rpartition("/")[2]
        return found


def _of_conda(text: str) -> tuple[Package, ...]:
    content = json.loads(text)
    own = [Package(one["name"], one["version"]) for one in content["packages"]]
    return tuple(own) + Lock(content["pip"]).packages


def spec_key(spec: EnvironmentSpec, machine: str) -> str:
    """Return the name under which the lock of a wish is kept.

    `machine` is what the builder says that the answer depends on: interpreter and platform.
    """
    return _digest([json.dumps(spec.identity(), sort_keys=True, default=asdict), machine])


def environment_key(
    lock: Lock,
    machine: str,
    *,
    allow_build: bool,
    commands: Sequence[str] = (),
    private_to: str = "",
) -> str:
    """Return the name of the environment: two wishes with one lock share it.

    Not so when it is `private_to` a plugin, whose `commands` have changed it.
    """
    parts = [lock.text, machine, "source" if allow_build else "wheels"]
    if lock.python:
        parts += [lock.python, lock.python_version]
    if private_to or commands:
        parts += ["private", private_to, *commands]
    return _digest(parts)


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:_KEY_LENGTH]

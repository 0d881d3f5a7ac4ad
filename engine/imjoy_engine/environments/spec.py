"""A wanted environment, in one normal form whoever asked for it and however.

What is not here: reading it from a plugin's config (`plugin_config.py`) or from files that people
keep (`spec_files.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from imjoy_engine.errors import ManifestError

__all__ = [
    "EnvironmentSpec",
    "GpuRequest",
    "Repository",
    "joined",
    "python_accepts",
    "python_wish",
    "spec_from_identity",
]


@dataclass(frozen=True, slots=True)
class GpuRequest:
    """Which GPUs a plugin wants, with the meaning and the defaults of GPUtil's `getAvailable`.

    `max_load` and `max_memory` are fractions: busier or fuller cards do not count. `order` says
    which of the others come first. `excluded` holds indices and UUIDs that must not be taken.
    So much must be free as `memory_free_mib` says. One that is not `required` may be left out.
    """

    limit: int = 1
    max_load: float = 0.5
    max_memory: float = 0.5
    order: Literal["first", "last", "random", "load", "memory"] = "first"
    excluded: tuple[int | str, ...] = ()
    memory_free_mib: int = 0
    required: bool = True


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository to clone into the work directory, as `folder`."""

    url: str
    folder: str


@dataclass(frozen=True, slots=True)
class EnvironmentSpec:
    """A wanted environment, normalised: two specs that mean the same compare equal.

    `python` is a version prefix ("3.11"), conditions (">=3.9,<3.12") or None for the engine's own
    interpreter. `pip` are requirements in the normal form of PEP 508 or bare addresses; of a
    package that `hashes` names (`numpy sha256:0123…`) no other file is taken. `conda` are conda's
    (`numpy>=1.2`, `chan::name=1.0`), from `channels`, the strongest first. `allow_build`
    permits building packages from source, which runs their authors' code and can take very long.
    `exclude_newer` is a date (2021-06-01): what was published later counts as not there. `existing`
    names an environment or interpreter of this machine that is used as it is, `packed` an archive
    or bundle to unpack.

    `named` is an environment that the workspace describes under that name. `files` are lists of
    packages inside `repositories`; `commands` run in the environment, each
    word by word what the plugin's author wrote. `variables` and `gpu` are for the plugin's process:
    they say nothing about packages.
    """

    python: str | None = None
    pip: tuple[str, ...] = ()
    hashes: tuple[str, ...] = ()
    allow_build: bool = False
    conda: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    exclude_newer: str | None = None
    existing: str | None = None
    packed: str | None = None
    named: str | None = None
    repositories: tuple[Repository, ...] = ()
    files: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    gpu: GpuRequest | None = None

    def identity(self) -> dict[str, Any]:
        """Return what tells its packages apart from those of another spec, for keys and records.

        Only what differs from the plain environment: a field that comes later changes no key.
        """
        found: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name not in ("variables", "gpu") and value != field.default:
                found[field.name] = value
        return found


def spec_from_identity(found: Mapping[str, Any]) -> EnvironmentSpec:
    """Return the spec whose `identity` was written down as JSON."""
    known = {field.name for field in fields(EnvironmentSpec)}
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in found.items()
        if name in known and name != "repositories"
    }
    return EnvironmentSpec(**values)


def python_wish(text: str, where: str) -> str:
    """Return a wish for a Python in its normal form: `3.9`, `3.9.1` or conditions.

    Understands conda's `3.9`, `=3.9`, `==3.9.1`, `3.9.*`, `>=3.8,<3.10` and PEP 440's conditions.

    Raises `ManifestError` naming `where`.
    """
    bare = text.strip().replace(" ", "")
    plain = bare.lstrip("=").removesuffix(".*")
    try:
        if plain and plain[0].isdigit() and not set(plain) & set(",<>=!~|*"):
            return ".".join(map(str, Version(plain).release))
        return str(SpecifierSet(bare))
    except (InvalidVersion, InvalidSpecifier):
        raise ManifestError(
            f"{where}: {text!r} is no version of Python.",
            hint="Write a version such as 3.11, or conditions such as >=3.9,<3.12.",
        ) from None


def python_accepts(wish: str | None, version: str) -> bool:
    """Return whether an interpreter of this full version fulfils the wish."""
    if wish is None:
        return True
    if wish[0].isdigit():
        return f"{version}.".startswith(f"{wish}.")
    return Version(version) in SpecifierSet(wish, prereleases=True)


def joined(specs: Iterable[EnvironmentSpec], where: str) -> EnvironmentSpec:
    """Return the one environment that fulfils all of `specs`.

    Raises `ManifestError` when two of them ask for different things of which there is only one.
    """
    result = EnvironmentSpec()
    for spec in specs:
        changes: dict[str, Any] = {}
        for field in fields(spec):
            old, new = getattr(result, field.name), getattr(spec, field.name)
            if new == field.default or new == old:
                continue
            if old == field.default:
                changes[field.name] = new
            elif isinstance(new, tuple):
                changes[field.name] = old + tuple(entry for entry in new if entry not in old)
            elif field.name == "python":
                changes["python"] = _stricter(old, new, where)
            else:
                raise ManifestError(
                    f"{where}: {field.name.replace('_', ' ')} is said twice: {old} and {new}.",
                    hint="Say it once.",
                )
        result = replace(result, **changes)
    return replace(
        result,
        pip=tuple(sorted(result.pip)),
        hashes=tuple(sorted(result.hashes)),
        conda=tuple(sorted(result.conda)),
        variables=tuple(sorted(dict(result.variables).items())),
    )


def _stricter(one: str, other: str, where: str) -> str:
    if not one[0].isdigit() and not other[0].isdigit():
        return str(SpecifierSet(f"{one},{other}"))
    plain = [wish for wish in (one, other) if wish[0].isdigit()]
    exact = max(plain, key=len)
    rest = other if exact == one else one
    # A short version stands for all that begin with it, so conditions are tried on its newest.
    newest = f"{exact}.999" if exact.count(".") < 2 else exact
    if python_accepts(rest, newest) or python_accepts(rest, exact):
        return exact
    raise ManifestError(
        f"{where}: asks for Python {one} and for Python {other}.", hint="Ask for one of them."
    )

"""What a person decides about a plugin's environment, beside what its author wrote: pure.

`Choices` change one spec into another. `remedies` are the choices that could help when making an
environment has failed: a client offers them, and the one taken comes back as choices.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from packaging.version import InvalidVersion, Version

from imjoy_engine.environments.interpreters import is_too_old
from imjoy_engine.environments.plugin_config import settings_spec
from imjoy_engine.environments.spec import EnvironmentSpec
from imjoy_engine.errors import EngineError, ManifestError

__all__ = ["Choices", "Remedy", "remedies"]

_FIELDS = ("allow_build", "exclude_newer", "python", "packed")
_GOOD_DAYS = {"3.7": "2021-06-01", "3.8": "2022-06-01", "3.9": "2023-06-01", "3.10": "2024-06-01"}
"""When most packages had come for that Python and few had left it."""
_USUAL_DAY = "2023-06-01"


@dataclass(frozen=True, slots=True)
class Choices:
    """A person's decisions; None leaves what the plugin asks for."""

    allow_build: bool | None = None
    exclude_newer: str | None = None
    python: str | None = None
    packed: str | None = None

    @classmethod
    def read(cls, said: object) -> Choices:
        """Return the choices in what a client sent; None is none.

        Raises `ManifestError` naming what cannot be understood.
        """
        if said is None:
            return cls()
        if not isinstance(said, Mapping) or not set(said) <= set(_FIELDS):
            raise ManifestError(
                "The choices for the environment cannot be understood.",
                hint=f"Send an object with {', '.join(_FIELDS)}.",
            )
        packed = said.get("packed")
        if packed is not None and (not isinstance(packed, str) or not packed.strip()):
            raise ManifestError("The choice of an archive is no path.", hint="Send its path.")
        settings = {
            "version": said.get("python"),
            "allow_build": said.get("allow_build") or False,
            "exclude_newer": said.get("exclude_newer"),
        }
        spec = settings_spec("the choices", settings)
        return cls(
            allow_build=said.get("allow_build"),
            exclude_newer=spec.exclude_newer,
            python=spec.python,
            packed=packed.strip() if packed else None,
        )

    def applied(self, spec: EnvironmentSpec) -> EnvironmentSpec:
        """Return `spec` as the person wants it.

        An archive takes the place of all packages; variables, GPUs, commands and repositories stay.
        """
        if self.packed is not None:
            return EnvironmentSpec(
                packed=self.packed,
                repositories=spec.repositories,
                commands=spec.commands,
                variables=spec.variables,
                gpu=spec.gpu,
            )
        said = {name: value for name, value in asdict(self).items() if value is not None}
        return replace(spec, **said)


@dataclass(frozen=True, slots=True)
class Remedy:
    """One thing to try: `label` is the button's, `why` says what it does and costs.

    `field` of the choices gets `value`, or what the person enters: one of `options`, a day, a path
    (`entry` says which), with `value` as the start.
    """

    field: str
    label: str
    why: str
    value: Any = None
    entry: str = ""
    options: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the form that events carry."""
        return {**asdict(self), "options": list(self.options)}


_BUILD = Remedy(
    "allow_build",
    "Build from source",
    "Runs the packages' own build scripts on this machine. It can take long and needs compilers.",
    value=True,
)
_BUNDLE = Remedy(
    "packed",
    "Use a bundle",
    "Takes an environment that was packed on another machine, with imjoy-engine env pack, from a "
    "file on the engine's machine.",
    entry="path",
)
_FROM_SOURCE = {"no-wheel"}
_OF_ANOTHER_DAY = {"no-wheel", "no-such-version", "resolve-conflict", "build-failed"}
_OF_ANOTHER_PYTHON = {"no-wheel", "python-not-found", "no-such-version", "resolve-conflict"}
_FROM_ELSEWHERE = {"index-unreachable", "python-not-found"}


def remedies(
    error: EngineError, spec: EnvironmentSpec, pythons: Iterable[str]
) -> tuple[Remedy, ...]:
    """Return what could help after `error`, the most likely first.

    `pythons` are the versions that this machine has.
    """
    found = []
    if error.code in _FROM_SOURCE and spec.pip and not spec.allow_build:
        found.append(_BUILD)
    if error.code in _OF_ANOTHER_DAY and spec.exclude_newer is None and (spec.pip or spec.conda):
        day = _GOOD_DAYS.get(_minor(spec.python or ""), _USUAL_DAY)
        found.append(
            Remedy(
                "exclude_newer",
                "Take packages of a day",
                "Takes what was there on that day, which often saves plugins with old versions.",
                value=day,
                entry="day",
            )
        )
    others = _offered(pythons, spec.python)
    if error.code in _OF_ANOTHER_PYTHON and others and spec.packed is None:
        found.append(
            Remedy(
                "python",
                "Use another Python",
                "The plugin was not made for it. The version nearest to its own is the best guess.",
                value=others[0],
                entry="option",
                options=tuple(others),
            )
        )
    if error.code in _FROM_ELSEWHERE:
        found.append(_BUNDLE)
    return tuple(found)


def _offered(pythons: Iterable[str], wanted: str | None) -> list[str]:
    """Return the minors that plugins run on, without the wanted one.

    The nearest to the wanted one come first, else the newest.
    """
    own = _minor(wanted or "")
    minors = {_minor(version) for version in pythons if not is_too_old(version)} - {"", own}
    newest_first = sorted(minors, key=Version, reverse=True)
    if not own:
        return newest_first
    return sorted(newest_first, key=lambda minor: abs(_number(minor) - _number(own)))


def _number(minor: str) -> int:
    major, _, rest = minor.partition(".")
    return int(major) * 1000 + int(rest or 0)


def _minor(version: str) -> str:
    """Return `3.9` for `3.9.1`, and "" for conditions."""
    try:
        release = Version(version).release
    except InvalidVersion:
        return ""
    return ".".join(map(str, release[:2]))

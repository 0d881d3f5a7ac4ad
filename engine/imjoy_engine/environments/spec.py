"""What a plugin needs of its interpreter, read from its config: pure, no machine is asked.

Requirements are parsed as PEP 508 and written back in one normal form, so nothing that a plugin
writes can reach a tool as an option, a path or a shell word.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from imjoy_engine.errors import ManifestError, UnsupportedSpecError

__all__ = ["EnvironmentSpec", "spec_from_config"]

_PREFIX = re.compile(r"\s*(pip|conda|repo|cmd):(.*)", re.DOTALL)
_OPERATOR_START = re.compile(r"[<>=!~,;@]")
_OPERATOR_END = re.compile(r"[<>=!~,;@]$")
_FILE_ENDINGS = (".whl", ".zip", ".tar.gz", ".tar.bz2", ".tgz", ".txt", ".toml", ".yml", ".yaml")
_OTHER_KINDS = {
    "conda": "conda packages",
    "repo": "a repository to clone",
    "cmd": "a command to run",
}
_PLAIN_COMMANDS = (None, "", "python", "python3")


@dataclass(frozen=True, slots=True)
class EnvironmentSpec:
    """A wanted environment, normalised: two specs that mean the same compare equal.

    `python` is a version prefix such as "3.11", or None for the engine's own interpreter; `pip` are
    requirements in the normal form of PEP 508, sorted; `allow_build` permits building packages from
    source, which runs their authors' code and can take very long.
    """

    python: str | None = None
    pip: tuple[str, ...] = ()
    allow_build: bool = False


def spec_from_config(config: Mapping[str, Any]) -> EnvironmentSpec:
    """Return what the fields `env`, `requirements` and `cmd` of a plugin's config ask for.

    Fields keyed by tag are read under `config["tag"]`. A `binder` environment speaks to another
    kind of engine and is passed over, as ImJoy always did.

    Raises `UnsupportedSpecError` naming the field and the value that this engine cannot do yet, and
    `ManifestError` when a field cannot be understood.
    """
    _refuse_env(config)
    _refuse_cmd(config)
    wanted: set[str] = set()
    for where, text in _entries(config, "requirements"):
        wanted.update(_requirements(where, text))
    return EnvironmentSpec(pip=tuple(sorted(wanted)))


def _refuse_env(config: Mapping[str, Any]) -> None:
    value = _for_tag(config, "env")
    for where, entry in _listed("env", value):
        if isinstance(entry, Mapping) and (not entry or entry.get("type") == "binder"):
            continue
        kind = "environments of this kind"
        if isinstance(entry, Mapping):
            kind = f"environments of type {entry.get('type')!r}"
        elif "conda" in str(entry):
            kind = "conda environments"
        raise _unsupported(where, entry, kind, hint=_without("env"))


def _refuse_cmd(config: Mapping[str, Any]) -> None:
    value = config.get("cmd")
    if value not in _PLAIN_COMMANDS:
        raise _unsupported("cmd", value, "another interpreter command", hint=_without("cmd"))


def _entries(config: Mapping[str, Any], field: str) -> Iterator[tuple[str, str]]:
    for where, entry in _listed(field, _for_tag(config, field)):
        if not isinstance(entry, str):
            raise ManifestError(
                f"{where} is {_shown(entry)}, where a text such as 'numpy>=2' belongs.",
                hint=f"Write {field} as a list of texts, one package each.",
            )
        yield where, entry


def _listed(field: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield each entry that says something, with its name as a person would find it."""
    if isinstance(value, list | tuple):
        for index, entry in enumerate(value):
            if entry is not None and not (isinstance(entry, str) and not entry.strip()):
                yield f"{field}[{index}]", entry
    elif value is not None and not (isinstance(value, str) and not value.strip()):
        yield field, value


def _for_tag(config: Mapping[str, Any], field: str) -> Any:
    value = config.get(field)
    if not isinstance(value, Mapping) or not value or (field == "env" and "type" in value):
        return value
    tag = config.get("tag")
    if tag in value:
        return value[tag]
    raise ManifestError(
        f"{field} is given for the tags {', '.join(map(str, value))}, "
        + (f"but not for {tag!r}." if tag else "but no tag was chosen."),
        hint="Choose one of these tags, or write the field without tags.",
    )


def _requirements(where: str, text: str) -> Iterator[str]:
    match = _PREFIX.fullmatch(text)
    kind, body = match.groups() if match else ("pip", text)
    if kind != "pip":
        raise _unsupported(where, text, _OTHER_KINDS[kind], hint=_without(where))
    try:
        yield _normal(Requirement(body.strip()), where, text)
    except InvalidRequirement:
        for word in _words(where, body):
            yield _one(word, where, text)


def _words(where: str, body: str) -> list[str]:
    """Return the packages of `body`, where `numpy >= 2 scipy` is two and quotes hold together."""
    try:
        parts = shlex.split(body)
    except ValueError as error:
        raise ManifestError(
            f"{where} {_shown(body)} has a quote that is never closed.",
            hint="Close the quote, or leave it out.",
        ) from error
    words: list[str] = []
    for part in parts:
        if words and (_OPERATOR_START.match(part) or _OPERATOR_END.search(words[-1])):
            words[-1] += " " + part
        else:
            words.append(part)
    return words


def _one(word: str, where: str, text: str) -> str:
    if word.startswith("-"):
        raise _unsupported(where, text, f"{word.split('=')[0]}: options of pip", _without(where))
    if "://" in word or word.startswith(("git+", "hg+", "svn+", "bzr+")):
        raise _unsupported(where, text, "a package from an address", _without(where))
    if "/" in word or "\\" in word or word.startswith("."):
        raise _unsupported(where, text, "a package from a file", _without(where))
    try:
        requirement = Requirement(word)
    except InvalidRequirement as error:
        hint = "Write a package's name and, if need be, a version: numpy, numpy==2.1, numpy>=2,<3."
        if re.fullmatch(r"[\w.-]+=[^=].*", word):
            hint = f"Versions are pinned with two equals signs: {word.replace('=', '==', 1)}."
        raise ManifestError(f"{where}: {_shown(word)} is no package.", hint=hint) from error
    return _normal(requirement, where, text)


def _normal(requirement: Requirement, where: str, text: str) -> str:
    if requirement.url is not None:
        raise _unsupported(where, text, "a package from an address", _without(where))
    if requirement.name.lower().endswith(_FILE_ENDINGS):
        raise _unsupported(where, text, "a package from a file", _without(where))
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    normal = f"{canonicalize_name(requirement.name)}{extras}{requirement.specifier}"
    if requirement.marker is not None:
        normal += f" ; {requirement.marker}"
    # A requirements file expands ${NAME} and continues lines at a backslash.
    if set(normal) & set("$\\\n\r"):
        raise ManifestError(
            f"{where}: {_shown(text)} has a character that no package's name or version has.",
            hint="Leave out dollar signs, backslashes and line breaks.",
        )
    return normal


def _unsupported(where: str, value: Any, kind: str, hint: str) -> UnsupportedSpecError:
    return UnsupportedSpecError(f"not supported yet: {where} {_shown(value)} ({kind})", hint=hint)


def _without(where: str) -> str:
    return (
        f"Leave {where} out, or say what the plugin needs as Python packages in requirements: "
        "it then runs on the engine's own Python."
    )


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else text[:197] + "…" + text[0]

"""What a plugin needs of its interpreter, read from its config: pure, no machine is asked.

All forms of `env`, `requirements` and `cmd` that ImJoy's engines have understood, and a few more.
Nothing is passed over in silence but what speaks to another kind of engine or never had an effect.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from imjoy_engine.environments.conda_words import conda_command, conda_packages
from imjoy_engine.environments.requirements import (
    requirements,
    shell_words,
    shown,
    unsupported,
)
from imjoy_engine.environments.spec import (
    EnvironmentSpec,
    GpuRequest,
    Repository,
    joined,
    python_wish,
)
from imjoy_engine.errors import ManifestError, UnsupportedSpecError

__all__ = ["settings_spec", "spec_from_config"]

_PREFIX = re.compile(r"\s*(pip|conda|repo|cmd):(.*)", re.DOTALL)
_NAMED = re.compile(r"envs/([\w][\w.-]*)/?")
_PLAIN_COMMANDS = (None, "", "python", "python3")
_PYTHON_COMMAND = re.compile(r"python(\d(?:\.\d+)?)")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CONDA_INSTALLS = re.compile(r"(?:conda|mamba|micromamba) +(?:install|create) ")
_OF_SHELLS = set("|&;<>$`()\n")
_OF_GPUTIL = ("limit", "order", "maxLoad", "maxMemory", "memoryFree", "excludeID", "excludeUUID")
_FOR_GPUS = (*_OF_GPUTIL, "includeNan", "required")
_ORDERS = ("first", "last", "random", "load", "memory")
_SETTINGS = ("version", "allow_build", "exclude_newer", "channels", "uv")
_OF_UV = (
    *("sources", "index", "index-url", "extra-index-url", "find-links", "no-index"),
    *("constraint-dependencies", "override-dependencies"),
)
"""What a script's `[tool.uv]` may say of which package is meant, and where it comes from."""


def spec_from_config(config: Mapping[str, Any]) -> EnvironmentSpec:
    """Return what the fields `env`, `requirements` and `cmd` of a plugin's config ask for.

    Fields keyed by tag are read under `config["tag"]`. A `binder` environment speaks to another
    kind of engine and is passed over, as ImJoy always did.

    Raises `UnsupportedSpecError` naming the field and the value that this engine cannot do, and
    `ManifestError` when a field cannot be understood.
    """
    found = [_command_field(config.get("cmd"))]
    for where, entry in _listed("env", _for_tag(config, "env")):
        found.append(_environment(where, entry))
    for where, entry in _listed("requirements", _for_tag(config, "requirements")):
        if not isinstance(entry, str):
            raise ManifestError(
                f"{where} is {shown(entry)}, where a text such as 'numpy>=2' belongs.",
                hint="Write requirements as a list of texts, one package each.",
            )
        found.append(_requirement(where, entry))
    return joined(found, "the plugin's config")


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


# ── cmd and requirements ─────────────────────────────────────────────────────────────────────


def _command_field(value: Any) -> EnvironmentSpec:
    if value in _PLAIN_COMMANDS:
        return EnvironmentSpec()
    if not isinstance(value, str):
        raise ManifestError(f"cmd is {shown(value)}, where a text such as 'python' belongs.")
    if match := _PYTHON_COMMAND.fullmatch(value):
        return EnvironmentSpec(python=match[1])
    if value.startswith(("/", "~/")) and not any(letter.isspace() for letter in value):
        return EnvironmentSpec(existing=value)
    raise unsupported("cmd", value, "another interpreter command")


def _requirement(where: str, text: str) -> EnvironmentSpec:
    match = _PREFIX.fullmatch(text)
    kind, body = match.groups() if match else ("pip", text)
    if kind == "conda":
        return conda_packages(where, body)
    if kind == "repo":
        return _repository(where, body)
    if kind == "cmd":
        return _command(where, body.strip())
    return EnvironmentSpec(pip=tuple(sorted(set(requirements(where, body)))))


def _command(where: str, body: str) -> EnvironmentSpec:
    """Return what a command asks for: packages, when it is one plain command of conda."""
    if not body:
        return EnvironmentSpec()
    if _CONDA_INSTALLS.match(body) and not set(body) & _OF_SHELLS:
        return conda_command(where, body) or EnvironmentSpec()
    return EnvironmentSpec(commands=(body,))


def _repository(where: str, body: str) -> EnvironmentSpec:
    words = shell_words(where, body)
    if not words:
        raise ManifestError(f"{where}: repo: names no repository.", hint="Add its address.")
    url, *rest = words
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http", "ssh") or not parts.hostname:
        raise ManifestError(
            f"{where}: {shown(url)} is no address of a repository.",
            hint="Write it as https://host/owner/name.",
        )
    if parts.password is not None:
        raise ManifestError(
            f"{where}: the address of a repository carries a password.",
            hint="Leave it out: git reads ~/.netrc and its own helpers.",
        )
    folder = rest[0] if rest else parts.path.rstrip("/").rpartition("/")[2].removesuffix(".git")
    if len(rest) > 1 or not re.fullmatch(r"[\w][\w.-]*(?:/[\w][\w.-]*)*", folder):
        raise ManifestError(
            f"{where}: {shown(' '.join(rest) or url)} gives no folder inside the work directory.",
            hint="Write the address and, if need be, one plain name of a folder.",
        )
    return EnvironmentSpec(repositories=(Repository(url, folder),))


# ── env ──────────────────────────────────────────────────────────────────────────────────────


def _environment(where: str, entry: Any) -> EnvironmentSpec:
    if isinstance(entry, Mapping):
        return _typed(where, entry)
    if not isinstance(entry, str):
        raise ManifestError(
            f"{where} is {shown(entry)}, where a text or an object belongs.",
            hint='Write it as "conda create -n name python=3.11", or leave it out.',
        )
    if match := _NAMED.fullmatch(entry.strip()):
        return EnvironmentSpec(named=match[1])
    spec = conda_command(where, entry)
    if spec is not None:
        return spec
    if shell_words(where, entry)[:1] == ["export"]:
        # Engines have always run this in a shell that ended at once: it never had an effect.
        return EnvironmentSpec()
    return EnvironmentSpec(commands=(entry.strip(),))


def _typed(where: str, entry: Mapping[str, Any]) -> EnvironmentSpec:
    kind = entry.get("type")
    if not entry or kind == "binder":
        return EnvironmentSpec()
    options = entry.get("options") or {}
    if not isinstance(options, Mapping):
        raise ManifestError(f"{where}: options is {shown(options)}, where an object belongs.")
    readers: dict[Any, Callable[[str, Mapping[str, Any]], EnvironmentSpec]] = {
        "variable": _variables,
        "gputil": _gpus,
        "python": settings_spec,
        "existing": lambda at, said: EnvironmentSpec(existing=_text(at, said, "path")),
        "packed": lambda at, said: EnvironmentSpec(packed=_text(at, said, "path")),
        "named": lambda at, said: EnvironmentSpec(named=_text(at, said, "name")),
    }
    if kind not in readers:
        raise unsupported(where, dict(entry), f"environments of type {kind!r}")
    return readers[kind](where, options)


def _variables(where: str, options: Mapping[str, Any]) -> EnvironmentSpec:
    found = {}
    for name, value in options.items():
        if not _VARIABLE.fullmatch(str(name)) or not isinstance(value, str | int | float):
            raise ManifestError(
                f"{where}: {shown(name)} = {shown(value)} is no variable of a process.",
                hint="Write names of letters and digits, and texts or numbers as values.",
            )
        found[name] = str(value)
    return EnvironmentSpec(variables=tuple(sorted(found.items())))


def _gpus(where: str, options: Mapping[str, Any]) -> EnvironmentSpec:
    plain = GpuRequest()
    _refuse_unknown(where, options, _FOR_GPUS)
    limit = options.get("limit", plain.limit)
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise ManifestError(
            f"{where}: limit is {shown(limit)}.", hint="Write how many GPUs, from 1."
        )
    order = options.get("order", plain.order)
    if order not in _ORDERS:
        raise ManifestError(
            f"{where}: order is {shown(order)}.", hint=f"Write one of {', '.join(_ORDERS)}."
        )
    required = options.get("required", plain.required)
    if not isinstance(required, bool):
        raise ManifestError(f"{where}: required is {shown(required)}.", hint="Write true or false.")
    free_mib = options.get("memoryFree", plain.memory_free_mib)
    if isinstance(free_mib, bool) or not isinstance(free_mib, int) or free_mib < 0:
        raise ManifestError(
            f"{where}: memoryFree is {shown(free_mib)}.", hint="Write a number of MiB."
        )
    excluded: list[int | str] = []
    for name in ("excludeID", "excludeUUID"):
        value = options.get(name) or []
        if not isinstance(value, list) or not all(isinstance(item, int | str) for item in value):
            raise ManifestError(f"{where}: {name} is {shown(value)}, where a list belongs.")
        excluded.extend(value)
    return EnvironmentSpec(
        gpu=GpuRequest(
            limit=limit,
            max_load=_fraction(where, options, "maxLoad", plain.max_load),
            max_memory=_fraction(where, options, "maxMemory", plain.max_memory),
            order=order,
            excluded=tuple(excluded),
            memory_free_mib=free_mib,
            required=required,
        )
    )


def _fraction(where: str, options: Mapping[str, Any], name: str, default: float) -> float:
    value = options.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ManifestError(f"{where}: {name} is {shown(value)}.", hint="Write it between 0 and 1.")
    return float(value)


def settings_spec(where: str, options: Mapping[str, Any]) -> EnvironmentSpec:
    """Return the spec of settings: `version` of Python, `allow_build`, `exclude_newer`, `channels`.

    `uv` lists what else a script's `[tool.uv]` names. Raises `ManifestError` naming `where` for a
    setting that is unknown or has an impossible value, `UnsupportedSpecError` when uv is told to
    take packages from elsewhere: taken from the usual index they may be somebody else's.
    """
    _refuse_unknown(where, options, _SETTINGS)
    of_uv = options.get("uv") or []
    if not isinstance(of_uv, list):
        raise ManifestError(f"{where}: uv is {shown(of_uv)}, where a list belongs.")
    if named := next((name for name in _OF_UV if name in of_uv), None):
        raise UnsupportedSpecError(
            f"not supported yet: {where}: [tool.uv] {named}",
            hint="Write where a package comes from beside its name, name @ git+https://…, and give "
            "the engine its index as PIP_INDEX_URL.",
        )
    allowed = options.get("allow_build", False)
    if not isinstance(allowed, bool):
        raise ManifestError(
            f"{where}: allow_build is {shown(allowed)}.", hint="Write true or false."
        )
    version = options.get("version")
    if version is not None and not isinstance(version, str):
        raise ManifestError(
            f"{where}: version is {shown(version)}, where a text belongs.",
            hint='Write it in quotes: "3.10", which as a number would be 3.1.',
        )
    channels = options.get("channels") or []
    if not isinstance(channels, list) or not all(isinstance(name, str) for name in channels):
        raise ManifestError(f"{where}: channels is {shown(channels)}, where a list belongs.")
    of_channels = [conda_packages(where, f"-c {name!r}") for name in channels]
    own = EnvironmentSpec(
        python=python_wish(version, where) if version else None,
        allow_build=allowed,
        exclude_newer=_day(where, options.get("exclude_newer")),
    )
    return joined([own, *of_channels], where)


def _refuse_unknown(where: str, options: Mapping[str, Any], known: Sequence[str]) -> None:
    unknown = sorted(str(name) for name in options if name not in known)
    if unknown:
        raise ManifestError(
            f"{where}: there is no setting {unknown[0]!r}.",
            hint=f"The settings are {', '.join(known)}.",
        )


def _day(where: str, value: Any) -> str | None:
    if value is None:
        return None
    try:
        return date.fromisoformat(str(value)[:10]).isoformat()
    except ValueError:
        raise ManifestError(
            f"{where}: exclude_newer is {shown(value)}, which is no day.",
            hint="Write it as year, month and day: 2021-06-01.",
        ) from None


def _text(where: str, options: Mapping[str, Any], name: str) -> str:
    value = options.get(name)
    if not isinstance(value, str) or not value.strip():
        raise ManifestError(f"{where}: {name} is {shown(value)}, where a text belongs.")
    return value.strip()

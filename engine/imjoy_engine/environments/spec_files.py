"""What a wanted environment looks like in the files that people keep: pure, texts in, specs out.

`environment.yml` of conda, `requirements.txt` of pip, `pylock.toml` (PEP 751), and the metadata at
the top of a script (PEP 723).
"""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any

import yaml

from imjoy_engine.environments.conda_words import conda_packages
from imjoy_engine.environments.plugin_config import settings_spec
from imjoy_engine.environments.requirements import requirements, shown, unsupported
from imjoy_engine.environments.spec import EnvironmentSpec, joined, python_wish
from imjoy_engine.errors import ManifestError

__all__ = ["script_metadata", "spec_from_file", "spec_from_script"]

# The expression of the standard, which says: use exactly this one (PEP 723, "Specification").
_SCRIPT_BLOCK = re.compile(
    r"(?m)^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$"
)
_HASH = re.compile(r"\s--hash[= ](\S+)")
_COMMENT = re.compile(r"(^|\s)#.*$")
_MAX_CHARACTERS = 1 << 20


def spec_from_file(name: str, text: str) -> EnvironmentSpec:
    """Return what a file of that name and text asks for; its name says which kind it is.

    Raises `ManifestError` when it cannot be understood, `UnsupportedSpecError` when it asks for
    something that this engine cannot do.
    """
    base = PurePath(name).name
    text = _plain(text)
    if len(text) > _MAX_CHARACTERS:
        raise ManifestError(f"{base} is far too long for a list of packages.")
    if base.endswith((".yml", ".yaml")):
        return _from_yaml(base, text)
    if re.fullmatch(r"pylock(\.[^.]+)?\.toml", base):
        return _from_pylock(base, text)
    if base.endswith(".py"):
        return spec_from_script(base, text)
    if base.endswith((".txt", ".in")):
        return _from_requirements(base, text)
    raise ManifestError(
        f"{base} is no file that lists packages.",
        hint="Name an environment.yml, requirements.txt, pylock.toml or a .py with metadata.",
    )


def spec_from_script(name: str, text: str) -> EnvironmentSpec:
    """Return what the metadata of a script ask for: `dependencies` and `requires-python`.

    `[tool.imjoy.environment]` in it may hold the settings that `env` of type python has, and
    `[tool.uv]` a day as `exclude-newer`. A script without metadata asks for nothing.
    """
    metadata = script_metadata(name, text)
    found = []
    needed = metadata.get("dependencies", [])
    if not isinstance(needed, list) or not all(isinstance(entry, str) for entry in needed):
        raise ManifestError(f"{name}: dependencies is {shown(needed)}, where a list belongs.")
    pip = {normal for entry in needed for normal in requirements(f"{name}: dependencies", entry)}
    found.append(EnvironmentSpec(pip=tuple(sorted(pip))))
    found.append(_of_python(name, metadata))
    tools = metadata.get("tool", {})
    uv = _table(tools, "uv")
    found.append(settings_spec(name, {"exclude_newer": uv.get("exclude-newer"), "uv": list(uv)}))
    if settings := _table(_table(tools, "imjoy"), "environment"):
        found.append(settings_spec(f"{name}: [tool.imjoy.environment]", settings))
    return joined(found, name)


def script_metadata(name: str, text: str) -> Mapping[str, Any]:
    """Return the metadata at the top of a script, or nothing when it has none.

    Raises `ManifestError` when they are there twice or are no TOML. Source: PEP 723.
    """
    blocks = [block for block in _SCRIPT_BLOCK.finditer(_plain(text)) if block["type"] == "script"]
    if not blocks:
        return {}
    if len(blocks) > 1:
        raise ManifestError(f"{name} has two blocks of metadata.", hint="Leave one of them.")
    content = "".join(
        line[2:] if line.startswith("# ") else line[1:]
        for line in blocks[0]["content"].splitlines(keepends=True)
    )
    return _toml(name, content)


def _from_requirements(name: str, text: str) -> EnvironmentSpec:
    found: set[str] = set()
    hashes: set[str] = set()
    # A backslash at its end continues a line; hashes are options of the line they stand in.
    for line in text.replace("\\\n", " ").splitlines():
        words = _COMMENT.sub("", _HASH.sub("", line)).strip()
        if words.startswith("-"):
            raise unsupported(name, words, f"{words.split()[0]}: options of pip")
        if words:
            packages = tuple(requirements(name, words))
            found.update(packages)
            hashes.update(_of_files(packages, _HASH.findall(_COMMENT.sub("", line))))
    return EnvironmentSpec(pip=tuple(sorted(found)), hashes=tuple(sorted(hashes)))


def _of_files(packages: Iterable[str], digests: Sequence[str]) -> Iterator[str]:
    """Yield the hashes of a spec for the files of these requirements."""
    for package in packages:
        if named := re.match(r"[a-z0-9][a-z0-9-]*(?![\w:+/])", package):
            yield from (f"{named[0]} {digest}" for digest in digests)


def _from_yaml(name: str, text: str) -> EnvironmentSpec:
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ManifestError(f"{name} is no YAML: {error}.", hint="Correct that place.") from None
    if not isinstance(content, Mapping):
        raise ManifestError(f"{name} is not an environment of conda.", hint="Write dependencies.")
    found = [_channels(name, content.get("channels") or [])]
    variables = content.get("variables")
    if isinstance(variables, Mapping):
        pairs = {str(key): str(value) for key, value in variables.items()}
        found.append(EnvironmentSpec(variables=tuple(sorted(pairs.items()))))
    needed = content.get("dependencies") or []
    if not isinstance(needed, list):
        raise ManifestError(f"{name}: dependencies is {shown(needed)}, where a list belongs.")
    for entry in needed:
        if isinstance(entry, str):
            found.append(conda_packages(name, shlex.quote(entry)))
        elif isinstance(entry, Mapping) and list(entry) == ["pip"]:
            lines = entry["pip"] or []
            lines = [lines] if isinstance(lines, str) else lines
            found.append(_from_requirements(name, "\n".join(map(str, lines))))
        else:
            raise ManifestError(f"{name}: {shown(entry)} is no package of conda.")
    return joined(found, name)


def _channels(name: str, channels: Any) -> EnvironmentSpec:
    if not isinstance(channels, list) or not all(isinstance(entry, str) for entry in channels):
        raise ManifestError(f"{name}: channels is {shown(channels)}, where a list belongs.")
    # conda's own word for "and none but these".
    named = [entry for entry in channels if entry != "nodefaults"]
    return joined([conda_packages(name, f"-c {entry!r}") for entry in named], name)


def _from_pylock(name: str, text: str) -> EnvironmentSpec:
    """Read the packages that a lock pins, with the hashes of their files."""
    content = _toml(name, text)
    version, packages = content.get("lock-version", "1.0"), content.get("packages", [])
    if not isinstance(packages, list) or not all(isinstance(one, dict) for one in packages):
        raise ManifestError(f"{name}: packages is {shown(packages)}, where tables belong.")
    if str(version).partition(".")[0] != "1":
        raise unsupported(name, version, "a later version of this format")
    found = [_of_python(name, content)]
    for package in packages:
        pip = tuple(requirements(name, _pinned(name, package)))
        digests = [f"{algorithm}:{digest}" for algorithm, digest in _digests(package)]
        found.append(EnvironmentSpec(pip=pip, hashes=tuple(_of_files(pip, digests))))
    return joined(found, name)


def _pinned(name: str, package: Mapping[str, Any]) -> str:
    """Return one package of a pylock.toml as a requirement of pip."""
    package_name, version, vcs = package.get("name"), package.get("version"), package.get("vcs")
    if isinstance(vcs, Mapping) and vcs.get("type") == "git" and isinstance(vcs.get("url"), str):
        line = f"{package_name} @ git+{vcs['url']}@{vcs.get('commit-id', '')}"
        line += f"#subdirectory={vcs['subdirectory']}" if "subdirectory" in vcs else ""
    elif version and not {"directory", "archive", "vcs"} & package.keys():
        line = f"{package_name}=={version}"
    else:
        kind = "a package without a version, from a folder, or from what is no git"
        raise unsupported(name, package_name, kind)
    marker = package.get("marker")
    return f"{line} ; {marker}" if marker else line


def _digests(package: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    wheels = package.get("wheels")
    for file in (package.get("sdist"), *(wheels if isinstance(wheels, list) else ())):
        yield from _table(file, "hashes").items()


def _of_python(name: str, metadata: Mapping[str, Any]) -> EnvironmentSpec:
    wanted = metadata.get("requires-python")
    if wanted is None:
        return EnvironmentSpec()
    if not isinstance(wanted, str):
        raise ManifestError(
            f"{name}: requires-python is {shown(wanted)}, where a text belongs.",
            hint='Write it in quotes: ">=3.10".',
        )
    return EnvironmentSpec(python=python_wish(wanted, f"{name}: requires-python"))


def _plain(text: str) -> str:
    """Return a text without what editors of Windows add to it."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n")


def _toml(name: str, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ManifestError(f"{name} is no TOML: {error}.", hint="Correct that place.") from None


def _table(tables: Any, name: str) -> Mapping[str, Any]:
    value = tables.get(name, {}) if isinstance(tables, Mapping) else {}
    return value if isinstance(value, Mapping) else {}

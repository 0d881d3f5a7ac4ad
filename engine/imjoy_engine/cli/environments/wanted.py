"""What a person wants an environment for: a file, packages, or a name, read into one spec."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from imjoy_engine.environments import (
    Choices,
    EnvironmentSpec,
    script_metadata,
    spec_from_config,
    spec_from_file,
)
from imjoy_engine.errors import UsageError

__all__ = ["Wanted", "read_wanted"]

_CONFIG = re.compile(r"<config(?P<attributes>[^>]*)>(?P<text>.*?)</config>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A spec, and the plugin whose it is: "" when it is no plugin's."""

    spec: EnvironmentSpec
    plugin: str = ""


def read_wanted(sources: Sequence[str], choices: Choices, *, tag: str | None = None) -> Wanted:
    """Return what `sources` ask for: one file, or `envs/NAME`, or packages of pip.

    A plugin's file is read for its `tag`. Raises `UsageError`, and `ManifestError` when the file
    cannot be understood.
    """
    if len(sources) == 1 and sources[0].startswith("envs/"):
        wanted = Wanted(spec_from_config({"env": sources[0]}))
    elif len(sources) == 1 and (_looks_like_a_file(sources[0]) or Path(sources[0]).is_file()):
        wanted = _from_file(Path(sources[0]), tag)
    else:
        wanted = Wanted(spec_from_config({"requirements": list(sources)}))
    return Wanted(choices.applied(wanted.spec), wanted.plugin)


def _looks_like_a_file(word: str) -> bool:
    return word.endswith((".txt", ".in", ".yml", ".yaml", ".toml", ".py", ".html"))


def _from_file(path: Path, tag: str | None) -> Wanted:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise UsageError(
            f"{path} cannot be read: {why}.", hint="Name a plugin, a list of packages or packages."
        ) from None
    if path.name.endswith(".html"):
        config = _plugin_config(path, text)
        if tag is not None:
            config = {**config, "tag": tag}
        return Wanted(spec_from_config(config), str(config.get("name") or path.stem))
    spec = spec_from_file(path.name, text)
    if not path.name.endswith(".py"):
        return Wanted(spec)
    tools = script_metadata(path.name, text).get("tool", {})
    own = tools.get("imjoy", {}) if isinstance(tools, Mapping) else {}
    return Wanted(spec, str(own.get("name") or path.stem) if isinstance(own, Mapping) else "")


def _plugin_config(path: Path, text: str) -> dict[str, Any]:
    block = _CONFIG.search(text)
    if block is None:
        raise UsageError(f"{path.name} has no <config> block.", hint="Name a plugin's file.")
    try:
        is_yaml = re.search(r"""lang\s*=\s*["']?ya?ml""", block["attributes"])
        config = yaml.safe_load(block["text"]) if is_yaml else json.loads(block["text"])
    except (yaml.YAMLError, ValueError) as error:
        raise UsageError(
            f"The <config> of {path.name} cannot be read: {error}.", hint="Correct that place."
        ) from None
    if not isinstance(config, dict):
        raise UsageError(f"The <config> of {path.name} is no object.", hint="Correct that place.")
    return config

"""A plugin that is one plain Python script, with metadata at its top (PEP 723).

A table `[tool.imjoy]` in them says what the config of a plugin file says; the packages that the
script depends on are the plugin's requirements.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any

from imjoy_client.errors import PluginFileError

__all__ = ["PLAIN", "config_of_script", "is_python_script"]

PLAIN: Mapping[str, Any] = {"type": "native-python", "api_version": "0.1.8"}
"""What a page wants of every config, and nobody need write."""

# The expression of the standard (PEP 723, "Specification").
_BLOCK = re.compile(r"(?m)^# /// script[ \t]*$\s(?P<content>(^#(| .*)$\s)+)^# ///[ \t]*$")


def is_python_script(text: str) -> bool:
    """Return whether a text is a Python script with metadata, and no other plugin file."""
    return _BLOCK.search(text) is not None and "<config" not in text


def config_of_script(text: str) -> dict[str, Any]:
    """Return the plugin's config. Raises PluginFileError when the script is no plugin."""
    match = _BLOCK.search(text)
    content = "" if match is None else re.sub(r"(?m)^# ?", "", match["content"])
    above = 0 if match is None else text.count("\n", 0, match.start("content"))
    try:
        # Lines are named as the person has them.
        metadata = tomllib.loads("\n" * above + content)
    except tomllib.TOMLDecodeError as error:
        raise PluginFileError(f"The metadata of the script are no TOML: {error}.") from error
    tool = _table(metadata, "tool")
    config = dict(_table(tool, "imjoy"))
    if not isinstance(config.get("name"), str):
        raise PluginFileError(
            "This Python script is no plugin: its metadata have no [tool.imjoy] with a name.",
            hint='Add "# [tool.imjoy]" and "# name = …" to the block at its top.',
        )
    settings = dict(_table(config, "environment"))
    config.pop("environment", None)
    if "requires-python" in metadata:
        settings.setdefault("version", metadata["requires-python"])
    uv = dict(_table(tool, "uv"))
    if day := uv.pop("exclude-newer", None):
        settings.setdefault("exclude_newer", str(day))
    if uv:  # the engine knows which of it matters
        settings["uv"] = list(uv)
    env = [*([{"type": "python", "options": settings}] if settings else []), *_list(config, "env")]
    requirements = [*_list(metadata, "dependencies"), *_list(config, "requirements")]
    return {**PLAIN, **config, "requirements": requirements, **({"env": env} if env else {})}


def _table(tables: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = tables.get(name)
    return value if isinstance(value, dict) else {}


def _list(table: Mapping[str, Any], name: str) -> list[Any]:
    value = table.get(name, [])
    return value if isinstance(value, list) else [value]

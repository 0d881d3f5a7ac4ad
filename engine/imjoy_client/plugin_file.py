"""A plugin file as its config and its Python scripts.

The format is ImJoy's: an HTML-like file with one `<config lang="json">` (or yaml) block and
`<script lang="python">` blocks; other blocks are for the page. Or it is a plain Python script
(`python_script.py`).
"""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imjoy_client.errors import PluginFileError
from imjoy_client.python_script import PLAIN, config_of_script, is_python_script

__all__ = ["PluginSource", "Script", "made_plugin", "read_plugin"]

_CONFIG = re.compile(r"<config(?P<attributes>[^>]*)>(?P<text>.*?)</config>", re.DOTALL)
_SCRIPT = re.compile(r"<script(?P<attributes>[^>]*)>(?P<text>.*?)</script>", re.DOTALL)
_ATTRIBUTE = re.compile(r"([\w-]+)\s*=\s*[\"']([^\"']*)[\"']")


@dataclass(frozen=True)
class Script:
    """One script; `first_line` is the line of the file that its first character stands on."""

    content: str
    first_line: int = 1
    tag: str = ""


@dataclass(frozen=True)
class PluginSource:
    """What a plugin file says."""

    config: dict[str, Any]
    scripts: tuple[Script, ...]
    filename: str = field(default="")
    text: str = field(default="", repr=False)
    """The whole file; "" when there is none."""


def read_plugin(source: str | Path) -> PluginSource:
    """Return the plugin in a file, or in the text of one. Raises PluginFileError."""
    name = ""
    if isinstance(source, Path) or ("\n" not in source and source.endswith((".html", ".py"))):
        path = Path(source)
        name = path.name
        try:
            source = path.read_text(encoding="utf-8-sig")
        except OSError as error:
            raise PluginFileError(f"{path} cannot be read: {error.strerror}.") from error
    text = str(source).lstrip("\ufeff").replace("\r\n", "\n")
    if is_python_script(text):
        config = config_of_script(text)
        return PluginSource(config, (Script(text),), name or f"{config['name']}.py", text)
    match = _CONFIG.search(text)
    if match is None:
        raise _no_plugin(is_python=name.endswith(".py"))
    config = _config(match)
    tag = config.get("tag") or next(iter(config.get("tags") or ()), "")
    scripts = tuple(script for script in _scripts(text) if script.tag in ("", tag))
    if not scripts:
        raise PluginFileError('The plugin has no <script lang="python">.')
    return PluginSource(
        {**config, "tag": tag} if tag else config,
        scripts,
        name or f"{config['name']}.imjoy.html",
        text,
    )


def made_plugin(config: Mapping[str, Any], script: str) -> PluginSource:
    """Return the plugin of a config and a script, with the file that says the same."""
    filename = f"{config.get('name', 'plugin')}.imjoy.html"
    try:
        told = json.dumps({**PLAIN, **config}, indent=2).replace("<", "\\u003c")
    except (TypeError, ValueError) as error:
        raise PluginFileError(f"The plugin's config is no JSON: {error}.") from None
    text = f'<config lang="json">\n{told}\n</config>\n<script lang="python">{script}</script>\n'
    # Such a script would end early in a file.
    text = "" if re.search("</script|<!--", script, re.IGNORECASE) else text
    return PluginSource(dict(config), (Script(script),), filename, text)


def _no_plugin(*, is_python: bool) -> PluginFileError:
    block = 'begins with "# /// script", "# [tool.imjoy]", \'# name = "…"\' and "# ///"'
    if is_python:
        return PluginFileError(
            "This Python script is no plugin: it has no metadata.",
            hint=f"One that is a plugin {block}.",
        )
    return PluginFileError(
        "This is no plugin: it has no <config> block.",
        hint='A plugin file has <config lang="json"> and <script lang="python">; '
        f"a Python script {block}.",
    )


def _config(match: re.Match[str]) -> dict[str, Any]:
    attributes = dict(_ATTRIBUTE.findall(match["attributes"]))
    try:
        if attributes.get("lang") == "yaml":
            config = _yaml(match["text"])
        else:
            config = json.loads(match["text"])
    except ValueError as error:
        raise PluginFileError(f"The plugin's config cannot be read: {error}.") from error
    if not isinstance(config, dict) or not isinstance(config.get("name"), str):
        raise PluginFileError('The plugin\'s config has no "name".')
    return config


def _yaml(text: str) -> Any:
    try:
        yaml = importlib.import_module("yaml")
    except ImportError:
        raise PluginFileError(
            "The plugin's config is YAML, and PyYAML is not installed.",
            hint="pip install PyYAML, or write the config as JSON.",
        ) from None
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


def _scripts(text: str) -> list[Script]:
    scripts = []
    for match in _SCRIPT.finditer(text):
        attributes = dict(_ATTRIBUTE.findall(match["attributes"]))
        if attributes.get("lang", "python") == "python":
            first_line = text.count("\n", 0, match.start("text")) + 1
            scripts.append(Script(match["text"], first_line, attributes.get("tag", "")))
    return scripts

"""Plugin files as their authors write them."""

from __future__ import annotations

import json
from textwrap import dedent
from typing import Any

__all__ = ["native_plugin", "plugin_file", "window_plugin"]


def plugin_file(
    name: str, script: str, *, lang: str = "python", blocks: str = "", **config: Any
) -> str:
    """Return a plugin file; `config` is added to the fields that every plugin has."""
    fields = {
        "name": name,
        "type": "native-python",
        "version": "0.1.0",
        "api_version": "0.1.8",
        "description": f"{name} shows something.",
        "tags": [],
        "ui": "",
        "inputs": None,
        "outputs": None,
        "flags": [],
        "icon": "extension",
        "env": "",
        "requirements": [],
        "dependencies": [],
        **config,
    }
    return (
        f'<config lang="json">\n{json.dumps(fields, indent=2)}\n</config>\n{blocks}'
        f'<script lang="{lang}">\n{dedent(script).strip()}\n</script>\n'
    )


def native_plugin(name: str, script: str, **config: Any) -> str:
    """Return a plugin that runs on the engine; its script has `api` as ImJoy's documents say."""
    return plugin_file(name, f"from imjoy import api\n{dedent(script).strip()}", **config)


def window_plugin(name: str, script: str, *, html: str = "<p>Hello</p>", **config: Any) -> str:
    """Return a window plugin: `script` is JavaScript, `html` what the window shows."""
    window = f'<window lang="html">\n{html}\n</window>\n'
    return plugin_file(
        name, script, lang="javascript", blocks=window, **{"type": "window", **config}
    )

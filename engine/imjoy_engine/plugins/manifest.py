"""What a plugin says of itself: its config, checked once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from imjoy_engine.errors import ManifestError

__all__ = ["PluginManifest"]

_MAX_NAME_LENGTH = 200
_PLUGIN_TYPES = ("native-python", "pyworker")
_EXECUTORS = ("thread", "main-thread", "process")
_FLAGS = ("allow-detach", "single-instance")
"""Those that an engine heeds; cores have more."""


@dataclass(frozen=True, slots=True)
class PluginManifest:
    """A plugin's config as the engine needs it; `config` is the whole of it."""

    name: str
    type: str = "native-python"
    version: str = ""
    tag: str = ""
    flags: frozenset[str] = frozenset()
    executor: str = "thread"
    """Where the worker runs the plugin's plain functions."""
    config: Mapping[str, Any] = field(default_factory=dict)

    @property
    def source(self) -> str:
        """Return the whole plugin file, "" when its client did not tell it."""
        code = self.config.get("code")
        return code if isinstance(code, str) else ""

    @property
    def may_detach(self) -> bool:
        """Return whether the plugin may live on without a client, and without an engine."""
        return "allow-detach" in self.flags

    @property
    def doubts(self) -> list[str]:
        """Return sentences about what may be meant otherwise than it is written."""
        meant = {flag: get_close_matches(flag, _FLAGS, 1, 0.8) for flag in sorted(self.flags)}
        return [
            f'The flag "{flag}" means nothing to the engine. Is "{near[0]}" meant?'
            for flag, near in meant.items()
            if near and flag not in near
        ]

    @classmethod
    def from_config(cls, config: object) -> PluginManifest:
        """Return the manifest of a core's plugin config; ManifestError names the wrong field."""
        if not isinstance(config, Mapping):
            raise ManifestError(
                "The plugin's config is not an object.",
                hint="Send the plugin's whole config, as the core parsed it.",
            )
        name = config.get("name")
        if not isinstance(name, str) or not name.strip():
            raise ManifestError(
                "The plugin has no name.", hint='Give its config a "name", such as "My plugin".'
            )
        if len(name) > _MAX_NAME_LENGTH or "/" in name or not name.isprintable():
            raise ManifestError(
                f"The plugin's name cannot be used: {name[:80]!r}.",
                hint=f"At most {_MAX_NAME_LENGTH} printable characters without a slash.",
            )
        kind = config.get("type", "native-python")
        if kind not in _PLUGIN_TYPES:
            raise ManifestError(
                f"The plugin {name!r} is of type {kind!r}; an engine runs native-python plugins.",
                hint='Set "type" to "native-python", or load it in the page without an engine.',
            )
        return cls(
            name=name,
            version=str(config.get("version") or ""),
            tag=_text(config, "tag"),
            flags=frozenset(_flags(config)),
            executor=_executor(config),
            config=config,
        )

    def as_dict(self) -> dict[str, Any]:
        """Return what the worker is told of its plugin."""
        return {
            "name": self.name,
            "type": self.type,
            "version": self.version,
            "tag": self.tag,
            "flags": sorted(self.flags),
            "executor": self.executor,
        }


def _text(config: Mapping[str, Any], key: str) -> str:
    value = config.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ManifestError(f"The plugin's {key} is not text.", hint=f'Write "{key}" as a string.')
    return value


def _flags(config: Mapping[str, Any]) -> list[str]:
    flags = config.get("flags") or []
    if not isinstance(flags, list) or not all(isinstance(flag, str) for flag in flags):
        raise ManifestError(
            "The plugin's flags are not a list of words.",
            hint='Write them as a list, such as "flags": ["single-instance"].',
        )
    return flags


def _executor(config: Mapping[str, Any]) -> str:
    chosen = config.get("executor") or "thread"
    if chosen not in _EXECUTORS:
        known = ", ".join(f'"{name}"' for name in _EXECUTORS)
        raise ManifestError(
            f"The plugin's executor is {chosen!r}, which the engine does not know.",
            hint=f'Set "executor" to one of {known}, or leave it out.',
        )
    return str(chosen)

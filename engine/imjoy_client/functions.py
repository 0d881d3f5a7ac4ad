"""The functions of a plugin by their names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["function_of"]


def function_of(interface: Mapping[str, Any], name: str) -> Any:
    """Return a function of a plugin. Raises AttributeError, which names those it has."""
    if name not in interface:
        known = ", ".join(sorted(each for each in interface if each[:1] != "_")) or "none"
        raise AttributeError(f"The plugin has no {name!r}. It has: {known}.")
    return interface[name]

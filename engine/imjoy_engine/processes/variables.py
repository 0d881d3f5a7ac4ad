"""The variables that a process of ours inherits from the engine's own."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["scrubbed"]

_FOREIGN = ("PYTHON", "VIRTUAL_ENV", "CONDA_", "IMJOY_", "__PYVENV_LAUNCHER__")


def scrubbed(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables without those that would make one interpreter act like another.

    Among them PYTHONDONTWRITEBYTECODE: inherited from a developer's shell it makes every start of a
    worker compile its libraries again, which takes seconds.
    """
    return {name: value for name, value in variables.items() if not name.startswith(_FOREIGN)}

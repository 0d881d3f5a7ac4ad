"""The JavaScript twins of codec, frames and delivery, held to the same vectors by node."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from support.node import node

TESTS = Path(__file__).parents[1] / "web_link"


@pytest.mark.parametrize("name", ["codec", "stream_frames", "delivery_vectors"])
def test_the_twin_passes_the_vectors(name: str) -> None:
    done = subprocess.run(
        [node(), "--test", TESTS / f"{name}.test.mjs"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr

"""What every test stands on: short socket paths and nothing left behind."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def short_dir() -> Iterator[Path]:
    """Return a directory whose path leaves room for a Unix socket's name (108 bytes)."""
    path = Path(tempfile.mkdtemp(prefix="ij-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)

"""One store of environments for all integration tests; each test has its own engine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.engine import EngineProcess, running_engine


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture
async def engine(tmp_path: Path, store: Path) -> AsyncIterator[EngineProcess]:
    async with running_engine(workspace=tmp_path / "workspace", store=store) as engine:
        yield engine

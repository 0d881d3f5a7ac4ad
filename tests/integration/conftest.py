"""One store of environments for all integration tests; each test has its own engine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page

from support.engine import EngineProcess, running_engine
from support.link_page import linked_page


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture
async def engine(tmp_path: Path, store: Path) -> AsyncIterator[EngineProcess]:
    async with running_engine(workspace=tmp_path / "workspace", store=store) as engine:
        yield engine


@pytest.fixture
async def page(engine: EngineProcess) -> AsyncIterator[Page]:
    """Return a page of the engine's origin with `imjoy`, `link`, `events`, `load` and `within`."""
    async with linked_page(engine) as page:
        yield page

"""The real engine, the real page, and a person with a browser; all in one event loop."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright, expect

from support.browser import SEE_S, Person, person_at
from support.engine import EngineProcess, running_engine
from support.packages import PackageIndex

HERE = Path(__file__).parent
CHROMIUM_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Whatever the page may ask for, nothing but this machine ever answers.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    """Mark what is here: a browser is needed, and lives in one loop for the whole session."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the store of environments; all tests share what was built."""
    return tmp_path_factory.mktemp("store")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    assert chromium, "Chromium is not installed; make test installs it."
    expect.set_options(timeout=SEE_S * 1000)
    # The loop of all tests keeps its thread for files: it is there before the first of them.
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(1, "files"))
    await loop.run_in_executor(None, bool)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium, args=list(CHROMIUM_ARGUMENTS)
        )
        yield browser
        await browser.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def engine(
    tmp_path_factory: pytest.TempPathFactory, store: Path
) -> AsyncIterator[EngineProcess]:
    workspace = tmp_path_factory.mktemp("workspace")
    async with running_engine(workspace=workspace, store=store) as engine:
        yield engine


@pytest.fixture
def open_gate(index: PackageIndex) -> Iterator[None]:
    """Let every package through again after a test that has held one back."""
    yield
    index.gate.set()


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(browser: Browser, engine: EngineProcess) -> AsyncIterator[Person]:
    """Return somebody with a new browser profile, who has not opened the page yet."""
    async with person_at(browser, engine) as person:
        yield person


@pytest_asyncio.fixture(loop_scope="session")
async def person(visitor: Person) -> Person:
    """Return somebody who has opened the engine's link."""
    await visitor.open()
    return visitor

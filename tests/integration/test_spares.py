"""Spare interpreters of a real engine: there for the next plugin, and gone with the engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest_asyncio

import imjoy_client
from support.engine import EngineProcess, gone, running_engine

CONFIG = {"name": "Plain", "type": "native-python"}
SCRIPT = """
import os
api.export({"pid": os.getpid, "where": os.getcwd, "of": lambda name: os.environ.get(name)})
"""


@pytest_asyncio.fixture(loop_scope="function")
async def engine(tmp_path: Path, store: Path) -> AsyncIterator[EngineProcess]:
    async with running_engine("--spares", "1", workspace=tmp_path, store=store) as engine:
        yield engine


async def spare_beside(engine: EngineProcess, client: imjoy_client.Client, plugin: int) -> int:
    """Return the pid of the spare, when it has imported what it needs and waits."""
    async with asyncio.timeout(30):
        while not (await client.status())["spares"]:
            await asyncio.to_thread(psutil.cpu_percent, 0.05)
    (spare,) = {process.pid for process in engine.workers()} - {plugin}
    return spare


async def test_the_next_plugin_of_an_environment_is_the_spare(
    engine: EngineProcess, tmp_path: Path
) -> None:
    async with imjoy_client.connect(engine.link, "") as client:
        first = await client.start_plugin(CONFIG, script=SCRIPT)
        spare = await spare_beside(engine, client, await first.pid())

        variable = {"type": "variable", "options": {"API_KEY": "hidden"}}
        second = await client.start_plugin({**CONFIG, "env": [variable]}, script=SCRIPT)

        assert await second.pid() == spare
        assert await second.of("API_KEY") == "hidden"
        assert await second.where() == str(tmp_path / "default")
        assert await first.of("API_KEY") is None
        await second.stop()
        assert not psutil.pid_exists(spare)
    assert "hidden" not in engine.text


async def test_a_spare_ends_with_its_engine(engine: EngineProcess) -> None:
    async with imjoy_client.connect(engine.link, "") as client:
        plugin = await client.start_plugin(CONFIG, script=SCRIPT)
        spare = await spare_beside(engine, client, await plugin.pid())
    tree = engine.tree()
    assert spare in [process.pid for process in tree]
    engine.process.kill()
    await engine.process.wait()
    assert await gone(tree) == []
    assert not psutil.pid_exists(spare)

"""The process that holders of plugins are forked off, killed beside a running engine."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest_asyncio

import imjoy_client
from support.engine import EngineProcess, gone, running_engine
from support.pids import ended

CONFIG = {"name": "Plain", "type": "native-python"}
SCRIPT = "import os\napi.export({'pid': os.getpid})"


@pytest_asyncio.fixture(loop_scope="function")
async def engine(tmp_path: Path, store: Path) -> AsyncIterator[EngineProcess]:
    async with running_engine("--spares", "0", workspace=tmp_path, store=store) as engine:
        yield engine


def fork_server(engine: EngineProcess) -> psutil.Process:
    server = engine.fork_server()
    assert server is not None
    return server


async def test_plugins_go_on_and_others_start_when_it_is_killed(engine: EngineProcess) -> None:
    async with imjoy_client.connect(engine.link, "") as client:
        first = await client.start_plugin({**CONFIG, "name": "First"}, script=SCRIPT)
        killed = fork_server(engine).pid
        worker = psutil.Process(await first.pid())
        assert [parent.pid for parent in worker.parents()[:2]][1] == killed
        os.kill(killed, signal.SIGKILL)
        await ended(killed)

        second = await client.start_plugin({**CONFIG, "name": "Second"}, script=SCRIPT)

        assert await first.pid() == worker.pid
        assert psutil.Process(await second.pid()).parents()[1] == fork_server(engine)
        await first.stop()
        assert not psutil.pid_exists(worker.pid)
        await second.stop()


async def test_a_killed_engine_leaves_nothing_even_then(engine: EngineProcess) -> None:
    async with imjoy_client.connect(engine.link, "") as client:
        await client.start_plugin({**CONFIG, "name": "First"}, script=SCRIPT)
        tree = engine.tree()
        server = fork_server(engine)
        server.kill()
        await ended(server.pid)
        await client.start_plugin({**CONFIG, "name": "Second"}, script=SCRIPT)
        tree += [*engine.tree(), fork_server(engine)]
    engine.process.kill()
    await engine.process.wait()

    assert await gone(tree) == []

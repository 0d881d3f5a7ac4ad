"""Plugins that may outlive the engine: it is really killed, and another one takes over."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

import imjoy_client
from support.client import Stranger, stranger
from support.engine import EngineProcess, running_engine, start_engine
from support.pids import ended

LASTING = {
    "name": "Lasting",
    "type": "native-python",
    "requirements": [],
    "flags": ["allow-detach"],
}


@asynccontextmanager
async def doomed_engine(workspace: Path, store: Path) -> AsyncIterator[EngineProcess]:
    """Run an engine that is killed, by the test or at the end."""
    engine = await start_engine(workspace=workspace, store=store)
    try:
        await engine.ready()
        yield engine
    finally:
        await engine.stop(signal.SIGKILL)


@asynccontextmanager
async def next_engine(
    workspace: Path, store: Path
) -> AsyncIterator[tuple[EngineProcess, Stranger]]:
    async with (
        running_engine(workspace=workspace, store=store) as engine,
        stranger(engine) as client,
    ):
        yield engine, client


@pytest.fixture
async def workspace(tmp_path: Path) -> AsyncIterator[Path]:
    """Return a workspace of which no process is left, whatever the test does."""
    yield tmp_path / "workspace"
    left = [process for process in psutil.process_iter() if _is_of(process, tmp_path)]
    for process in left:
        process.kill()
    assert not left, f"left behind: {left}"


def _is_of(process: psutil.Process, directory: Path) -> bool:
    try:
        return process.cwd().startswith(str(directory)) or str(directory) in " ".join(
            process.cmdline()
        )
    except psutil.Error:
        return False


async def started(client: Stranger, plugin_id: str, **config: Any) -> dict[str, Any]:
    answer = await client.ask("init_plugin", {"id": plugin_id, "config": {**LASTING, **config}})
    assert answer["success"], answer
    await client.event("plugin_event", id=plugin_id, event="state", state="ready")
    return answer


async def execute(client: Stranger, plugin: dict[str, Any], content: str) -> None:
    code = {"type": "script", "content": content, "lang": "python", "attrs": {}}
    await client.send(plugin["client_peer"], plugin["peer_id"], {"type": "execute", "code": code})
    await client.frame(type="executed")


async def processes_of(client: Stranger) -> dict[str, dict[str, Any]]:
    status = await client.ask("get_engine_status")
    return {row["name"]: row for row in status["plugin_processes"]}


async def found_again(client: Stranger, name: str) -> dict[str, Any]:
    """Return the plugin's row in the status once it is ready."""
    async with asyncio.timeout(20):
        while (row := (await processes_of(client)).get(name)) is None or row["state"] != "ready":
            pass
    return row


async def logged(workspace: Path, plugin: dict[str, Any], words: str) -> None:
    """Return when the plugin's log holds these words."""
    async with asyncio.timeout(20):
        while True:
            logs = (workspace / ".imjoy-engine" / "logs").glob(f"*/*.{plugin['instance']}.log")
            if any(words in log.read_text() for log in logs):
                return
            await asyncio.to_thread(os.sched_yield)


async def test_only_what_may_detach_survives_the_engine_and_is_found_again(
    workspace: Path, store: Path
) -> None:
    async with doomed_engine(workspace, store) as engine, stranger(engine) as client:
        lasting = await started(client, "lasting")
        await started(client, "plain", name="Plain", flags=[])
        await execute(client, lasting, "import os\nprint('first words')\n")
        pids = {name: row["pid"] for name, row in (await processes_of(client)).items()}
        await logged(workspace, lasting, "first words")
        engine.process.kill()
        await engine.process.wait()
        await ended(pids["Plain"])
        assert psutil.pid_exists(pids["Lasting"])
    async with next_engine(workspace, store) as (_, client):
        row = await found_again(client, "Lasting")
        assert (row["pid"], row["instance"]) == (pids["Lasting"], lasting["instance"])
        assert list(await processes_of(client)) == ["Lasting"]
        assert (await client.ask("kill_plugin_process", {"pid": row["pid"]}))["success"]
    assert not psutil.pid_exists(pids["Lasting"])
    await logged(workspace, lasting, "first words")
    assert not list((workspace / ".imjoy-engine" / "detached").iterdir())


RUNNER = """
from imjoy import api
import os, time

def slow(gate):
    while not os.path.exists(gate):
        time.sleep(0.01)
    print("made it", flush=True)
    return {"pid": os.getpid(), "data": b"x" * (3 << 20)}

async def stay():
    return os.getpid()

api.export({"slow": slow, "stay": stay})
"""


async def test_a_run_goes_on_without_an_engine_and_its_result_waits(
    workspace: Path, store: Path, tmp_path: Path
) -> None:
    config = {"name": "Runner", "flags": ["allow-detach"]}
    gate = tmp_path / "gate"
    async with doomed_engine(workspace, store) as engine:
        async with imjoy_client.connect(engine.url, engine.token) as client:
            plugin = await client.start_plugin(config, script=RUNNER)
            pid = await plugin.stay()
            run = client.start_run(plugin, "slow", str(gate))
            await plugin.stay()
        engine.process.kill()
        await engine.process.wait()
    gate.touch()
    (log,) = (workspace / ".imjoy-engine" / "logs").rglob("*.log")
    async with asyncio.timeout(20):
        while "made it" not in await asyncio.to_thread(log.read_text):
            pass
    async with (
        running_engine(workspace=workspace, store=store) as engine,
        imjoy_client.connect(engine.url, engine.token) as client,
    ):
        result = await asyncio.wait_for(client.wait_run(run), 20)
        assert result == {"pid": pid, "data": b"x" * (3 << 20)}
        again = await client.start_plugin(config, script=RUNNER)
        assert await again.stay() == pid
        await again.stop()
    assert not psutil.pid_exists(pid)


async def test_a_clean_stop_leaves_it_and_says_how_to_end_it(workspace: Path, store: Path) -> None:
    async with running_engine(workspace=workspace, store=store) as engine:
        async with stranger(engine) as client:
            await started(client, "lasting")
            pid = (await processes_of(client))["Lasting"]["pid"]
        assert await engine.stop() == 0
    assert "Lasting lives on without the engine" in engine.text
    assert "Refused a worker" not in engine.text
    keeper = psutil.Process(pid).ppid()
    assert f"kill {keeper}" in engine.text
    os.kill(keeper, signal.SIGTERM)
    await ended(pid)


async def test_a_worker_that_is_stopped_comes_back_when_it_goes_on(
    workspace: Path, store: Path
) -> None:
    async with doomed_engine(workspace, store) as engine, stranger(engine) as client:
        await started(client, "lasting")
        pid = (await processes_of(client))["Lasting"]["pid"]
        os.kill(pid, signal.SIGSTOP)
        engine.process.kill()
        await engine.process.wait()
    async with next_engine(workspace, store) as (_, client):
        row = (await processes_of(client))["Lasting"]
        assert row["state"] == "starting"
        os.kill(pid, signal.SIGCONT)
        assert (await found_again(client, "Lasting"))["pid"] == pid
        os.kill(pid, signal.SIGSTOP)
        assert (await client.ask("kill_plugin_process", {"pid": pid}))["success"]
    assert not psutil.pid_exists(pid)


async def test_what_floods_and_forks_without_an_engine_is_found_and_ended_whole(
    workspace: Path, store: Path
) -> None:
    script = """
import os, signal, threading
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        while True:
            signal.pause()
def flood():
    while True:
        os.write(2, b"x" * 65536)
threading.Thread(target=flood, daemon=True).start()
"""
    async with doomed_engine(workspace, store) as engine, stranger(engine) as client:
        plugin = await started(client, "lasting")
        await execute(client, plugin, script)
        pid = (await processes_of(client))["Lasting"]["pid"]
        tree = psutil.Process(pid).children(recursive=True)
        assert len(tree) == 3
        engine.process.kill()
        await engine.process.wait()
    async with next_engine(workspace, store) as (_, client):
        assert (await found_again(client, "Lasting"))["pid"] == pid
        assert (await client.ask("reset_engine"))["success"]
    assert not any(psutil.pid_exists(each.pid) for each in tree)

"""Plugins that take more than they may: real processes, kept by the engine itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from support.client import Stranger, stranger
from support.engine import EngineProcess, gone, running_engine


@pytest.fixture
async def strict(tmp_path: Path, store: Path) -> AsyncIterator[EngineProcess]:
    async with running_engine(
        *("--no-cgroups", "--spares", "0", "--max-plugins-per-session", "2"),
        *("--memory-limit", "200 MB", "--cpu-limit", "1"),
        workspace=tmp_path / "workspace",
        store=store,
    ) as engine:
        yield engine


async def start(client: Stranger, name: str, **fields: Any) -> dict[str, Any]:
    config = {"name": name, "type": "native-python", **fields}
    answer = await client.ask("init_plugin", {"id": name, "config": config})
    assert answer["success"], answer
    await client.event("plugin_event", id=name, event="state", state="ready")
    return answer


async def execute(client: Stranger, plugin: dict[str, Any], content: str) -> None:
    message = {"type": "execute", "code": {"content": content}}
    await client.send(plugin["client_peer"], plugin["peer_id"], message)


async def test_the_whole_tree_of_a_plugin_counts_and_is_ended(strict: EngineProcess) -> None:
    async with stranger(strict) as client:
        plugin = await start(client, "hungry")
        tree = strict.tree()
        await execute(
            client,
            plugin,
            "import os, sys, subprocess\n"
            "grow = 'kept = bytearray(b\"x\") * 130_000_000; input()'\n"
            "children = [subprocess.Popen([sys.executable, '-c', grow], stdin=subprocess.PIPE,\n"
            "                             start_new_session=True) for _ in range(2)]\n"
            "print(os.sched_getaffinity(0), flush=True)\n",
        )
        failed = await client.event("plugin_event", id="hungry", state="failed")
        assert failed["error"]["code"] == "memory-limit"
        assert "its limit is 200 MB; it was ended." in failed["error"]["message"]
        ended = await client.event("plugin_event", id="hungry", event="exit")
        assert ended["words"] == "stopped at its limit of memory (200 MB)"
        printed = await client.event("plugin_event", id="hungry", event="log", stream="stdout")
        assert "," not in printed["text"]
        assert await gone([process for process in tree if process.pid != strict.pid]) == []
        assert strict.tree() == []
        # Who says what he needs gets it.
        await start(client, "modest", limits={"memory": "1 GB"})


async def test_one_client_may_use_so_many_plugins(strict: EngineProcess) -> None:
    async with stranger(strict) as client:
        await start(client, "one")
        await start(client, "two")
        third = {"id": "three", "config": {"name": "three", "type": "native-python"}}
        refused = await client.ask("init_plugin", third)
        assert refused["code"] == "too-many-plugins"
        assert refused["error"] == "This client already uses 2 plugins."
        assert "--max-plugins-per-session" in refused["hint"]
        await client.ask("kill_plugin", {"id": "one"})
        assert (await client.ask("init_plugin", third))["success"]


async def test_an_idle_plugin_is_stopped_and_a_busy_one_is_not(tmp_path: Path, store: Path) -> None:
    async with (
        running_engine(
            *("--idle-timeout", "1s", "--spares", "0"), workspace=tmp_path, store=store
        ) as engine,
        stranger(engine) as client,
    ):
        busy = await start(client, "busy")
        await execute(client, busy, "import threading; threading.Event().wait(20)")
        await start(client, "lazy")
        stopped = await client.event("plugin_event", id="lazy", state="stopped")
        assert stopped["error"]["code"] == "plugin-idle"
        assert "nobody used it for 1 s" in stopped["error"]["message"]
        status = await client.ask("get_engine_status")
        assert [entry["name"] for entry in status["plugin_processes"]] == ["busy"]

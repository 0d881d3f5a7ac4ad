"""What a research engineer does at the terminal: ps, logs, kill, status, token, metrics."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from support.client import Stranger, stranger
from support.engine import EngineProcess, gone, running_engine
from support.pids import alive

WAIT_S = 30


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return tmp_path / "workspace"


async def command(workspace: Path, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "imjoy_engine",
        *arguments,
        "--workspace",
        str(workspace),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def run(workspace: Path, *arguments: str) -> tuple[int, str, str]:
    """Return exit code, output and errors of a command."""
    process = await command(workspace, *arguments)
    async with asyncio.timeout(WAIT_S):
        out, err = await process.communicate()
    assert process.returncode is not None
    assert "Traceback" not in err.decode()
    return process.returncode, out.decode(), err.decode()


async def start(client: Stranger, name: str, script: str = "", **fields: Any) -> dict[str, Any]:
    config = {"name": name, "type": "native-python", **fields}
    plugin = await client.ask("init_plugin", {"id": name, "config": config})
    assert plugin["success"], plugin
    await client.event("plugin_event", id=name, event="state", state="ready")
    if script:
        message = {"type": "execute", "code": {"content": script}}
        await client.send(plugin["client_peer"], plugin["peer_id"], message)
    return plugin


async def test_ps_status_and_kill(engine: EngineProcess, workspace: Path) -> None:
    async with stranger(engine) as client:
        assert (await run(workspace, "ps"))[1].strip() == "No plugin runs."
        await start(client, "One plugin", "kept = bytearray(b'x') * 80_000_000")
        await client.frame(type="executed")
        await start(client, "Other")
        code, table, _ = await run(workspace, "ps")
        assert code == 0
        assert [line.split()[0] for line in table.splitlines()] == ["PLUGIN", "One", "Other"]
        _, text, _ = await run(workspace, "ps", "--json")
        first = json.loads(text)[0]
        assert (first["name"], first["state"], first["clients"]) == ("One plugin", "ready", 1)
        assert first["usage"]["memory_bytes"] > 80_000_000
        assert first["usage"]["cpu_s"] > 0
        assert alive(first["pid"])
        status = await client.ask("get_engine_status")
        assert status["plugin_processes"][0]["usage"]["memory_bytes"] > 80_000_000
        assert status["plugin_processes"][0]["id"] == "One plugin"
        _, text, _ = await run(workspace, "status")
        assert engine.url in text
        assert "2 of 200" in text

        tree = engine.tree()
        code, text, _ = await run(workspace, "kill", "One plugin")
        assert code == 0
        assert re.fullmatch(r"One plugin \(i_\w+\): stopped\n", text)
        assert not alive(first["pid"])
        await start(client, "Third")
        code, text, error = await run(workspace, "kill", "Third", "One plugin")
        assert code == 1
        assert re.fullmatch(r"Third \(i_\w+\): stopped\n", text)
        assert "No plugin 'One plugin' runs here." in error
        assert "These do: Other." in error
        assert (await run(workspace, "kill"))[0] == 2
        assert (await run(workspace, "kill", "--all"))[0] == 0
        assert json.loads((await run(workspace, "ps", "--json"))[1]) == []
        assert await gone([process for process in tree if process.pid == first["pid"]]) == []


@asynccontextmanager
async def following(workspace: Path, name: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await command(workspace, "logs", "-f", name)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def line_with(process: asyncio.subprocess.Process, words: str) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(WAIT_S):
        async for line in process.stdout:
            if words in line.decode():
                return line.decode()
    raise AssertionError(f"ended without {words!r}")


PRINTS = """
import ctypes, subprocess, sys
print("from Python")
ctypes.CDLL(None).puts(b"from C")
child = "print('from a child'); input()"
kept = subprocess.Popen([sys.executable, "-c", child], stdin=subprocess.PIPE)
"""


async def test_logs_are_followed_and_found_after_the_end(
    engine: EngineProcess, workspace: Path
) -> None:
    async with stranger(engine) as client:
        plugin = await start(client, "Talks")
        async with following(workspace, "Talks") as tail:
            await line_with(tail, " ready")
            message = {"type": "execute", "code": {"content": PRINTS}}
            await client.send(plugin["client_peer"], plugin["peer_id"], message)
            assert await line_with(tail, "from Python") == "from Python\n"
            assert await line_with(tail, "from C") == "from C\n"
            assert await line_with(tail, "from a child") == "from a child\n"
            await client.ask("kill_plugin", {"id": "Talks"})
            assert "ended: stopped" in await line_with(tail, "ended")
            async with asyncio.timeout(WAIT_S):
                assert await tail.wait() == 0
        await start(client, "Raises", "def broken():\n    1 / 0\nbroken()\n")
        await client.event("plugin_event", id="Raises", event="log", stream="stderr")
    await engine.stop()
    code, text, _ = await run(workspace, "logs", "Talks")
    assert code == 0
    assert "from C\n" in text
    code, text, _ = await run(workspace, "logs", "Raises")
    assert "ZeroDivisionError" in text
    assert (await run(workspace, "logs", "raises", "-n", "1"))[1].count("\n") == 1
    code, _, error = await run(workspace, "logs", "Nobody")
    assert code == 1
    assert "There are logs of Raises, Talks." in error


async def test_who_follows_a_killed_engine_is_not_left_waiting(
    engine: EngineProcess, workspace: Path
) -> None:
    async with stranger(engine) as client:
        await start(client, "Talks")
        async with following(workspace, "Talks") as tail:
            await line_with(tail, " ready")
            engine.process.kill()
            await engine.process.wait()
            async with asyncio.timeout(WAIT_S):
                assert await tail.wait() == 0


@pytest.mark.parametrize("name", ["ps", "status", "kill"])
async def test_no_engine_is_one_sentence_and_a_code_of_its_own(tmp_path: Path, name: str) -> None:
    code, _, error = await run(tmp_path, name, *(["--all"] if name == "kill" else []))
    assert code == 3
    assert f"No engine runs at {tmp_path}." in error
    assert "--workspace" in error


async def test_a_new_token_closes_the_door_to_the_old_one(
    engine: EngineProcess, workspace: Path
) -> None:
    assert (await run(workspace, "token"))[1].strip() == engine.link
    async with stranger(engine) as connected:
        new = json.loads((await run(workspace, "token", "--rotate", "--json"))[1])
        assert new["token"] != engine.token
        assert (await connected.ask("get_engine_status"))["success"]
        async with stranger(engine, register=False) as other:
            assert not (await other.register(engine.token))["success"]
            assert (await other.register(new["token"]))["success"]
    await engine.stop()
    assert (await run(workspace, "token"))[1].strip() == new["token"]


async def test_health_is_everybodys_and_metrics_are_the_token_holders(
    engine: EngineProcess,
) -> None:
    def fetched(path: str, **headers: str) -> tuple[int, str]:
        request = urllib.request.Request(engine.url + path, headers=headers)
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    code, text = await asyncio.to_thread(fetched, "/healthz")
    assert (code, json.loads(text)["status"]) == (200, "ok")
    code, text = await asyncio.to_thread(fetched, "/metrics")
    assert code == 401
    assert "imjoy_" not in text
    async with stranger(engine) as client:
        await start(client, "One")
        code, text = await asyncio.to_thread(
            lambda: fetched("/metrics", Authorization=f"Bearer {engine.token}")
        )
    assert code == 200
    assert 'imjoy_plugins{state="ready"} 1.0' in text
    assert 'imjoy_plugin_memory_bytes{instance="i_' in text


async def test_the_engines_log_may_be_json(workspace: Path, store: Path) -> None:
    async with (
        running_engine("--log-format", "json", workspace=workspace, store=store) as engine,
        stranger(engine) as client,
    ):
        await start(client, "One")
        await client.ask("kill_plugin", {"id": "One"})
    lines = [json.loads(line) for line in engine.printed if line.startswith("{")]
    ready = next(line for line in lines if line.get("state") == "ready")
    assert (ready["plugin"], ready["level"]) == ("One", "info")
    assert ready["message"].startswith("One runs as process ")
    assert ready["instance"].startswith("i_")

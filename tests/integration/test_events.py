"""The Socket.IO events as a client meets them that knows only the documentation."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from support.client import Stranger, stranger
from support.engine import EngineProcess, gone, running_engine
from support.pids import alive

PLAIN = {"name": "Plain", "type": "native-python", "requirements": []}


async def started(client: Stranger, plugin_id: str = "p", **config: Any) -> dict[str, Any]:
    """Start a plugin and return the ack once it is ready."""
    answer = await client.ask("init_plugin", {"id": plugin_id, "config": {**PLAIN, **config}})
    assert answer["success"], answer
    await client.event("plugin_event", id=plugin_id, event="state", state="ready")
    return answer


async def execute(client: Stranger, plugin: dict[str, Any], content: str) -> None:
    code = {"type": "script", "content": content, "lang": "python", "attrs": {}}
    message = {"type": "execute", "code": code}
    await client.send(plugin["client_peer"], plugin["peer_id"], message)


async def test_registering_tells_about_the_engine(engine: EngineProcess) -> None:
    async with stranger(engine, register=False) as client:
        answer = await client.register(engine.token)
    assert answer["success"]
    assert answer["workspace"] == "default"
    info = answer["engine_info"]
    assert info["url"] == engine.url
    assert info["platform"]["system"] == "Linux"
    assert isinstance(info["GPUs"], list)
    assert answer["limits"]["max_message_bytes"] >= 1 << 28


async def test_a_wrong_token_opens_nothing(engine: EngineProcess) -> None:
    async with stranger(engine, register=False) as client:
        refused = await client.register("wrong-token")
        assert not refused["success"]
        assert refused["code"] == "token-mismatch"
        assert engine.token not in str(refused)
        for event in ("init_plugin", "get_engine_status", "list_dir", "reset_engine"):
            answer = await client.ask(event, {})
            assert (answer["success"], answer["code"]) == (False, "not-registered")
        await client.send("b", "w", {"type": "method"})
        assert (await client.event("client_error"))["code"] == "not-registered"
    async with stranger(engine) as client:
        assert (await client.ask("get_engine_status"))["success"]
    assert engine.token not in engine.text.split("Workspace:")[1]


async def test_a_plugin_starts_says_its_states_and_stops(engine: EngineProcess) -> None:
    async with stranger(engine) as client:
        plugin = await started(client)
        states = [
            payload["state"]
            for name, payload in client.events
            if name == "plugin_event" and payload["event"] == "state"
        ]
        assert states == ["preparing", "starting", "ready"]
        status = await client.ask("get_engine_status")
        (row,) = status["plugin_processes"]
        assert (row["name"], row["id"], row["state"]) == ("Plain", "p", "ready")
        tree = engine.tree()
        assert row["pid"] in [process.pid for process in tree]
        answer = await client.ask("kill_plugin", {"id": "p"})
        assert answer["success"]
        assert answer["report"]["exit_code"] == 0
        assert not any(alive(process.pid) for process in tree)
        await client.event("plugin_event", event="state", state="stopped")
        assert (await client.ask("get_engine_status"))["plugin_num"] == 0
        await client.send(plugin["client_peer"], plugin["peer_id"], {"type": "getInterface"})
        assert (await client.frame("undeliverable"))[0]["code"] == "not-your-peer"


async def test_the_worker_speaks_first_and_answers(engine: EngineProcess) -> None:
    async with stranger(engine) as client:
        plugin = await started(client)
        ready, _ = await client.frame(type="imjoyRPCReady")
        assert ready["peer_id"] == plugin["peer_id"]
        await execute(client, plugin, "print('hello from the plugin')\n1 / 0\n")
        executed, _ = await client.frame(type="executed")
        assert "ZeroDivisionError" in str(executed["error"])
        log = await client.event("plugin_event", event="log", stream="stdout")
        assert "hello from the plugin" in log["text"]


async def test_a_plugin_that_dies_is_told_with_its_last_lines(engine: EngineProcess) -> None:
    async with stranger(engine) as client:
        plugin = await started(client)
        script = "import os, sys\nprint('going down', file=sys.stderr, flush=True)\nos._exit(3)\n"
        await execute(client, plugin, script)
        end = await client.event("plugin_event", event="exit")
        assert end["exit_code"] == 3
        assert "going down" in "\n".join(end["last_lines"])
        failed = await client.event("plugin_event", event="state", state="failed")
        assert "exited with code 3" in failed["error"]["message"]
        assert failed["error"]["hint"]
        gone_frame, _ = await client.frame("peer_gone")
        assert gone_frame["reason"]["exit_code"] == 3
        await started(client, "q")


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"name": ""}, "no name"),
        ({"type": "window"}, "of type 'window'"),
        ({"flags": "x"}, "flags are not a list"),
    ],
)
async def test_a_bad_manifest_is_refused_at_once(
    engine: EngineProcess, config: dict[str, Any], words: str
) -> None:
    async with stranger(engine) as client:
        answer = await client.ask("init_plugin", {"id": "p", "config": {**PLAIN, **config}})
        assert not answer["success"]
        assert words in answer["error"]
        assert answer["hint"]


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"env": {"type": "docker"}}, "env"),
        ({"requirements": ["./local"]}, "requirements[0]"),
        ({"cmd": "matlab"}, "cmd"),
    ],
)
async def test_what_is_not_supported_yet_is_named(
    engine: EngineProcess, config: dict[str, Any], words: str
) -> None:
    async with stranger(engine) as client:
        answer = await client.ask("init_plugin", {"id": "p", "config": {**PLAIN, **config}})
        assert answer["success"]
        failed = await client.event("plugin_event", event="state", state="failed")
        assert failed["error"]["message"].startswith("not supported yet: ")
        assert words in failed["error"]["message"]
        assert failed["error"]["hint"]


async def test_each_client_hears_of_its_own_plugins_only(engine: EngineProcess) -> None:
    async with stranger(engine, id="one") as one, stranger(engine, id="two") as two:
        await started(one, "mine")
        plugin = await started(two, "yours")
        assert {payload["id"] for _, payload in one.events} == {"mine"}
        assert {payload["id"] for _, payload in two.events} == {"yours"}
        await one.send(plugin["client_peer"], plugin["peer_id"], {"type": "getInterface"})
        assert (await one.frame("undeliverable"))[0]["code"] == "not-your-peer"


async def test_a_process_that_is_not_a_plugin_is_never_ended(engine: EngineProcess) -> None:
    async with stranger(engine) as client:
        for pid in (1, engine.pid, None, "all"):
            answer = await client.ask("kill_plugin_process", {"pid": pid})
            assert answer["code"] == "not-found"
        await started(client, "a")
        await started(client, "b")
        tree = engine.tree()
        assert (await client.ask("kill_plugin_process", {"all": True}))["stopped"] == 2
        assert await gone(tree) == []
        await started(client, "c")
        assert (await client.ask("reset_engine"))["stopped"] == 1


@pytest.mark.parametrize(
    "arguments",
    [(), (1,), ({"to": "x"}, "{}"), ({"to": "x", "from": "y", "kind": "rpc"}, 7)],
)
async def test_what_is_no_frame_is_told_and_harms_nobody(
    engine: EngineProcess, arguments: tuple[Any, ...]
) -> None:
    async with stranger(engine) as client:
        await client.tell("frame", *arguments)
        assert (await client.event("client_error"))["message"]
        assert (await client.ask("get_engine_status"))["success"]


async def test_requests_without_their_fields_are_refused(engine: EngineProcess) -> None:
    async with stranger(engine) as client:
        for event, payload in [
            ("init_plugin", {}),
            ("init_plugin", {"id": 7}),
            ("kill_plugin", {}),
            ("init_plugin", "text"),
            ("get_file_url", {}),
        ]:
            answer = await client.ask(event, payload)
            assert (answer["success"], answer["code"]) == (False, "bad-request"), answer


async def test_a_single_instance_serves_two_clients_until_both_left(
    engine: EngineProcess,
) -> None:
    async with stranger(engine, id="one") as one, stranger(engine, id="two") as two:
        first = await started(one, "a", flags=["single-instance"])
        second = await started(two, "b", flags=["single-instance"])
        assert first["instance"] == second["instance"]
        assert first["client_peer"] != second["client_peer"]
        assert (first["resumed"], second["resumed"]) == (False, True)
        await one.ask("kill_plugin", {"id": "a"})
        assert (await two.ask("get_engine_status"))["plugin_num"] == 1
        await two.ask("kill_plugin", {"id": "b"})
        assert (await two.ask("get_engine_status"))["plugin_num"] == 0


async def test_clients_hear_of_their_plugins_before_an_engine_that_stops_is_gone(
    tmp_path: Path, store: Path
) -> None:
    async with (
        running_engine(workspace=tmp_path, store=store) as engine,
        stranger(engine) as client,
    ):
        await started(client)
        await engine.stop()
        await asyncio.wait_for(client.disconnected.wait(), 10)
        names = [
            payload["event"] + payload.get("state", "") if name == "plugin_event" else name
            for name, payload in client.events
        ]
        assert names[-4:] == ["statedraining", "exit", "statestopped", "closing"]
        (closing,) = [payload for name, payload in client.events if name == "closing"]
        assert closing["message"] == "The engine was stopped."

"""A program's connection to an engine."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

import imjoy_client
from imjoy_client.plugin_file import read_plugin
from imjoy_wire.errors import PeerGoneError, RemoteError
from support.small_engine import TOKEN

DEADLINE_S = 20
CONFIG = {"name": "Trial"}
SCRIPT = "api.export(Plugin())"


@pytest.fixture
async def client(engine):
    async with imjoy_client.connect(engine.url, TOKEN) as client:
        yield client


async def test_a_plugin_is_started_and_called(engine, client):
    assert client.engine_info == {"name": "small"}
    plugin = await client.start_plugin(CONFIG, script=SCRIPT)
    assert repr(plugin) == "<plugin Trial: ready>"
    assert await plugin.echo({"a": [1, None]}) == {"a": [1, None]}
    image = np.arange(6, dtype="float32").reshape(2, 3)
    np.testing.assert_array_equal(await plugin.echo(image), image)
    seen = []
    assert await plugin.tell(seen.append, 3) == 3
    assert seen == [0, 1, 2]
    counter = await plugin.counter()
    assert [await counter.count() for _ in range(2)] == [1, 2]
    with pytest.raises(RemoteError, match="no such cell"):
        await plugin.fail()
    assert (await client.status())["plugin_num"] == 1


async def test_what_the_engine_is_asked(engine, client):
    await client.start_plugin({**CONFIG, "tag": "GPU"}, script=SCRIPT)
    (_, registered), *_, (_, started) = (each for each in engine.asked if each[0] != "open_channel")
    assert registered["workspace"] == "default"
    code = started["config"].pop("code")
    assert started["config"] == {"name": "Trial", "type": "native-python", "tag": "GPU"}
    # Whoever attaches to it has the plugin whole.
    told = read_plugin(code)
    assert (told.config["name"], told.config["tag"]) == ("Trial", "GPU")
    assert [each.content for each in told.scripts] == [SCRIPT]
    (script,) = engine.workers["w0"].scripts
    assert script["content"] == SCRIPT
    assert script["filename"] == "Trial.imjoy.html"


async def test_big_values_pass(engine, client):
    plugin = await client.start_plugin(CONFIG, script=SCRIPT)
    data = bytes(range(256)) * (12 << 10)
    assert await plugin.echo(data) == data


async def test_setup_is_called_and_on_a_plugin_that_ran_already_resume(engine, exported, client):
    await client.start_plugin(CONFIG, script=SCRIPT)
    assert exported.begun == ["setup"]
    engine.resumed = True
    await client.start_plugin(CONFIG, script=SCRIPT)
    assert exported.begun == ["setup", "resume"]
    assert engine.workers["w1"].scripts == []


@pytest.mark.parametrize("first", ["setup", "resume"])
async def test_a_plugin_that_cannot_be_set_up_has_failed(engine, exported, client, first):
    engine.resumed = first == "resume"
    setattr(exported, first, exported.fail)
    with pytest.raises(imjoy_client.PluginFailedError, match="no such cell") as caught:
        await client.start_plugin(CONFIG, script=SCRIPT)
    assert caught.value.message.startswith(f"{first} of 'Trial' failed: KeyError:")
    assert caught.value.code == f"{first}-failed"
    assert "in fail" in caught.value.__cause__.trace
    assert engine.asked[-1][0] == "kill_plugin"


async def test_a_greeting_may_come_before_the_answer(engine, client):
    engine.greets_early = True
    plugin = await client.start_plugin(CONFIG, script=SCRIPT)
    assert await plugin.echo(1) == 1


async def test_a_plugin_whose_script_fails_is_ended(engine, client):
    engine.on_start = lambda worker: setattr(worker, "script_error", "SyntaxError in line 3")
    with pytest.raises(imjoy_client.PluginFailedError, match="SyntaxError in line 3"):
        await client.start_plugin(CONFIG, script=SCRIPT)
    assert engine.asked[-1][0] == "kill_plugin"
    with pytest.raises(imjoy_client.ClientError, match="no plugin 'Trial'"):
        client.find_plugin("Trial")


async def test_a_plugin_that_fails_to_start_says_why(engine, client):
    starting = asyncio.create_task(client.start_plugin(CONFIG, script=SCRIPT))
    failed = {"code": "no-uv", "message": "It could not be built.", "hint": "Try.", "log_tail": "x"}

    def fail(worker):
        worker.peer.greet = lambda _: None
        (plugin_id,) = client._plugins
        engine.plugin_event(plugin_id, event="state", state="failed", error=failed)

    engine.on_start = fail
    with pytest.raises(imjoy_client.PluginFailedError, match=r"could not be built\. Try") as caught:
        await starting
    assert (caught.value.code, caught.value.log_tail) == ("no-uv", "x")


async def test_the_engines_refusal_is_raised(client):
    with pytest.raises(imjoy_client.EngineRefusedError, match="Not of this type"):
        await client.start_plugin({**CONFIG, "type": "window"}, script=SCRIPT)
    with pytest.raises(imjoy_client.PluginFailedError, match="alone is no plugin"):
        await client.start_plugin(CONFIG)


async def test_a_wrong_token_is_raised(engine):
    with pytest.raises(imjoy_client.EngineRefusedError, match="token is wrong"):
        async with imjoy_client.connect(engine.url, "wrong"):
            pass


async def test_a_printed_link_holds_its_token(engine):
    async with imjoy_client.connect(f"{engine.url}/#token={TOKEN}", "") as client:
        assert client.engine_info


async def test_events_are_passed_on_with_the_plugins_name(engine):
    events = []
    async with imjoy_client.connect(engine.url, TOKEN, on_event=events.append) as client:
        plugin = await client.start_plugin(CONFIG, script=SCRIPT)
        (plugin_id,) = client._plugins
        engine.plugin_event(plugin_id, event="log", stream="stdout", text="hello")
        engine.plugin_event("unknown", event="log", stream="stdout", text="somebody else")
        await plugin.echo(1)
        async with asyncio.timeout(DEADLINE_S):
            while len(events) < 3:
                await plugin.echo(1)
    assert events[0] == {"event": "error", "name": "Trial", "text": "a word from the plugin"}
    assert events[1]["name"] == "Trial"
    assert events[2]["text"] == "somebody else"


async def test_an_on_event_that_raises_is_logged_and_the_client_goes_on(engine, caplog):
    def fail(event):
        raise KeyError("no such key")

    async with imjoy_client.connect(engine.url, TOKEN, on_event=fail) as client:
        plugin = await client.start_plugin(CONFIG, script=SCRIPT)
        engine.plugin_event("unknown", event="log", stream="stdout", text="hello")
        async with asyncio.timeout(DEADLINE_S):
            while "on_event failed with 'log'" not in caplog.text:
                assert await plugin.echo(1) == 1


async def test_a_plugin_that_ends_ends_the_calls_that_wait(engine, client):
    plugin = await client.start_plugin(CONFIG, script=SCRIPT)
    waiting = plugin.tell(lambda _: None, 1)
    reason = {"code": "crashed", "message": "It ended with 7.", "exit_code": 7, "last_lines": ["a"]}
    engine.workers["w0"].peer.receive = lambda *_: None
    lost = plugin.echo(1)
    engine.control("c0", "peer_gone", {"peer": "w0", "reason": reason})
    async with asyncio.timeout(DEADLINE_S):
        with pytest.raises(PeerGoneError, match="It ended with 7") as caught:
            await lost
        assert caught.value.exit_code == 7
        with pytest.raises(PeerGoneError):
            await waiting
        with pytest.raises(PeerGoneError):
            await plugin.echo(1)
    assert plugin.plugin_state == "failed"


async def test_a_plugin_that_was_stopped_answers_no_more(engine, client):
    plugin = await client.start_plugin(CONFIG, script=SCRIPT)
    engine.workers["w0"].peer.receive = lambda *_: None
    waiting = plugin.echo(1)
    await plugin.stop()
    for call in (waiting, plugin.echo(1)):
        with pytest.raises(PeerGoneError):
            await asyncio.wait_for(call, DEADLINE_S)
    assert plugin.plugin_state == "stopped"
    assert client._ends == {}


async def test_a_session_that_drops_goes_on(engine, client):
    plugin = await client.start_plugin(CONFIG, script=SCRIPT)
    engine.cut()
    calls = [plugin.echo(number) for number in range(5)]
    async with asyncio.timeout(DEADLINE_S):
        assert await asyncio.gather(*calls) == list(range(5))
    assert [name for name, _ in engine.asked].count("register_client") == 2

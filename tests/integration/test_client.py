"""The Python client against the real engine, over both roads."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import imjoy_client
from imjoy_client import sync
from imjoy_wire.errors import PeerGoneError, RemoteError
from support.engine import EngineProcess, gone

SCRIPT = """
import asyncio, os, sys
from imjoy import api

class Plugin:
    def setup(self):
        print("set up")

    def echo(self, value):
        return value

    async def count(self, upto, tell):
        for number in range(upto):
            await tell(number)
        return upto

    def fail(self, why):
        raise KeyError(why)

    def leave(self):
        os._exit(7)

    async def wait(self):
        await asyncio.Event().wait()

    async def ask(self):
        return await api.prompt("Who?")

    def where(self):
        return [api.WORK_DIR, api.config.name, api.ENGINE_URL]

    async def call_other(self, name, value):
        other = await api.getPlugin(name)
        return await other.echo(value)

api.export(Plugin())
"""
CONFIG = {"name": "Plain"}


@pytest.fixture(params=[True, False], ids=["data channel", "socketio"])
async def client(
    request: pytest.FixtureRequest, engine: EngineProcess
) -> AsyncIterator[imjoy_client.Client]:
    async with imjoy_client.connect(engine.url, engine.token, data_channel=request.param) as client:
        yield client


async def test_calls_results_and_callbacks(client: imjoy_client.Client) -> None:
    plugin = await client.start_plugin(CONFIG, script=SCRIPT)
    assert plugin.plugin_state == "ready"
    value = {"list": [1, 2.5, None, "☃"], "bytes": b"\x00\xff", "big": 2**70}
    assert await plugin.echo(value) == value
    told: list[int] = []
    assert await plugin.count(50, told.append) == 50
    assert told == list(range(50))
    assert (await client.status())["plugin_num"] == 1
    await plugin.stop()
    assert (await client.status())["plugin_num"] == 0


async def test_a_big_value_comes_back_as_it_was(client: imjoy_client.Client) -> None:
    plugin = await client.start_plugin(CONFIG, script=SCRIPT)
    data = bytes(range(256)) * (40 << 12)
    assert await plugin.echo(data) == data
    small = [plugin.echo(number) for number in range(20)]
    both = await asyncio.gather(plugin.echo(data), *small)
    assert both == [data, *range(20)]


async def test_what_the_plugin_raises_arrives_with_its_name(client: imjoy_client.Client) -> None:
    plugin = await client.start_plugin(CONFIG, script=SCRIPT)
    with pytest.raises(RemoteError, match="the reason") as caught:
        await plugin.fail("the reason")
    assert caught.value.name == "KeyError"
    assert "Plain.imjoy.html" in str(caught.value.trace)
    with pytest.raises(AttributeError, match="It has: ask, call_other"):
        await plugin.nothing()


async def test_a_plugin_that_dies_ends_every_waiting_call(client: imjoy_client.Client) -> None:
    plugin = await client.start_plugin(CONFIG, script=SCRIPT)
    waiting = plugin.wait()
    dying = plugin.leave()
    for call in (waiting, dying):
        with pytest.raises(PeerGoneError, match="exited with code 7") as caught:
            await asyncio.wait_for(call, 10)
        assert "Reload the plugin to start it again." in caught.value.hint
    with pytest.raises(PeerGoneError):
        await asyncio.wait_for(plugin.echo(1), 10)
    assert plugin.plugin_state == "failed"


async def test_what_needs_a_page_says_so_and_can_be_given(client: imjoy_client.Client) -> None:
    plugin = await client.start_plugin(CONFIG, script=SCRIPT)
    with pytest.raises(RemoteError, match=r"api\.prompt needs a page"):
        await plugin.ask()
    other = await client.start_plugin(
        {"name": "Asks"}, script=SCRIPT, api={"prompt": lambda question: f"answer to {question}"}
    )
    assert await other.ask() == "answer to Who?"
    assert (await other.where())[1] == "Asks"


async def test_one_plugin_calls_another(client: imjoy_client.Client) -> None:
    await client.start_plugin({"name": "A"}, script=SCRIPT)
    caller = await client.start_plugin({"name": "B"}, script=SCRIPT)
    assert await caller.call_other("A", {"n": 1}) == {"n": 1}


async def test_a_script_that_fails_is_told_with_its_line(client: imjoy_client.Client) -> None:
    with pytest.raises(imjoy_client.PluginFailedError, match="ZeroDivisionError") as caught:
        await client.start_plugin(CONFIG, script="\n\n1 / 0\n")
    assert "line 3" in str(caught.value)
    with pytest.raises(imjoy_client.PluginFailedError, match="nothing running") as caught:
        await client.start_plugin(CONFIG, script="class Plugin:\n    pass\n")
    assert caught.value.code == "nothing-exported"
    with pytest.raises(imjoy_client.PluginFailedError, match="not supported yet"):
        await client.start_plugin({"name": "C", "cmd": "matlab"}, script=SCRIPT)
    with pytest.raises(imjoy_client.EngineRefusedError, match="of type 'window'"):
        await client.start_plugin({"name": "C", "type": "window"}, script=SCRIPT)


async def test_plugins_end_with_their_client(engine: EngineProcess) -> None:
    async with imjoy_client.connect(engine.link, "") as client:
        await client.start_plugin(CONFIG, script=SCRIPT)
        tree = engine.tree()
        assert tree
    assert await gone(tree) == []


async def test_a_wrong_token_and_a_wrong_address(engine: EngineProcess) -> None:
    with pytest.raises(imjoy_client.EngineRefusedError, match="token is wrong"):
        async with imjoy_client.connect(engine.url, "wrong-token"):
            pass
    with pytest.raises(imjoy_client.ClientError, match="No engine answers"):
        async with imjoy_client.connect("http://127.0.0.1:9", "token"):
            pass


async def test_events_tell_how_a_plugin_comes_up(engine: EngineProcess) -> None:
    events: list[dict[str, Any]] = []
    async with imjoy_client.connect(engine.link, "", on_event=events.append) as client:
        await client.start_plugin(CONFIG, script=SCRIPT)
    states = [event["state"] for event in events if event["event"] == "state"]
    assert states[:3] == ["preparing", "starting", "ready"]


async def test_the_synchronous_face_works_inside_a_running_loop(engine: EngineProcess) -> None:
    with sync.connect(engine.link, "") as client:
        plugin = client.start_plugin(CONFIG, script=SCRIPT)
        threads: list[str] = []
        assert plugin.count(2, lambda _: threads.append(threading.current_thread().name)) == 2
        assert threads == ["imjoy-client"] * 2
        assert plugin.echo([1]) == [1]
        with pytest.raises(TimeoutError):
            plugin.wait(timeout_s=0.05)
        with pytest.raises(RemoteError):
            plugin.fail("x")
        assert client.status()["plugin_num"] == 1
        plugin.stop()


async def test_big_values_between_plugins_go_by_shared_memory(engine: EngineProcess) -> None:
    script = """
from imjoy import api

class Plugin:
    def setup(self):
        self.kept = None

    def echo(self, data):
        self.kept = data
        return data

    async def pass_on(self, other, size):
        data = bytes(range(256)) * (size // 256)
        return bytes(await other.echo(data)) == data

api.export(Plugin())
"""
    async with imjoy_client.connect(engine.link, "") as client:
        receiver = await client.start_plugin({"name": "A"}, script=script)
        sender = await client.start_plugin({"name": "B"}, script=script)
        assert await sender.pass_on(await receiver.interface(), 64 << 20)
        shared = [path for path in Path("/dev/shm").glob(f"imjoy-{engine.pid}-*")]
        assert len(shared) == 1
        assert list(shared[0].iterdir()) == []
        await receiver.stop()
        with pytest.raises(RemoteError, match=r"left|stopped|no peer"):
            await sender.pass_on(await receiver.interface(), 4 << 20)
        await sender.echo(b"by now the sender has heard that nobody is there")
        assert list(shared[0].iterdir()) == []
    await engine.stop()
    assert not shared[0].exists()

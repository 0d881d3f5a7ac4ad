"""The link of the page, the real core and the real engine, without the page around them."""

from __future__ import annotations

import json
from pathlib import Path

import psutil
import pytest
from playwright.async_api import Page

from support.engine import EngineProcess, gone, running_engine
from support.link_page import GOOD, SET_UP, failure, loaded, plugin_file

pytestmark = pytest.mark.browser


async def test_a_plugin_loads_runs_and_answers(page: Page, engine: EngineProcess) -> None:
    await loaded(page)
    answer = await page.evaluate("Plugin.run({config: {n: 4}, data: {}})")
    assert answer == {"got": 4, "said": "seen: hello"}
    work_dir, config_dir, engine_url, files_url, name = await page.evaluate("Plugin.where()")
    assert Path(work_dir).name == "default"
    assert (config_dir, engine_url, files_url) == (work_dir, engine.url, engine.url)
    assert name == "Plugin"
    states = await page.evaluate("events.filter((e) => e.event === 'state').map((e) => e.state)")
    assert states[-3:] == ["preparing", "starting", "ready"]
    assert await page.evaluate("Plugin.config.engine") == engine.url


async def test_functions_go_both_ways_and_stay(page: Page) -> None:
    await loaded(page)
    assert await page.evaluate("Plugin.each((i) => i * 10)") == [0, 10, 20, 30, 40]
    await page.evaluate("Plugin.keep(async (value) => value + 1)")
    assert await page.evaluate("Plugin.later(1)") == 2
    assert await page.evaluate("Plugin.later(2)") == 3
    script = "Plugin.make().then(async ({add}) => [await add(1), await add(2)])"
    assert await page.evaluate(script) == [1, 3]


async def test_values_come_back_as_they_went(page: Page) -> None:
    await loaded(page)
    same = """async (value) => JSON.stringify(await Plugin.echo(value)) === JSON.stringify(value)"""
    for value in (None, True, 1.5, "ä☃𝄞", [1, [2]], {"a": {"b": []}}, {"$a": 1}, "x" * 100_000):
        assert await page.evaluate(same, value), value
    facts = await page.evaluate("""async () => {
        const big = await Plugin.echo(2n ** 80n);
        const nan = await Plugin.echo([NaN, -Infinity, -0]);
        const date = await Plugin.echo(new Date(86400123));
        const map = await Plugin.echo(new Map([[1, "one"], ["two", 2]]));
        const set = await Plugin.echo(new Set([1, 2]));
        const bytes = await Plugin.echo(Uint8Array.from([1, 2]).buffer);
        const file = await Plugin.echo(new File(["abc"], "a.txt", { type: "text/plain" }));
        return [
            big === 2n ** 80n, Number.isNaN(nan[0]), nan[1], Object.is(nan[2], -0), date.getTime(),
            [...map], [...set], [...new Uint8Array(bytes)],
            [file.name, file.type, await file.text()],
        ];
    }""")
    assert facts == [
        *(True, True, float("-inf"), True, 86400123),
        *([[1, "one"], ["two", 2]], [1, 2], [1, 2], ["a.txt", "text/plain", "abc"]),
    ]


async def test_a_part_of_an_array_is_what_arrives(page: Page) -> None:
    await loaded(page)
    facts = await page.evaluate("""async () => {
        const part = Float32Array.from([9, 1, 2, 9]).subarray(1, 3);
        const { _rtype, _rvalue, _rshape, _rdtype } = await Plugin.echo(part);
        return [_rtype, [...new Float32Array(_rvalue)], _rshape, _rdtype];
    }""")
    assert facts == ["ndarray", [1, 2], [2], "float32"]


async def test_a_large_buffer_is_carried_both_ways(page: Page) -> None:
    await loaded(page)
    assert await page.evaluate("""async () => {
        const sent = new Uint8Array(6 << 20).map((_, index) => index * 7);
        const back = new Uint8Array(await Plugin.echo(sent.slice().buffer));
        return back.length === sent.length && back.every((byte, index) => byte === sent[index]);
    }""")


async def test_an_error_has_its_class_and_the_plugins_own_lines(page: Page) -> None:
    await loaded(page)
    name, message, stack = await page.evaluate(
        "Plugin.fail().catch((error) => [error.name, error.message, error.stack])"
    )
    assert (name, message) == ("ValueError", "boom")
    # Three lines of config, one of the tag, and the script begins with an empty line.
    line = 4 + GOOD.split("\n").index('        raise ValueError("boom")') + 1
    assert f'File "Plugin.imjoy.html", line {line}, in fail' in stack


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("x = (\n", "SyntaxError"),
        ("\nundefined_name\n", 'File "Plugin.imjoy.html", line 6'),
        (
            "from imjoy import api\nclass P:\n  def setup(self):\n    raise OSError('no camera')\n"
            "api.export(P())",
            "OSError: no camera",
        ),
        (
            "from imjoy import api\nimport os\nclass P:\n  def setup(self):\n    os._exit(7)\n"
            "api.export(P())",
            "exited with code 7",
        ),
        ("import os\nos._exit(8)\n", "exited with code 8"),
    ],
)
async def test_a_start_that_fails_says_why(page: Page, script: str, words: str) -> None:
    error = await failure(page, f"load({json.dumps(plugin_file(script))})")
    assert words in error
    await loaded(page)
    assert await page.evaluate("Plugin.echo(1)") == 1


async def test_needs_that_are_not_met_are_told(page: Page) -> None:
    code = plugin_file(GOOD, requirements=["./local"])
    assert "not supported yet" in await failure(page, f"load({json.dumps(code)})")


async def test_a_worker_that_dies_ends_every_call_at_once(page: Page) -> None:
    await loaded(page)
    await page.evaluate("() => { window.hanging = Plugin.hang().catch(String) }")
    assert "SIGKILL" in await failure(page, "Plugin.die()")
    assert "SIGKILL" in await page.evaluate("within(hanging)")
    assert "SIGKILL" in await failure(page, "Plugin.echo(1)")
    await page.wait_for_function("imjoy.pm.plugin_names.Plugin._disconnected")
    await loaded(page)
    assert await page.evaluate("Plugin.echo(2)") == 2


async def test_a_stopped_plugin_leaves_no_process(page: Page) -> None:
    await loaded(page)
    process = psutil.Process(await page.evaluate("Plugin.pid()"))
    await page.evaluate("() => { window.hanging = Plugin.hang().catch(String) }")
    await page.evaluate("link.killPlugin(imjoy.pm.plugin_names.Plugin.id)")
    assert "was stopped" in await page.evaluate("within(hanging)")
    assert not await gone([process])
    assert (await page.evaluate("link.status()"))["plugin_num"] == 0


async def test_unloading_through_the_core_leaves_no_process(page: Page) -> None:
    await loaded(page)
    process = psutil.Process(await page.evaluate("Plugin.pid()"))
    await page.evaluate("imjoy.pm.unloadPlugin({ name: 'Plugin' }, true)")
    assert not await gone([process])


async def test_plugins_call_each_other_without_the_page(page: Page) -> None:
    await loaded(page, name="Other")
    await loaded(page)
    await page.evaluate("""() => {
        window.relayed = 0;
        const { peers } = link.session;
        const deliver = peers.deliver.bind(peers);
        peers.deliver = (header, message) => {
            if (message.name === "echo") window.relayed += 1;
            deliver(header, message);
        };
    }""")
    assert await page.evaluate("within(Plugin.ask('Other'))") == "through Other"
    assert await page.evaluate("relayed") == 0


WINDOW = """
class Viewer {
  async setup() {}
  async run(ctx) {}
  async go() {
    const plugin = await api.getPlugin("Plugin");
    return [await plugin.run({config: {n: 7}, data: {}}), await plugin.echo("from a window")];
  }
}
api.export(new Viewer())
"""


async def test_a_window_plugin_calls_a_plugin_on_the_engine(page: Page) -> None:
    await loaded(page)
    await loaded(page, WINDOW, "Viewer", kind="window", defaults={"w": 10, "h": 10})
    answer = await page.evaluate("""async () => {
        const viewer = await within(imjoy.api.createWindow({ name: "Viewer", type: "Viewer" }));
        return within(viewer.go());
    }""")
    assert answer == [{"got": 7, "said": "seen: hello"}, "from a window"]


async def test_a_short_drop_costs_nothing(page: Page) -> None:
    await loaded(page)
    await page.evaluate("Plugin.keep(async (value) => value * 2)")
    await page.evaluate("link.session.socket.io.engine.close()")
    assert await page.evaluate("within(Plugin.later(4))") == 8
    await page.wait_for_function("link.state === 'online'")
    states = await page.evaluate("events.filter((e) => !e.event).map((e) => e.state)")
    assert states == ["offline", "online"]


RESUMABLE = GOOD.replace(
    "class Plugin:", "class Plugin:\n    def resume(self): self.back = True"
).replace(
    "def pid(self):\n        return os.getpid()",
    "def pid(self):\n        return [os.getpid(), hasattr(self, 'back')]",
)


async def test_two_pages_share_a_plugin_that_says_so(page: Page, engine: EngineProcess) -> None:
    await loaded(page, RESUMABLE, flags=["single-instance"])
    other = await page.context.browser.new_page()
    await other.goto(f"{engine.url}/frames/base_frame.html")
    await other.evaluate(SET_UP, [engine.token, 15])
    await loaded(other, RESUMABLE, flags=["single-instance"])
    [pid, resumed] = await other.evaluate("Plugin.pid()")
    assert resumed
    assert [pid, resumed] == await page.evaluate("Plugin.pid()")
    assert (await other.evaluate("Plugin.run({config: {n: 1}, data: {}})"))["said"] == "seen: hello"
    await page.evaluate("imjoy.pm.unloadPlugin({ name: 'Plugin' }, true)")
    assert await other.evaluate("within(Plugin.echo(6))") == 6
    await other.evaluate("link.killPlugin(imjoy.pm.plugin_names.Plugin.id)")
    assert not await gone([psutil.Process(pid)] if psutil.pid_exists(pid) else [])


async def test_after_a_drop_that_the_page_gave_up_its_plugin_still_runs(
    page: Page, engine: EngineProcess
) -> None:
    await page.reload()
    assert await page.evaluate(SET_UP, [engine.token, 0.1]) == "online"
    await loaded(page)
    pid = await page.evaluate("Plugin.pid()")
    await page.evaluate("() => { window.hanging = Plugin.hang().catch(String) }")
    await page.context.set_offline(True)
    await page.evaluate("link.session.socket.io.engine.close()")
    assert "is not connected" in await page.evaluate("within(hanging)")
    await page.context.set_offline(False)
    await page.wait_for_function("link.state === 'online'")
    await loaded(page)
    assert await page.evaluate("Plugin.pid()") == pid


async def test_an_engine_that_is_started_anew_is_found_again(
    page: Page, engine: EngineProcess, tmp_path: Path, store: Path
) -> None:
    await loaded(page)
    await page.evaluate("() => { window.hanging = Plugin.hang().catch(String) }")
    await engine.stop()
    await page.wait_for_function("link.state === 'offline'")
    arguments = ("--port", engine.url.rpartition(":")[2], "--token", engine.token)
    async with running_engine(*arguments, workspace=tmp_path / "workspace", store=store):
        await page.wait_for_function("link.state === 'online'")
        assert await page.evaluate("within(hanging)")
        await page.wait_for_function("imjoy.pm.plugin_names.Plugin._disconnected")
        await loaded(page)
        assert await page.evaluate("Plugin.echo(8)") == 8


async def test_files_are_sent_listed_fetched_and_removed(page: Page) -> None:
    facts = await page.evaluate("""async () => {
        const manager = imjoy.fm.getFileManagerByUrl(location.origin);
        await manager.putFile(new File(["hello"], "a.txt"), "sub.txt");
        const { children } = await manager.listFiles("", "file");
        const url = await manager.getFileUrl({ path: "sub.txt" });
        const text = await (await fetch(url)).text();
        await manager.removeFile("sub.txt", "file");
        const left = (await manager.listFiles("", "file")).children;
        return [children.map(({ name }) => name), text, left.map(({ name }) => name)];
    }""")
    assert facts == [["sub.txt"], "hello", []]


async def test_a_wrong_token_is_told_and_can_be_mended(page: Page, engine: EngineProcess) -> None:
    await page.reload()
    assert await page.evaluate(SET_UP, ["wrong-token", 15]) == "refused"
    assert "token" in (await page.evaluate("link.message")).lower()
    await page.evaluate("(token) => link.setToken(token)", engine.token)
    await page.wait_for_function("link.state === 'online'")
    await loaded(page)
    assert await page.evaluate("Plugin.echo(3)") == 3


async def test_a_page_that_is_loaded_anew_attaches_to_what_runs(
    page: Page, engine: EngineProcess
) -> None:
    await loaded(page, RESUMABLE)
    [pid, resumed] = await page.evaluate("Plugin.pid()")
    assert not resumed
    await page.reload()
    assert await page.evaluate(SET_UP, [engine.token, 15]) == "online"
    await loaded(page, RESUMABLE)
    assert await page.evaluate("Plugin.pid()") == [pid, True]
    # What is stopped on purpose has ended, and begins anew.
    await page.evaluate("link.killPlugin(imjoy.pm.plugin_names.Plugin.id)")
    assert not await gone([psutil.Process(pid)] if psutil.pid_exists(pid) else [])

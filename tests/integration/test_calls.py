"""Calls between the page, plugins and programs: given up, timed, listened to, streamed."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Page

import imjoy_client
from imjoy_client import sync
from imjoy_wire.errors import CallTimeoutError, PeerGoneError, RemoteError
from support.engine import EngineProcess
from support.link_page import failure, loaded

SCRIPT = """
import asyncio, os
from imjoy import api

class Plugin:
    def setup(self):
        self.seen = []

    async def wait(self):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.seen.append("cancelled")
            raise

    def compute(self):
        while not api.is_cancelled():
            pass
        self.seen.append("computed")

    def work(self):
        for step in range(3):
            api.report(step / 4, "step %d" % step)
        return "done"

    async def count(self, upto):
        try:
            for number in range(upto):
                yield number
        finally:
            self.seen.append("closed")

    def frames(self, upto):
        for number in range(upto):
            yield bytes([number]) * 1000000

    def die_after(self, upto):
        yield from range(upto)
        print("the last word", flush=True)
        os._exit(7)

    async def total(self, stream):
        return sum([item async for item in stream])

    async def first(self, make):
        async for item in await make():
            return item

    async def gives_up(self, function, timeout_s):
        try:
            await function.with_options(timeout_s=timeout_s)()
        except TimeoutError as error:
            return str(error)

    async def hears(self, function):
        heard = []
        answer = await function.with_options(on_progress=lambda *values: heard.append(values))()
        return [answer, heard]

    def fails(self):
        try:
            {}["cell"]
        except KeyError as error:
            raise ValueError("no such thing") from error

    async def catches(self, function):
        try:
            await function()
        except Exception as error:
            return [error.name, str(error), str(error.cause), "at " in error.trace]

    def functions(self, count):
        return [lambda number=number: number for number in range(count)]

    def held(self):
        return len(api._peer.store)

    def calls_back(self, function, times):
        return [function(number).result() for number in range(times)][-1]

    def what_was_seen(self):
        return self.seen

api.export(Plugin())
"""
CONFIG = {"name": "Plain"}


async def has_seen(page: Page, *words: str) -> None:
    async with asyncio.timeout(10):
        while set(words) - set(await page.evaluate("Plugin.what_was_seen()")):
            pass


async def test_the_page_gives_calls_up(page: Page) -> None:
    await loaded(page, SCRIPT)
    name = await page.evaluate("""async () => {
        const aborter = new AbortController();
        const calls = ["wait", "compute"].map((name) =>
            Plugin[name].withOptions({ signal: aborter.signal })().catch((error) => error.name));
        await Plugin.work();
        aborter.abort();
        return Promise.all(calls);
    }""")
    assert name == ["AbortError", "AbortError"]
    await has_seen(page, "cancelled", "computed")
    late = await failure(page, "Plugin.wait.withOptions({timeoutS: 0.05})()")
    assert late == "wait has not answered within 0.05 s."
    async with asyncio.timeout(10):
        while (await page.evaluate("Plugin.what_was_seen()")).count("cancelled") < 2:
            pass


async def test_the_page_hears_how_far_a_call_is(page: Page) -> None:
    await loaded(page, SCRIPT)
    heard = await page.evaluate("""async () => {
        const heard = [];
        const listens = Plugin.work.withOptions({ onProgress: (...values) => heard.push(values) });
        return [await listens(), heard];
    }""")
    assert heard == ["done", [[0, "step 0"], [0.25, "step 1"], [0.5, "step 2"]]]


async def test_a_plugin_streams_to_the_page(page: Page) -> None:
    await loaded(page, SCRIPT)
    got = await page.evaluate("""async () => {
        const got = [];
        for await (const number of await Plugin.count(100)) got.push(number);
        return got;
    }""")
    assert got == list(range(100))
    await has_seen(page, "closed")
    sizes = await page.evaluate("""async () => {
        const sizes = [];
        for await (const frame of await Plugin.frames(12))
          sizes.push([frame.byteLength, new Uint8Array(frame)[0]]);
        return sizes;
    }""")
    assert sizes == [[1_000_000, number] for number in range(12)]
    first = await page.evaluate("""async () => {
        for await (const number of await Plugin.count(1e9)) if (number === 5) return number;
    }""")
    assert first == 5
    async with asyncio.timeout(10):
        while (await page.evaluate("Plugin.what_was_seen()")).count("closed") < 2:
            pass
    died = await page.evaluate("""async () => {
        const got = [];
        try {
            for await (const number of await Plugin.die_after(3)) got.push(number);
        } catch (error) {
            return [got, String(error)];
        }
    }""")
    assert died[0] == [0, 1, 2]
    assert "exited with code 7" in died[1]
    assert "the last word" in died[1]


async def test_the_page_streams_to_a_plugin_and_hears_of_its_end(page: Page) -> None:
    await loaded(page, SCRIPT)
    facts = await page.evaluate("""async () => {
        let closed = 0;
        async function* numbers(upto) {
            try {
                for (let n = 0; n < upto; n += 1) yield n;
            } finally {
                closed += 1;
            }
        }
        return [await Plugin.total(numbers(50)), await Plugin.first(() => numbers(1e9)), closed];
    }""")
    assert facts[:2] == [1225, 0]
    assert await page.evaluate("Plugin.total([1, 2][Symbol.iterator]())") == 3


async def test_a_plugin_gives_a_function_of_the_page_up_and_listens_to_it(page: Page) -> None:
    await loaded(page, SCRIPT)
    facts = await page.evaluate("""async () => {
        const { currentCall } = await import("/link/index.js");
        let signal;
        const slow = () => {
            ({ signal } = currentCall());
            return new Promise(() => undefined);
        };
        let late, timeoutS = 0.05;
        // Until a call has begun here before its time is over: a busy machine may be slow to it.
        for (; signal === undefined; timeoutS *= 2) late = await Plugin.gives_up(slow, timeoutS);
        const works = async () => {
            const { report } = currentCall();
            for (const step of [1, 2]) report(step, "of two");
            return "done";
        };
        return [late, timeoutS / 2, signal.aborted, await Plugin.hears(works)];
    }""")
    assert facts[0].endswith(f" has not answered within {facts[1]} s")
    assert facts[2:] == [True, ["done", [[1, "of two"], [2, "of two"]]]]


async def test_what_the_page_lets_go_of_is_forgotten_and_what_it_keeps_is_not(page: Page) -> None:
    """More functions than would be kept for an end that never tells, and the oldest still there."""
    await loaded(page, SCRIPT)
    before = await page.evaluate("Plugin.held()")
    kept = await page.evaluate("""async () => {
        window.kept = (await Plugin.functions(3000))[0];
        for (let n = 0; n < 50; n += 1) await Plugin.calls_back((value) => value, 2);
        return [await kept(), await Plugin.held()];
    }""")
    assert kept == [0, before + 3000]
    browser = await page.context.new_cdp_session(page)
    async with asyncio.timeout(20):
        while await page.evaluate("Plugin.held()") > before + 1:
            await browser.send("HeapProfiler.collectGarbage")
    assert await page.evaluate("kept()") == 0
    await page.evaluate("delete window.kept")
    async with asyncio.timeout(20):
        while await page.evaluate("Plugin.held()") > before:
            await browser.send("HeapProfiler.collectGarbage")


async def test_errors_keep_their_name_words_trace_and_cause_both_ways(page: Page) -> None:
    await loaded(page, SCRIPT)
    there = await page.evaluate("""Plugin.fails().catch((error) =>
        [error.name, error.message, error.cause.name, error.trace.includes("in fails")])""")
    assert there == ["ValueError", "no such thing", "KeyError", True]
    here = await page.evaluate("""Plugin.catches(() => {
        throw new RangeError("too far", { cause: new TypeError("wrong turn") });
    })""")
    assert here == ["RangeError", "too far", "wrong turn", True]


@pytest.mark.parametrize("data_channel", [True, False], ids=["data channel", "socketio"])
async def test_a_program_does_all_of_it(engine: EngineProcess, data_channel: bool) -> None:
    async with imjoy_client.connect(engine.url, engine.token, data_channel=data_channel) as client:
        plugin = await client.start_plugin(CONFIG, script=SCRIPT)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(plugin.wait(), 0.05)
        with pytest.raises(CallTimeoutError, match="wait has not answered within"):
            await plugin.wait.with_options(timeout_s=0.05)()
        call = plugin.compute()
        assert call.cancel()
        heard = []
        work = plugin.work.with_options(on_progress=lambda *values: heard.append(values))
        assert await work() == "done"
        assert heard == [(0, "step 0"), (0.25, "step 1"), (0.5, "step 2")]
        assert [number async for number in await plugin.count(100)] == list(range(100))
        assert [len(frame) async for frame in await plugin.frames(3)] == [1_000_000] * 3
        assert await plugin.total(number for number in range(50)) == 1225
        async with asyncio.timeout(10):
            while len(await plugin.what_was_seen()) < 3:
                pass
        assert set(await plugin.what_was_seen()) >= {"cancelled", "closed"}
        with pytest.raises(RemoteError, match="no such thing") as caught:
            await plugin.fails()
        assert caught.value.cause is not None
        assert (caught.value.name, caught.value.cause.name) == ("ValueError", "KeyError")
        assert caught.value.trace.index("KeyError: ") < caught.value.trace.index("ValueError: ")
        stream = await plugin.die_after(2)
        assert [await anext(stream), await anext(stream)] == [0, 1]
        with pytest.raises(PeerGoneError) as ended:
            await anext(stream)
        assert ended.value.exit_code == 7
        assert "the last word" in ended.value.last_lines


async def test_a_program_without_await_does_too(engine: EngineProcess) -> None:
    def use() -> None:
        with sync.connect(engine.url, engine.token) as client:
            plugin = client.start_plugin(CONFIG, script=SCRIPT)
            with pytest.raises(CallTimeoutError):
                plugin.wait(timeout_s=0.05)
            heard = []
            assert plugin.work.with_options(on_progress=lambda *v: heard.append(v))() == "done"
            assert len(heard) == 3
            assert list(plugin.count(10)) == list(range(10))

    await asyncio.to_thread(use)

"""What a person and plugins in frames do with calls: give them up, watch them, draw from them."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from support.browser import Person
from support.plugin_files import native_plugin, plugin_file, window_plugin

SOURCE = native_plugin(
    "Source",
    """
    import asyncio

    class Source:
        def setup(self):
            self.ended = []

        async def count(self, upto):
            try:
                for number in range(upto):
                    yield number
            finally:
                self.ended.append("closed")

        async def total(self, stream):
            return sum([item async for item in stream])

        async def run(self, ctx):
            api.report(0.4, "working hard")
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                print("the run was cancelled")
                raise

        def what_ended(self):
            return self.ended

    api.export(Source())
    """,
)

READER = plugin_file(
    "Reader",
    """
    class Reader {
      setup() {}
      async run() {
        const source = await api.getPlugin("Source");
        let total = 0;
        for await (const number of await source.count(20)) total += number;
        for await (const number of await source.count(1e9)) if (number === 5) break;
        const letters = (function* () { yield* [4, 5]; })();
        const there = await source.total(letters);
        return `${total}, ${there}, ${await source.what_ended()}`;
      }
    }
    api.export(new Reader());
    """,
    lang="javascript",
    type="web-worker",
)


async def test_a_run_is_watched_and_cancelled_and_its_plugin_lives_on(person: Person) -> None:
    card = await person.load(SOURCE, "Source")
    log = await person.opens_log("Source")
    await person.run("Source")
    await expect(card.get_by_label("Progress of Source")).to_have_attribute("value", "40")
    await person.sees_outcome("Source", "working hard")
    await person.screenshot("cancel")
    await card.get_by_role("button", name="Cancel").click()
    await person.sees_outcome("Source", re.compile("Cancelled after"))
    await card.get_by_text("Runs", exact=True).click()
    runs = card.get_by_role("list", name="Runs of Source")
    await expect(runs.get_by_text("Cancelled after")).to_be_visible()
    await person.screenshot("cancelled-run")
    await expect(log.get_by_text("the run was cancelled")).to_be_visible()
    await expect(card.get_by_role("button", name="Cancel")).to_have_count(0)
    await person.sees_state("Source", "Ready")


async def test_a_plugin_in_a_frame_streams_from_and_to_the_engine(person: Person) -> None:
    await person.load(SOURCE, "Source")
    await person.load(READER, "Reader")
    await person.run("Reader")
    await person.sees_outcome("Reader", re.compile(r"Finished in .* s: 190, 9, closed,closed"))


CALLER = """
    class Caller {
      setup() {}
      async run() {
        const source = await api.getPlugin("Source");
        const said = [];
        const failure = (call) => call.then(() => "nothing", (error) => error.name);
        said.push(await failure(source.run.withOptions({ timeoutS: 0.05 })({})));
        const aborter = new AbortController();
        const onProgress = (...values) => {
          said.push(values.join(" "));
          aborter.abort();
        };
        const options = { signal: aborter.signal, onProgress };
        said.push(await failure(source.run.withOptions(options)({})));
        said.push(await source.what_ended.withOptions({ timeoutS: 60 })());
        await api.alert(said.join(", "));
      }
    }
    api.export(new Caller());
"""


@pytest.mark.parametrize("kind", ["window", "web-worker"])
async def test_a_plugin_in_a_frame_gives_up_times_and_listens(person: Person, kind: str) -> None:
    # One of its own: an earlier one may live on, with what it printed and its runs.
    name = f"Source for a {kind}"
    card = await person.load(SOURCE.replace('"name": "Source"', f'"name": "{name}"'), name)
    log = await person.opens_log(name)
    caller = CALLER.replace('getPlugin("Source")', f'getPlugin("{name}")')
    if kind == "window":
        await person.load(window_plugin("Caller", caller), "Caller")
        await person.presses("Caller", "Open")
    else:
        await person.load(plugin_file("Caller", caller, lang="javascript", type=kind), "Caller")
        await person.run("Caller")
    words = "TimeoutError, 0.4 working hard, AbortError, "
    await expect(person.dialog()).to_contain_text(words)
    await person.dialog().get_by_role("button").first.click()
    # The call that had no time may not even have begun.
    await expect(log.get_by_text("the run was cancelled").first).to_be_visible()
    await card.get_by_text("Runs", exact=True).click()
    runs = card.get_by_role("list", name=f"Runs of {name}")
    await expect(runs.get_by_text("Cancelled after").first).to_be_visible()
    await expect(runs.get_by_text("Running for")).to_have_count(0)


BUSY = native_plugin(
    "Busy",
    """
    import threading

    class Busy:
        def setup(self):
            pass

        def run(self, ctx):
            print("it computes", flush=True)
            threading.Event().wait()

    api.export(Busy())
    """,
)


async def test_a_run_that_computes_on_says_so_and_ends_with_its_plugin(person: Person) -> None:
    card = await person.load(BUSY, "Busy")
    log = await person.opens_log("Busy")
    await person.run("Busy")
    await expect(log.get_by_text("it computes")).to_be_visible()
    await card.get_by_role("button", name="Cancel").click()
    await person.sees_outcome("Busy", re.compile("stop the plugin to end it now"))
    await card.get_by_text("Runs", exact=True).click()
    runs = card.get_by_role("list", name="Runs of Busy")
    await expect(runs.get_by_text("Cancelling… Running for")).to_be_visible()
    await expect(card.get_by_role("button", name="Cancel")).to_have_count(0)
    await person.screenshot("cancelling")
    await person.presses("Busy", "Stop")
    await person.sees_state("Busy", "Stopped")
    await expect(card.get_by_text("stop the plugin to end it now")).to_have_count(0)

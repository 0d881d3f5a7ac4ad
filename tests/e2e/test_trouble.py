"""Plugins that die, flood, hang or raise; a page that is loaded anew; an engine that goes away.

Each ends in one clear message to the person concerned, and everything else runs on.
"""

from __future__ import annotations

import re
import signal
from pathlib import Path

import psutil
import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from support.browser import Person, person_at
from support.engine import gone, running_engine
from support.plugin_files import native_plugin

STEADY = native_plugin(
    "Steady",
    """
    class Steady:
        def setup(self):
            self.calls = 0
        def run(self, ctx):
            self.calls += 1
            return f"call {self.calls}"
    api.export(Steady())
    """,
)


async def calls_of_steady(person: Person) -> int:
    """Return the number that its card shows."""
    await person.sees_outcome("Steady", re.compile(r"call \d"))
    (card,) = await person.card("Steady").all_inner_texts()
    return int(card.rpartition("call ")[2].split()[0])


async def steady_goes_on(person: Person) -> None:
    """See that another plugin neither was disturbed nor began anew."""
    before = await calls_of_steady(person)
    await person.run("Steady")
    await person.sees_outcome("Steady", re.compile(rf"call {before + 1}\b"))


@pytest_asyncio.fixture(loop_scope="session")
async def beside(person: Person) -> Person:
    """Return somebody who runs a plugin that must not be disturbed.

    It may be the one that somebody before has left running: its calls go on counting.
    """
    await person.load(STEADY, "Steady")
    await person.run("Steady")
    await person.sees_outcome("Steady", re.compile(r"call \d"))
    return person


async def test_a_plugin_that_raises_in_setup(beside: Person) -> None:
    source = native_plugin(
        "Fragile",
        """
        class Fragile:
            def setup(self):
                raise RuntimeError("no camera is connected")
        api.export(Fragile())
        """,
    )
    line = source.split("\n").index('        raise RuntimeError("no camera is connected")') + 1
    beside.watch.may_say.append("no camera is connected")
    await beside.drop(source)
    note = await beside.sees_failure("Fragile")
    await expect(note).to_contain_text("RuntimeError: no camera is connected")
    await expect(note).to_contain_text(re.compile(f"line {line}"))
    await beside.screenshot("raises-in-setup")
    await steady_goes_on(beside)


async def test_a_plugin_that_dies_in_setup(beside: Person) -> None:
    source = native_plugin(
        "Crasher",
        """
        import os, sys
        class Crasher:
            def setup(self):
                print("about to crash", file=sys.stderr, flush=True)
                os._exit(7)
        api.export(Crasher())
        """,
    )
    beside.watch.may_say.append("has ended|exited with code 7")
    await beside.drop(source)
    note = await beside.sees_failure("Crasher")
    await expect(note).to_contain_text("exited with code 7")
    await expect(await beside.sees_last_lines(note)).to_contain_text("about to crash")
    await beside.screenshot("dies-in-setup")
    await steady_goes_on(beside)


async def test_a_plugin_that_dies_while_somebody_waits(beside: Person) -> None:
    source = native_plugin(
        "Mayfly",
        """
        import os, signal
        class Mayfly:
            def setup(self):
                pass
            async def run(self, ctx):
                await api.confirm("Shall I die?")
                os.kill(os.getpid(), signal.SIGKILL)
        api.export(Mayfly())
        """,
    )
    caller = native_plugin(
        "Waiter",
        """
        class Waiter:
            def setup(self):
                pass
            async def run(self, ctx):
                mayfly = await api.getPlugin("Mayfly")
                try:
                    await mayfly.run({})
                except Exception as error:
                    return f"heard: {error}"
        api.export(Waiter())
        """,
    )
    await beside.load(source, "Mayfly")
    await beside.load(caller, "Waiter")
    await beside.run("Waiter")
    dialog = beside.dialog("Please confirm")
    await expect(dialog).to_contain_text("Shall I die?")
    await dialog.get_by_role("button", name="OK").click()
    note = await beside.sees_failure("Mayfly")
    await expect(note).to_contain_text("SIGKILL")
    await beside.sees_outcome("Waiter", re.compile("heard: .*SIGKILL"))
    await beside.screenshot("dies-in-a-call")
    await steady_goes_on(beside)
    await beside.presses("Mayfly", "Try again")
    await beside.sees_state("Mayfly", "Ready")


async def test_a_run_that_dies_says_so_on_its_card(person: Person) -> None:
    script = "import os\napi.export({'setup': lambda: None, 'run': lambda ctx: os._exit(3)})"
    await person.load(native_plugin("Quitter", script), "Quitter")
    await person.run("Quitter")
    note = await person.sees_failure("Quitter")
    await expect(note).to_contain_text("exited with code 3")
    await expect(person.card("Quitter").get_by_role("alert")).to_have_count(1)


async def test_a_plugin_that_is_started_again_after_a_crash(person: Person) -> None:
    script = """
    import os
    class Rising:
        def setup(self):
            self.answer = f"process {os.getpid()}"
        def run(self, ctx):
            if not os.path.exists("risen"):
                open("risen", "w").close()
                os.abort()
            return self.answer
    api.export(Rising())
    """
    await person.load(native_plugin("Rising", script, restart=2), "Rising")
    person.watch.may_say.append("aborted")
    await person.run("Rising")
    card = person.card("Rising")
    await expect(card).to_contain_text(re.compile("Starts again (in 1 s|now), attempt 1 of 2"))
    await expect(card.get_by_role("alert")).to_contain_text("aborted (SIGABRT)")
    await person.screenshot("starts-again")
    await person.sees_state("Rising", "Ready")
    await expect(card.get_by_role("alert")).to_have_count(0)
    await person.run("Rising")
    await person.sees_outcome("Rising", re.compile("process [0-9]+"))


async def test_the_waiting_for_another_start_can_be_stopped(person: Person) -> None:
    script = "import os\napi.export({'setup': lambda: None, 'run': lambda ctx: os.abort()})"
    await person.load(native_plugin("Falling", script, restart=5), "Falling")
    person.watch.may_say.append("aborted")
    for attempt in (1, 2):
        await person.run("Falling")
        await person.sees(f"attempt {attempt} of 5")
        if attempt == 1:
            await person.sees_state("Falling", "Ready")
    await person.presses("Falling", "Stop")
    await person.sees_state("Falling", "Stopped")


async def test_a_plugin_that_prints_a_gigabyte(beside: Person) -> None:
    script = """
    import os
    class Flood:
        def setup(self):
            pass
        def run(self, ctx):
            block = (b"x" * 99 + b"\\n") * 10_486
            for _ in range(1024):
                os.write(2, block)
            os.write(2, b"the last line\\n")
            return "a gigabyte was written"
    api.export(Flood())
    """
    await beside.load(native_plugin("Flood", script), "Flood")
    log = await beside.opens_log("Flood")
    before = psutil.Process(beside.engine.pid).memory_info().rss
    await beside.run("Flood")
    await steady_goes_on(beside)
    await beside.sees_outcome("Flood", "a gigabyte was written", within_s=90)
    await expect(log.get_by_text("the last line")).to_be_visible()
    await expect(
        log.get_by_text(re.compile("not kept|left out|dropped|skipped")).first
    ).to_be_visible()
    assert psutil.Process(beside.engine.pid).memory_info().rss - before < 200 << 20
    await beside.screenshot("flood")
    await steady_goes_on(beside)


@pytest.mark.parametrize("how", ["in a thread", "in its loop", "deaf to signals"])
async def test_a_plugin_that_never_answers_can_be_stopped(beside: Person, how: str) -> None:
    kind = "def" if how == "in a thread" else "async def"
    deaf = "[signal.signal(number, signal.SIG_IGN) for number in (2, 15)]"
    script = f"""
import signal
{deaf if how == "deaf to signals" else ""}

class Endless:
    def setup(self):
        pass
    {kind} run(self, ctx):
        print("never back", flush=True)
        while True:
            pass

api.export(Endless())
"""
    await beside.load(native_plugin("Endless", script), "Endless")
    log = await beside.opens_log("Endless")
    await beside.run("Endless")
    await expect(log.get_by_text("never back")).to_be_visible()
    await beside.sees_state("Endless", "Running")
    await steady_goes_on(beside)
    await beside.presses("Endless", "Stop")
    await beside.sees_state("Endless", "Stopped")
    await steady_goes_on(beside)
    await beside.presses("Endless", "Start")
    await beside.sees_state("Endless", "Ready")


async def test_a_setup_that_never_ends_can_be_stopped(person: Person) -> None:
    script = """
    import threading
    class Slow:
        def setup(self):
            print("waiting for ever", flush=True)
            threading.Event().wait()
    api.export(Slow())
    """
    person.watch.may_say.append('The plugin "Slow" was stopped')
    await person.drop(native_plugin("Slow", script))
    log = await person.opens_log("Slow")
    await expect(log.get_by_text("waiting for ever")).to_be_visible()
    await person.presses("Slow", "Stop")
    await person.sees_state("Slow", "Stopped")
    await expect(person.card("Slow").get_by_role("alert")).to_have_count(0)


async def test_a_plugin_that_exports_nothing_is_told_so(person: Person) -> None:
    await person.drop(native_plugin("Mute", "print('the script has run', flush=True)"))
    log = await person.opens_log("Mute")
    await expect(log.get_by_text("the script has run", exact=True)).to_be_visible()
    note = await person.sees_failure("Mute")
    await expect(note).to_contain_text("End the script with api.export")
    await person.screenshot("exports-nothing")


async def test_a_plugin_that_exports_later_is_waited_for(visitor: Person) -> None:
    await visitor.page.clock.install()
    await visitor.open()
    script = """
    import asyncio
    async def later(export):
        while not export.is_set():
            await asyncio.sleep(0.05)
    asyncio.ensure_future(later(asyncio.Event()))
    """
    await visitor.drop(native_plugin("Late", script))
    log = await visitor.opens_log("Late")
    await expect(log.get_by_text("as soon as it exports").first).to_be_visible()
    await visitor.sees_state("Late", "Starting")
    failed = visitor.card("Late").get_by_role("status").filter(has_text="Failed")
    # It is given half a minute, which passes here at once, as soon as that has begun.
    for _ in range(10):
        await visitor.page.clock.fast_forward(31_000)
        if await failed.count():
            break
    note = await visitor.sees_failure("Late")
    await expect(note).to_contain_text("api.export")


async def test_two_people_do_not_see_each_others_plugins(browser: Browser, person: Person) -> None:
    await person.load(STEADY, "Steady")
    async with person_at(browser, person.engine) as other:
        await other.open()
        await other.sees("Bring a plugin, and it runs here.")
        await other.load(STEADY, "Steady")
        await other.run("Steady")
        await other.sees_outcome("Steady", "call 1")
    await person.run("Steady")
    await person.sees_outcome("Steady", "call 1")


LASTING = native_plugin(
    "Lasting",
    """
    import asyncio
    class Lasting:
        def setup(self):
            pass
        async def run(self, ctx):
            print("it lasts", flush=True)
            await asyncio.Event().wait()
    api.export(Lasting())
    """,
)


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
async def test_an_engine_that_goes_away_and_comes_back(
    browser: Browser, tmp_path: Path, store: Path, end: signal.Signals
) -> None:
    async with (
        running_engine(workspace=tmp_path / "one", store=store) as engine,
        person_at(browser, engine) as person,
    ):
        person.watch.may_say += ["ERR_CONNECTION_REFUSED", "WebSocket", "Failed to fetch"]
        await person.open()
        await person.load(LASTING, "Lasting")
        log = await person.opens_log("Lasting")
        await person.run("Lasting")
        await expect(log.get_by_text("it lasts")).to_be_visible()
        tree = engine.tree()
        await engine.stop(end)
        assert not await gone(tree)
        await person.sees("No connection.")
        banner = person.page.get_by_role("alert").first
        await expect(banner).to_contain_text("connect again")
        asked = end is signal.SIGINT
        if asked:
            await expect(banner).to_contain_text("The engine was stopped.")
            await sees_a_calm_end(person, "The engine was stopped", "Cancelled after")
        else:
            await person.sees("As last known")
        await person.screenshot(f"engine-gone-{end.name}")
        port = engine.url.rpartition(":")[2]
        async with running_engine(
            "--port", port, "--token", engine.token, workspace=tmp_path / "one", store=store
        ):
            await person.sees_online()
            await expect(person.page.get_by_text("No connection.")).to_have_count(0)
            if not asked:
                await sees_a_calm_end(person, "The engine was started anew", "Lost after")
            card = person.card("Lasting")
            await card.get_by_text("Runs", exact=True).click()
            await person.sees("Cancelled after" if asked else "Lost with the engine")
            await person.screenshot(f"engine-back-{end.name}")
            await person.presses("Lasting", "Start")
            await person.sees_state("Lasting", "Ready")


async def sees_a_calm_end(person: Person, why: str, outcome: str) -> None:
    """See that nothing has failed: a plugin and its run are over, and the card says why."""
    await person.sees_state("Lasting", "Stopped")
    card = person.card("Lasting")
    await expect(card.get_by_text(why)).to_be_visible()
    await expect(card.get_by_text(outcome).first).to_be_visible()
    await expect(card.get_by_role("alert")).to_have_count(0)
    # Its badge counts errors.
    await expect(card.get_by_role("button", name="Log", exact=True)).to_be_visible()

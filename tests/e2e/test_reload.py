"""A page that is loaded anew, a browser that comes later: nothing that runs is lost."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from playwright.async_api import Browser, expect

import imjoy_client
from support.browser import Person, person_at
from support.plugin_files import native_plugin

COUNTER = native_plugin(
    "Counter",
    """
    class Counter:
        def setup(self):
            self.calls = 0
            print("set up", flush=True)
        def run(self, ctx):
            self.calls += 1
            return f"call {self.calls}"
    api.export(Counter())
    """,
)


async def test_a_plugin_goes_on_where_it_was(person: Person) -> None:
    await person.load(COUNTER, "Counter")
    await person.run("Counter")
    await person.sees_outcome("Counter", "call 1")
    await person.page.reload()
    await person.sees_online()
    await person.sees_state("Counter", "Ready")
    await person.run("Counter")
    await person.sees_outcome("Counter", "call 2")
    await person.screenshot("loaded-anew")


PLAIN = native_plugin(
    "Plain",
    """
    print("the script runs", flush=True)
    calls = 0
    def run(ctx):
        global calls
        calls += 1
        return f"call {calls}"
    api.export({"run": run})
    """,
)


async def test_a_plugin_that_needs_no_setup_goes_on_as_well(person: Person) -> None:
    await person.load(PLAIN, "Plain")
    await person.run("Plain")
    await person.sees_outcome("Plain", "call 1")
    await person.page.reload()
    await person.sees_online()
    await person.sees_outcome("Plain", "call 1")
    await person.run("Plain")
    await person.sees_outcome("Plain", "call 2")
    log = await person.opens_log("Plain")
    await expect(log.get_by_text("the script runs")).to_have_count(1)


async def test_plugins_wait_for_the_token_that_a_page_lacks(person: Person) -> None:
    await person.load(COUNTER.replace("Counter", "Locked"), "Locked")
    await person.run("Locked")
    await person.sees_outcome("Locked", "call 1")
    await person.page.goto(f"{person.engine.url}/#token=an-old-one")
    await person.page.reload()
    alert = person.page.get_by_role("alert")
    await expect(alert).to_contain_text("did not let this page in")
    await alert.get_by_label("Token").fill(person.engine.link)
    await alert.get_by_role("button", name="Connect").click()
    await person.sees_online()
    await person.sees_state("Locked", "Ready")
    await person.run("Locked")
    await person.sees_outcome("Locked", "call 2")


# The page of a first visit must not pass by, and take the focus along when it goes.
LOOK_FOR_A_FLASH = """
    new MutationObserver(() => {
        if (document.body?.innerText.includes("Bring a plugin")) window.flashed = true;
    }).observe(document, { subtree: true, childList: true });
"""


async def test_a_page_that_is_loaded_anew_shows_no_first_visit(person: Person) -> None:
    await person.load(COUNTER, "Counter")
    await expect(person.page.locator("body")).to_be_focused()
    await person.page.add_init_script(LOOK_FOR_A_FLASH)
    await person.page.reload()
    await person.sees_online()
    await person.sees_state("Counter", "Ready")
    assert not await person.page.evaluate("window.flashed")
    await expect(person.page.locator("body")).to_be_focused()


async def test_lines_of_the_log_keep_their_time(person: Person) -> None:
    await person.load(COUNTER, "Counter")
    await person.page.clock.set_fixed_time(datetime.now() + timedelta(days=1))
    await person.page.reload()
    await person.sees_online()
    log = await person.opens_log("Counter")
    line = log.locator(".log-line").filter(has_text="set up")
    await expect(line.locator("time")).to_have_text(re.compile(r"^\d\d-\d\d \d\d:\d\d:\d\d$"))


BROKEN = native_plugin("Broken", "def run(:\n", ui="n {id: 'n', type: 'number', placeholder: 5}")


async def test_what_failed_is_still_there(person: Person) -> None:
    await person.drop(BROKEN)
    await person.sees_failure("Broken")
    await person.page.reload()
    await person.sees_online()
    note = await person.sees_failure("Broken")
    await expect(note).to_contain_text("syntax")
    await expect(person.card("Broken").get_by_role("button", name="Try again")).to_be_visible()
    await person.screenshot("failed-loaded-anew")


REPORTS = native_plugin(
    "Reports",
    """
    import time
    class Reports:
        def setup(self):
            self.runs = 0
        def run(self, ctx):
            api.report(0.25, "tile 1 of " + str(ctx.config.tiles))
            print("begun", flush=True)
            while not api.is_cancelled():
                time.sleep(0.02)
    api.export(Reports())
    """,
    ui="tiles {id: 'tiles', type: 'number', placeholder: 5}",
)


async def test_a_run_can_be_seen_and_cancelled_after_a_reload(person: Person) -> None:
    card = await person.load(REPORTS, "Reports")
    await card.get_by_label("tiles").fill("8")
    await person.run("Reports")
    await person.sees_outcome("Reports", "tile 1 of 8")
    await person.page.reload()
    await person.sees_online()
    await person.sees_state("Reports", "Running")
    await person.sees_outcome("Reports", "tile 1 of 8")
    await expect(card.get_by_label("Progress of Reports")).to_have_js_property("value", 25)
    await expect(card.get_by_label("tiles")).to_have_value("8")
    log = await person.opens_log("Reports")
    await expect(log.get_by_text("begun")).to_be_visible()
    await person.screenshot("run-loaded-anew")
    await person.presses("Reports", "Cancel")
    await person.sees_state("Reports", "Ready")


SLOW = native_plugin(
    "Slow",
    """
    import threading
    class Slow:
        def setup(self):
            self.go = threading.Event()
        def run(self, ctx):
            print("it has begun", flush=True)
            api.progress(0.4)
            self.go.wait(60)
            api.progress(0.8)
            return 6 * 7
        def release(self):
            self.go.set()
    api.export(Slow())
    """,
    flags=["allow-detach"],
)


async def release(person: Person) -> None:
    """Let the plugin's run end, through another plugin on the same page."""
    helper = native_plugin(
        "Helper",
        """
        class Helper:
            def setup(self):
                pass
            async def run(self, ctx):
                slow = await api.getPlugin("Slow")
                await slow.release()
        api.export(Helper())
        """,
    )
    await person.load(helper, "Helper")
    await person.run("Helper")


async def test_a_template_goes_on_while_its_page_is_loaded_anew(person: Person) -> None:
    await person.template("Parallel tasks")
    await person.sees_state("Parallel tasks", "Ready")
    await person.run("Parallel tasks")
    await person.sees("Task A has begun")
    await person.page.reload()
    await person.sees_online()
    await person.sees_state("Parallel tasks", "Running")
    await person.screenshot("reload-mid-run")
    # What the run asks in the end, it asks the page that is there now.
    dialog = person.dialog()
    await expect(dialog).to_contain_text("At the same time: ")
    said = await dialog.inner_text()
    figures = re.search(r"after the other: (\d+\.\d) s\. At the same time: (\d+\.\d) s\.", said)
    assert figures is not None, said
    in_turn, together = map(float, figures.groups())
    # 18 and 13 quarters of a second: no machine is quicker, and a busy one takes longer.
    assert in_turn >= 4.5
    assert together >= 3.2
    await person.screenshot("reload-asked-anew")
    await dialog.get_by_role("button", name="OK").click()
    await person.sees_outcome("Parallel tasks", re.compile("^Finished in"))
    await person.card("Parallel tasks").get_by_text("Runs", exact=True).click()
    await person.screenshot("reload-result")


async def test_a_plugin_is_offered_when_the_tab_that_held_it_closes(
    browser: Browser, person: Person
) -> None:
    async with person_at(browser, person.engine) as colleague:
        await colleague.open()
        await person.load(
            native_plugin("Handed on", 'api.export({"run": lambda ctx: 1})'), "Handed on"
        )
        await person.page.close()
        note = colleague.page.get_by_role("region", name="Running on the engine")
        mine = note.get_by_role("listitem").filter(has_text="Handed on")
        await mine.get_by_role("button", name="Attach").click()
        await colleague.sees_state("Handed on", "Ready")
        await colleague.presses("Handed on", "Stop")
        await colleague.sees_state("Handed on", "Stopped")


SCRIPT = 'from imjoy import api\napi.export({"run": lambda ctx: "from a script"})\n'
METADATA = '# /// script\n# [tool.imjoy]\n# name = "Scripted"\n# flags = ["allow-detach"]\n# ///\n'


@pytest.mark.parametrize(
    "source",
    [({"name": "Scripted", "flags": ["allow-detach"]}, SCRIPT), (METADATA + SCRIPT, None)],
    ids=["config and script", "Python script"],
)
async def test_a_page_attaches_to_what_a_program_has_started(
    person: Person, source: tuple[Any, str | None]
) -> None:
    async with imjoy_client.connect(person.engine.link, "") as client:
        await client.start_plugin(source[0], script=source[1])
    await person.page.reload()
    note = person.page.get_by_role("region", name="Running on the engine")
    mine = note.get_by_role("listitem").filter(has_text="Scripted")
    await mine.get_by_role("button", name="Attach").click()
    await person.run("Scripted")
    await person.sees_outcome("Scripted", "from a script")
    await person.presses("Scripted", "Stop")
    await person.sees_state("Scripted", "Stopped")


async def test_a_plugin_that_nobody_holds_is_offered_beside_its_stopped_card(
    browser: Browser, person: Person
) -> None:
    source = native_plugin(
        "Held by nobody", 'api.export({"run": lambda ctx: "as it was"})', flags=["allow-detach"]
    )
    await person.load(source, "Held by nobody")
    await person.presses("Held by nobody", "Stop")
    await person.sees_state("Held by nobody", "Stopped")
    note = person.page.get_by_role("region", name="Running on the engine")
    mine = note.get_by_role("listitem").filter(has_text="Held by nobody")
    await expect(mine).to_have_count(0)
    async with person_at(browser, person.engine) as colleague:
        await colleague.open()
        await colleague.load(source, "Held by nobody")
        await colleague.run("Held by nobody")
        await colleague.sees_outcome("Held by nobody", re.compile("as it was$"))
        await colleague.page.close()
        await mine.get_by_role("button", name="Attach").click()
    await person.sees_state("Held by nobody", "Ready")
    await person.sees_outcome("Held by nobody", re.compile("as it was$"))
    await expect(mine).to_have_count(0)
    await person.presses("Held by nobody", "Stop")
    await person.sees_state("Held by nobody", "Stopped")


async def test_a_run_is_seen_by_whoever_comes(browser: Browser, person: Person) -> None:
    await person.load(SLOW, "Slow")
    await person.run("Slow")
    await person.sees_state("Slow", "Running")
    log = await person.opens_log("Slow")
    await expect(log.get_by_text("it has begun")).to_be_visible()
    await person.page.close()
    async with person_at(browser, person.engine) as colleague:
        await colleague.open()
        note = colleague.page.get_by_role("region", name="Running on the engine")
        await expect(note).to_contain_text("Slow")
        await colleague.screenshot("elsewhere")
        mine = note.get_by_role("listitem").filter(has_text="Slow")
        await mine.get_by_role("button", name="Attach").click()
        await colleague.sees_state("Slow", "Running")
        bar = colleague.card("Slow").get_by_label("Progress of Slow")
        await expect(bar).to_have_js_property("value", 40)
        log = await colleague.opens_log("Slow")
        await expect(log.get_by_text("it has begun")).to_be_visible()
        await colleague.screenshot("attached")
        await release(colleague)
        await colleague.sees_outcome("Slow", re.compile(r"^Finished in .*: 42$"))
        await colleague.screenshot("attached-result")
        # Whoever comes after its end still sees it.
        await colleague.page.reload()
        await colleague.sees_outcome("Slow", re.compile(r"^Finished in .*: 42$"))
        await colleague.presses("Slow", "Stop")
        await colleague.sees_state("Slow", "Stopped")

"""What a person ends is no error anywhere: not on the card, not in the log."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from support.browser import Person
from support.plugin_files import native_plugin

BUSY = native_plugin(
    "Busy",
    """
    import time
    class Busy:
        def setup(self):
            pass
        def run(self, ctx):
            print("it computes", flush=True)
            while True:
                time.sleep(0.01)
    api.export(Busy())
    """,
)
ASKING = native_plugin(
    "Asking",
    """
    class Asking:
        def setup(self):
            pass
        async def run(self, ctx):
            await api.showDialog(type="joy", name="Which?", ui=[{"id": "n", "type": "string"}])
    api.export(Asking())
    """,
)


async def sees_a_calm_end(person: Person, name: str, words: str, state: str = "Stopped") -> None:
    await person.sees_state(name, state)
    await person.sees_outcome(name, re.compile(f"^{words}"))
    card = person.card(name)
    await expect(card.get_by_role("alert")).to_have_count(0)
    await expect(card.get_by_role("button", name=re.compile("error"))).to_have_count(0)
    await expect(await person.opens_log(name)).not_to_contain_text("Traceback")


async def begins_to_compute(person: Person) -> None:
    person.watch.may_say.append('The plugin "Busy" was stopped')
    await person.load(BUSY, "Busy")
    log = await person.opens_log("Busy")
    await person.run("Busy")
    await expect(log.get_by_text("it computes")).to_be_visible()


async def kills(person: Person, name: str) -> None:
    for button in (
        person.page.get_by_title("About the engine"),
        person.page.get_by_role("button", name=f"Kill {name}", exact=True, include_hidden=True),
    ):
        await button.dispatch_event("click")


@pytest.mark.parametrize("how", ["stop", "kill"])
async def test_stopping_a_plugin_at_work_is_no_error(person: Person, how: str) -> None:
    await begins_to_compute(person)
    if how == "stop":
        await person.presses("Busy", "Stop")
    else:
        await kills(person, "Busy")
    await sees_a_calm_end(person, "Busy", "Cancelled after")
    await person.card("Busy").get_by_text("Runs", exact=True).click()
    runs = person.card("Busy").get_by_role("list", name="Runs of Busy")
    await expect(runs.get_by_text(re.compile("Cancelled after"))).to_be_visible()


async def test_closing_the_dialog_of_a_run_cancels_it(person: Person) -> None:
    await person.load(ASKING, "Asking")
    await person.run("Asking")
    await person.dialog().get_by_role("button", name="Cancel").click()
    await sees_a_calm_end(person, "Asking", "Cancelled after", "Ready")


async def test_what_a_plugin_asks_goes_when_it_is_killed(person: Person) -> None:
    person.watch.may_say.append('The plugin "Asking" was stopped')
    await person.load(ASKING, "Asking")
    await person.run("Asking")
    await expect(person.dialog()).to_be_visible()
    # The dialog lies above the panel: a press by script goes through it.
    await kills(person, "Asking")
    await expect(person.dialog()).to_have_count(0)
    await sees_a_calm_end(person, "Asking", "Cancelled after")

"""The page for people without a mouse, at night, and on small screens."""

from __future__ import annotations

import re

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from support.browser import Person, person_at
from support.engine import EngineProcess
from support.plugin_files import native_plugin

ASKER = native_plugin(
    "Asker",
    """
    class Asker:
        def setup(self):
            pass
        async def run(self, ctx):
            name = await api.prompt("Who are you?")
            if name is None:
                return "nobody answered"
            return f"it is {name}"
    api.export(Asker())
    """,
)


async def focused(person: Person) -> str:
    """Return what has the focus, as a screen reader would name it."""
    script = """() => {
        const element = document.activeElement;
        return element.getAttribute("aria-label") || element.textContent.trim() || element.tagName;
    }"""
    return str(await person.page.evaluate(script))


async def tab_to(person: Person, name: str) -> None:
    for _ in range(40):
        await person.page.keyboard.press("Tab")
        if await focused(person) == name:
            return
    raise AssertionError(f"{name} cannot be reached with the Tab key")


async def test_a_plugin_is_run_and_answered_with_the_keyboard(person: Person) -> None:
    await person.load(ASKER, "Asker")
    keyboard = person.page.keyboard
    await tab_to(person, "Run")
    await person.screenshot("focus")
    await keyboard.press("Enter")
    await expect(person.dialog("Question")).to_be_visible()
    await expect(person.dialog().get_by_role("textbox", name="Answer")).to_be_focused()
    await keyboard.type("Ada")
    await keyboard.press("Enter")
    await person.sees_outcome("Asker", "it is Ada")
    await expect(person.dialog()).to_have_count(0)
    await tab_to(person, "Run")
    await keyboard.press("Space")
    await expect(person.dialog("Question")).to_be_visible()
    await keyboard.press("Escape")
    await expect(person.dialog()).to_have_count(0)
    await person.sees_outcome("Asker", "nobody answered")


SCROLL_BAR_PX = 17
NUMBERS_GO_ON = """(text) => {
    const range = ({ scrollHeight, clientHeight }) => scrollHeight - clientHeight;
    return range(text.parentElement.querySelector(".code-lines")) - range(text);
}"""
"""How much further than the text its line numbers can be scrolled: it may get a scroll bar."""


async def test_the_focus_goes_into_what_is_opened_and_comes_back(person: Person) -> None:
    # What had the focus goes with the empty page.
    template = person.page.get_by_role("button", name="Hello worker")
    await template.focus()
    await person.page.keyboard.press("Enter")
    await person.sees_state("Hello worker", "Ready")
    await expect(person.page.get_by_role("button", name="Add plugin")).to_be_focused()
    card = person.card("Hello worker")

    async def opens(button: str) -> None:
        await card.get_by_role("button", name=button, exact=True).focus()
        await person.page.keyboard.press("Enter")

    await opens("Log")
    await expect(person.page.get_by_role("log")).to_be_focused()
    await person.page.keyboard.press("Escape")
    await expect(card.get_by_role("button", name="Log", exact=True)).to_be_focused()
    for button, title in (("Docs", "Hello worker: docs"), ("Edit", "Hello worker: source")):
        await opens(button)
        inside = person.window(title).locator(":focus")
        await expect(inside).to_have_count(1)
        if button == "Edit":
            await expect(inside).to_have_js_property("tagName", "TEXTAREA")
            await expect(inside).to_have_js_property("scrollTop", 0)
            assert await inside.evaluate(NUMBERS_GO_ON) >= SCROLL_BAR_PX
        close = person.window(title).get_by_role("button", name=f"Close {title}")
        await close.focus()
        await person.page.keyboard.press("Enter")
        await expect(card.get_by_role("button", name=button, exact=True)).to_be_focused()


async def test_the_focus_is_where_a_person_was(person: Person) -> None:
    card = await person.load(ASKER, "Asker")
    keyboard = person.page.keyboard

    async def presses(name: str) -> None:
        await card.get_by_role("button", name=name, exact=True).focus()
        await keyboard.press("Enter")

    async def is_at(name: str) -> None:
        await expect(card.get_by_role("button", name=name, exact=True)).to_be_focused()

    await presses("Run")
    await expect(person.dialog("Question")).to_be_visible()
    await keyboard.press("Escape")
    await is_at("Run")
    await presses("Log")
    await expect(person.page.get_by_role("log")).to_be_focused()
    close = person.page.get_by_role("button", name="Close the log")
    await close.focus()
    await keyboard.press("Enter")
    await is_at("Log")
    add = person.page.get_by_role("button", name="Add plugin")
    await add.focus()
    await keyboard.press("Enter")
    await expect(person.dialog("Add a plugin")).to_be_visible()
    await keyboard.press("Escape")
    await expect(add).to_be_focused()
    await presses("Stop")
    await person.sees_state("Asker", "Stopped")
    await is_at("Start")
    await person.drop(ASKER.replace('"Asker"', '"Other"'))
    await expect(person.card("Other")).to_be_visible()
    await presses("Remove")
    await expect(person.dialog("Remove Asker?")).to_be_visible()
    await keyboard.press("Enter")
    await expect(card).to_have_count(0)
    await expect(add).to_be_focused()


async def test_the_editor_says_how_a_keyboard_leaves_it(person: Person) -> None:
    card = await person.load(ASKER, "Asker")
    await card.get_by_role("button", name="Edit", exact=True).click()
    area = person.page.get_by_role("textbox", name="Source of Asker")
    hint = person.page.get_by_text("Escape, then Tab, leaves the editor.")
    await expect(area).to_be_focused()
    await expect(area).to_have_accessible_description(re.compile("Escape, then Tab, leaves"))
    await expect(hint).to_be_visible()
    await person.screenshot("editor-hint")
    await person.page.keyboard.press("Tab")
    await expect(area).to_be_focused()
    await person.page.keyboard.press("Escape")
    await person.page.keyboard.press("Tab")
    await expect(person.page.get_by_role("button", name="Download")).to_be_focused()
    await expect(hint).to_be_hidden()


async def test_panels_open_and_close_with_a_key(person: Person) -> None:
    keyboard = person.page.keyboard
    await person.load(ASKER, "Asker")
    await keyboard.press("a")
    await expect(person.dialog("Add a plugin")).to_be_visible()
    await person.screenshot("add-plugin")
    await keyboard.press("Escape")
    await expect(person.dialog()).to_have_count(0)
    for key, title in (("e", "Engine"), ("m", "Messages")):
        await keyboard.press(key)
        panel = person.page.get_by_role("complementary", name=title)
        await expect(panel.get_by_role("heading", name=title)).to_be_focused()
        if key == "e":
            await expect(panel.get_by_text(re.compile(r"\d+ running process"))).to_be_visible()
            await expect(panel.get_by_text("Asker").first).to_be_visible()
            await expect(panel.get_by_text(person.engine.url)).to_be_visible()
            await person.screenshot("engine-panel")
        await keyboard.press("Escape")
        await expect(panel).to_have_count(0)


async def test_a_process_is_ended_in_the_engines_panel(person: Person) -> None:
    await person.load(ASKER.replace('"Asker"', '"Runaway"'), "Runaway")
    await person.page.keyboard.press("e")
    panel = person.page.get_by_role("complementary", name="Engine")
    row = panel.get_by_role("listitem").filter(has_text="Runaway")
    await row.get_by_role("button", name="Kill Runaway", exact=True).click()
    await expect(row).to_have_count(0)
    state = person.card("Runaway").get_by_role("status").first
    await expect(state).to_have_text(re.compile("Stopped|Failed"))


@pytest_asyncio.fixture(loop_scope="session")
async def night(browser: Browser, engine: EngineProcess):
    async with person_at(browser, engine, color_scheme="dark") as person:
        await person.open()
        yield person


BACKGROUND = "() => getComputedStyle(document.body).backgroundColor"


def brightness(colour: str) -> float:
    return sum(float(part) for part in re.findall(r"[\d.]+", colour)[:3]) / 3


async def test_the_page_is_dark_at_night(night: Person) -> None:
    assert brightness(await night.page.evaluate(BACKGROUND)) < 60
    await night.load(ASKER, "Asker")
    await night.opens_log("Asker")
    await night.run("Asker")
    await expect(night.dialog("Question")).to_be_visible()
    await night.screenshot("dark")
    await night.page.keyboard.press("Escape")
    await night.sees_outcome("Asker", "nobody answered")
    await night.presses("Asker", "Edit")
    await expect(night.window("Asker: source")).to_be_visible()
    await night.screenshot("dark-editor")


async def test_the_colours_can_be_chosen_and_are_remembered(person: Person) -> None:
    button = person.page.get_by_role("button", name=re.compile("^Colours"))
    assert brightness(await person.page.evaluate(BACKGROUND)) > 200
    while await button.get_attribute("aria-label") != "Colours: dark":
        await button.click()
    assert brightness(await person.page.evaluate(BACKGROUND)) < 60
    await person.screenshot("dark-first-sight")
    await person.page.reload()
    await person.sees_online()
    assert brightness(await person.page.evaluate(BACKGROUND)) < 60


SIDEWAYS = "() => document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth"


@pytest.mark.parametrize("width", [320, 390, 768])
async def test_narrow_screens_scroll_downwards_only(
    browser: Browser, engine: EngineProcess, width: int
) -> None:
    async with person_at(browser, engine, viewport={"width": width, "height": 700}) as person:
        await person.open()
        assert await person.page.evaluate(SIDEWAYS) <= 0
        await person.screenshot(f"narrow-{width}-first-sight")
        await person.load(ASKER, "Asker")
        await person.run("Asker")
        await expect(person.dialog("Question")).to_be_visible()
        assert await person.page.evaluate(SIDEWAYS) <= 0
        await person.screenshot(f"narrow-{width}-dialog")
        await person.page.keyboard.press("Escape")
        await person.sees_outcome("Asker", "nobody answered")
        await person.opens_log("Asker")
        assert await person.page.evaluate(SIDEWAYS) <= 0
        await person.screenshot(f"narrow-{width}-log")
        await person.page.get_by_role("button", name="Close the log").click()
        await person.presses("Asker", "Edit")
        await expect(person.window("Asker: source")).to_be_visible()
        assert await person.page.evaluate(SIDEWAYS) <= 0
        await person.screenshot(f"narrow-{width}-window")
        await person.load(ASKER.replace('"Asker"', '"Other"'), "Other")
        await expect(person.card("Other")).to_be_in_viewport()
        await person.presses("Other", "Edit")
        tabs = person.page.get_by_role("navigation", name="Open windows")
        await expect(tabs).to_have_css("scrollbar-width", "none")
        # The window that was opened last shows, and its tab beside the others.
        for name in ("One that is long", "Another that is long"):
            await person.load(ASKER.replace('"Asker"', f'"{name}"'), name)
            await person.presses(name, "Edit")
            await expect(person.window(f"{name}: source")).to_be_in_viewport(ratio=0.3)
            tab = tabs.get_by_role("button", name=f"{name}: source")
            await expect(tab).to_be_in_viewport(ratio=0.9)

"""The page by itself: what is seen first, how plugins come in, what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from support.browser import Person, person_at
from support.engine import running_engine
from support.plugin_files import native_plugin, plugin_file, window_plugin

WINDOW = window_plugin(
    "Greeting",
    """
    class Greeting {
      async setup() {}
      async run(ctx) { document.getElementById("who").textContent = "Hello from the window"; }
    }
    api.export(new Greeting());
    """,
    html='<p id="who"></p>',
)
WORKER = plugin_file(
    "Adder",
    """
    class Adder {
      async setup() { await api.log("ready to add"); }
      async run(ctx) { return 1 + 2; }
    }
    api.export(new Adder());
    """,
    lang="javascript",
    type="web-worker",
)


async def test_the_first_sight_says_what_to_do(person: Person) -> None:
    await expect(person.page).to_have_title("ImJoy Engine")
    await person.sees("Bring a plugin, and it runs here.")
    await person.sees("Drop a plugin here")
    await expect(person.page.get_by_text("Hello web Python")).to_have_count(0)  # no Pyodide
    for template in ("Hello Python", "Hello window", "Parallel tasks"):
        await expect(person.page.get_by_role("button", name=template)).to_be_visible()
    await person.screenshot("first-sight")


async def test_the_token_leaves_the_address_at_once(person: Person) -> None:
    assert person.engine.token not in person.page.url
    assert not any(person.engine.token in url for url in person.watch.requests)
    await person.page.reload()
    await person.sees_online()


async def test_a_window_plugin_is_dropped_and_opened(person: Person) -> None:
    await person.load(WINDOW, "Greeting")
    await person.presses("Greeting", "Open")
    frame = person.window("Greeting").frame_locator("iframe")
    await expect(frame.get_by_text("Hello from the window")).to_be_visible()
    await person.screenshot("window")
    await person.window("Greeting").get_by_role("button", name="Close Greeting").click()
    await expect(person.window("Greeting")).to_have_count(0)


async def test_a_worker_plugin_is_chosen_as_a_file_and_run(person: Person) -> None:
    async with person.page.expect_file_chooser() as chooser:
        await person.page.get_by_role("button", name="Choose a file").click()
    await (await chooser.value).set_files(
        {"name": "Adder.imjoy.html", "mimeType": "text/html", "buffer": WORKER.encode()}
    )
    await person.sees_state("Adder", "Ready")
    await person.run("Adder")
    await person.sees_outcome("Adder", re.compile(r"Finished in .* s: 3"))
    log = await person.opens_log("Adder")
    await expect(log.get_by_text("ready to add")).to_be_visible()


async def test_a_plugin_that_is_brought_comes_into_view_and_its_failure_is_told(
    person: Person,
) -> None:
    names = ["First", "Second", "Third", "Fourth", "Fifth"]
    for name in names:
        card = await person.load(WORKER.replace("Adder", name), name)
        await expect(card.get_by_role("button", name="Run", exact=True)).to_be_in_viewport(ratio=1)
    await expect(person.card("First")).not_to_be_in_viewport(ratio=1)
    await person.screenshot("brought-into-view")
    await person.card("Fifth").hover()
    await person.page.mouse.wheel(0, -5000)
    await expect(person.card("First")).to_be_in_viewport(ratio=1)
    await person.drop(native_plugin("Sixth", "raise ValueError('no <b>')"))
    # It passes by within seconds: whoever is to see it must look out for it.
    toast = person.page.get_by_role("status").filter(has=person.page.get_by_label("Dismiss"))
    await expect(toast).to_contain_text(re.compile(r"Sixth\s*ValueError: no <b>"))
    await expect(person.page.get_by_role("button", name="Messages, 1 new")).to_be_visible()
    await expect(await person.sees_failure("Sixth")).to_be_in_viewport()
    await person.screenshot("failure-told")


async def test_a_plugin_is_pasted_as_source(person: Person) -> None:
    await person.page.get_by_text("Paste source").click()
    await person.page.get_by_role("textbox", name="Source of a plugin").fill(WORKER)
    await person.page.get_by_role("button", name="Load the source").click()
    await person.sees_state("Adder", "Ready")


async def test_a_plugin_is_loaded_from_an_address(person: Person) -> None:
    address = f"{person.engine.url}/templates/hello-window/hello-window.imjoy.html"
    field = person.page.get_by_role("textbox", name="From an address")
    await field.fill(address)
    await field.press("Enter")
    await person.sees_state("Hello window", "Ready")


async def test_an_address_without_a_plugin_is_refused_in_words(person: Person) -> None:
    person.watch.may_say.append("404")
    field = person.page.get_by_role("textbox", name="From an address")
    await field.fill(f"{person.engine.url}/nothing.imjoy.html")
    await field.press("Enter")
    note = person.page.get_by_role("alert")
    await expect(note).to_contain_text("The plugin could not be fetched: the server answered 404")
    await expect(note).to_contain_text("download the file and drop it here")


async def test_the_templates_of_the_browser_start_and_answer(person: Person) -> None:
    await person.template("Hello worker")
    await person.sees_state("Hello worker", "Ready")
    await person.run("Hello worker")
    question = person.dialog("Question")
    await expect(question).to_contain_text("How many darts shall be thrown?")
    await question.get_by_role("textbox", name="Answer").fill("20000")
    await question.get_by_role("button", name="OK").click()
    await expect(person.dialog("Message")).to_contain_text("20000 darts say that pi is about 3.")
    await person.dialog("Message").get_by_role("button", name="OK").click()
    await person.sees_outcome("Hello worker", re.compile(r"Finished in .*: 3\.\d+"))
    await person.template("Hello window")
    await person.sees_state("Hello window", "Ready")
    await person.presses("Hello window", "Open")
    frame = person.window("Hello window").frame_locator("iframe")
    await expect(frame.get_by_role("heading", name="Bars")).to_be_visible()
    await frame.get_by_role("button", name="One more").click()
    await expect(frame.locator("#bars > div")).to_have_count(5)
    await person.sees("The bars are drawn.")


async def test_a_single_window_fills_its_room(person: Person) -> None:
    await person.template("Hello window")
    await person.presses("Hello window", "Open")
    await expect(person.window("Hello window")).to_be_visible()
    box = await person.window("Hello window").bounding_box()
    assert box is not None
    assert box["height"] > 500, box


async def test_a_web_python_plugin_says_what_is_missing(person: Person) -> None:
    await person.drop(plugin_file("Words", "pass", type="web-python"), "words.imjoy.html")
    note = await person.sees_failure("Words")
    await expect(note).to_contain_text("does not carry Pyodide yet")


BAD_FILES = {
    "an empty file": (" ", "The file is empty."),
    "a picture": ("\x89PNG\x00\x00", "This is not a plugin: the file is not text."),
    "an ordinary page": ("<!doctype html><html><p>Hi", "an ordinary web page"),
    "something else": ("import numpy", "This file is no ImJoy plugin: it has no <config> block."),
    "broken JSON": (
        '<docs>\n</docs>\n<config lang="json">\n{\n "name": "A",\n "type" "window"\n}\n</config>',
        "The <config> block is not valid JSON: line 6 of the file",
    ),
    "broken YAML": (
        '<config lang="yaml">\nname: A\ntype: [window\n</config>',
        "The <config> block is not valid YAML: line",
    ),
    "no name": (plugin_file("", "pass"), "The plugin has no name."),
    "an unknown type": (
        plugin_file("A", "pass", type="quantum-python"),
        'The plugin "A" has the unknown type "quantum-python".',
    ),
    "no script": (
        plugin_file("A", "pass").partition("<script")[0],
        'The plugin "A" has no <script> block',
    ),
    "an open block": (plugin_file("A", "pass").replace("</script>", ""), "is never closed"),
}


@pytest.mark.parametrize("what", BAD_FILES)
async def test_a_file_that_is_no_plugin_gets_one_clear_message(person: Person, what: str) -> None:
    source, words = BAD_FILES[what]
    await person.drop(source, "Bad.imjoy.html")
    note = person.page.get_by_role("alert")
    await expect(note).to_have_count(1)
    await expect(note).to_contain_text("Bad.imjoy.html")
    await expect(note).to_contain_text(words)
    if what == "broken JSON":
        await person.screenshot("refusal")
    # Everything else runs on, and the message goes when it was read.
    await person.load(WORKER, "Adder")
    await expect(note).to_contain_text(words)
    await note.get_by_role("button", name="Dismiss").click()
    await expect(note).to_have_count(0)
    await expect(person.page.get_by_role("article")).to_have_count(1)


async def test_a_syntax_error_in_javascript_ends_on_the_card(person: Person) -> None:
    person.watch.may_say.append("SyntaxError|Unexpected")
    await person.drop(WORKER.replace("class Adder {", "class Adder {{"), "Adder.imjoy.html")
    note = await person.sees_failure("Adder")
    await expect(note).to_contain_text("Unexpected token")
    await person.screenshot("syntax-error-javascript")


async def test_a_wrong_token_is_refused_and_can_be_corrected(visitor: Person) -> None:
    await visitor.page.goto(f"{visitor.engine.url}/#token=this-is-not-the-token")
    alert = visitor.page.get_by_role("alert")
    await expect(alert).to_contain_text("The engine did not let this page in.")
    await expect(alert).to_contain_text("Open the link that the engine printed")
    await alert.get_by_label("Token").fill("nor-is-this")
    await alert.get_by_role("button", name="Connect").click()
    await expect(alert).to_contain_text("The engine did not let this page in, try 1.")
    await visitor.screenshot("wrong-token")
    await alert.get_by_label("Token").fill(visitor.engine.link)
    await alert.get_by_role("button", name="Connect").click()
    await visitor.sees_online()
    await expect(alert).to_have_count(0)


async def test_after_too_many_wrong_tokens_the_page_counts_down_and_tries_again(
    browser: Browser, tmp_path: Path, store: Path
) -> None:
    async with (
        running_engine(workspace=tmp_path, store=store) as engine,
        person_at(browser, engine) as person,
    ):
        await person.page.goto(engine.url)
        alert = person.page.get_by_role("alert")
        timer = alert.get_by_role("timer")
        token = alert.get_by_label("Token")
        words: list[str] = []
        for number in range(1, 41):
            await token.fill("wrong")
            await alert.get_by_role("button", name="Connect").click()
            await expect(alert).to_contain_text(f"try {number}.")
            if words := await timer.all_inner_texts():
                break
        assert re.search(r"tries again by itself in\s\d+\ss|Trying again", " ".join(words))
        await person.screenshot("too-many-wrong-tokens")
        await token.fill(engine.link)
        await expect(timer).to_have_count(0)
        # It has tried the old one again; what was written meanwhile is still there.
        await expect(token).to_have_value(engine.link)
        await alert.get_by_role("button", name="Connect").click()
        await person.sees_online()


async def test_no_token_is_refused_too(visitor: Person) -> None:
    await visitor.page.goto(visitor.engine.url)
    await expect(visitor.page.get_by_role("alert")).to_contain_text("did not let this page in")

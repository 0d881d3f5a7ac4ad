"""Everything that the core gives to plugins, called from a native one."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from pathlib import Path

from playwright.async_api import expect

from support.browser import Person
from support.plugin_files import native_plugin, plugin_file, window_plugin

SCRIPT = (Path(__file__).parent / "scripts/every_function.py").read_text("utf-8")
PEER = native_plugin(
    "Peer",
    """
    class Made:
        def name(self):
            return "made"

    class Peer:
        def setup(self):
            pass
        def run(self, ctx):
            return f"ran with {ctx.config.n}"
        def triple(self, number):
            return 3 * number
        async def fail(self, words):
            raise ValueError(words)
        def make(self):
            return Made()

    api.export(Peer())
    """,
)
PEER_WINDOW = window_plugin(
    "Peer window",
    """
    class PeerWindow {
      async setup() { this.last = null; }
      async run(ctx) { this.last = ctx.data.a; }
      add(one, other) { return one + other; }
      seen() { return this.last; }
    }
    api.export(new PeerWindow());
    """,
)


async def test_every_function_of_the_core_can_be_called(person: Person) -> None:
    # What goes wrong on purpose is also written to the console by the core.
    person.watch.may_say += ["^console: "]
    peer = PEER.replace("</script>", "<@script>")
    names = f"ENGINE_URL = {person.engine.url!r}\nPEER_SOURCE = {peer!r}.replace('<@', '</')"
    source = plugin_file(
        "Everything",
        f"{names}\n{SCRIPT}",
        tags=["GPU"],
        blocks='<attachment name="notes">\nA note.\n</attachment>\n',
    )
    await person.load(PEER, "Peer")
    await person.load(PEER_WINDOW, "Peer window")
    await person.load(source, "Everything")
    log = await person.opens_log("Everything")
    await person.run("Everything")

    async with person.page.expect_download() as download:
        for answer in ANSWERS:
            await answer(person)
    assert (await download.value).suggested_filename == "exported.txt"
    await person.sees_outcome("Everything", " are good", within_s=60)
    count = SCRIPT.count("\n@check\n")
    await expect(log.get_by_text(re.compile("^(good|FAILED) "))).to_have_count(count)
    bad = [line for line in (await log.inner_text()).splitlines() if line.startswith("FAILED ")]
    assert not bad, "\n".join(bad)


def press(title: str, button: str, words: str = "") -> Callable[[Person], Awaitable[None]]:
    async def answer(person: Person) -> None:
        dialog = person.dialog(title)
        await expect(dialog).to_contain_text(words)
        await dialog.get_by_role("button", name=button, exact=True).click()
        await expect(dialog.filter(has_text=words)).to_have_count(0)

    return answer


async def four(person: Person) -> None:
    field = person.dialog("Question").get_by_role("textbox", name="Answer")
    await expect(field).to_have_value("3")
    await field.fill("4")
    await field.press("Enter")


async def good(person: Person) -> None:
    form = person.dialog("A form")
    await expect(form.get_by_role("heading", name="Settings")).to_be_visible()
    await form.get_by_role("combobox").select_option("good")
    await person.screenshot("form")
    await form.get_by_role("button", name="OK").click()


async def measured(person: Person) -> None:
    dialog = person.dialog("Pick one")
    await dialog.get_by_role("option", name="measured.txt").click()
    await person.screenshot("files")
    await dialog.get_by_role("button", name="Choose", exact=True).click()


ANSWERS = [
    press("Message", "OK", "An alert"),
    press("The title", "OK", "An alert with a title"),
    four,
    press("Never mind", "Cancel", "Cancelled?"),
    press("Please confirm", "OK", "Yes?"),
    press("Certainly", "Cancel", "No?"),
    good,
    press("Cancel me", "Cancel"),
    measured,
    press("Cancel it", "Cancel"),
]

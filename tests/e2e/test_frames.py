"""Window and web-worker plugins as peers of Python: what they pass on keeps its meaning."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from support.browser import Person
from support.plugin_files import native_plugin, plugin_file, window_plugin

PYTHON = native_plugin(
    "Python",
    """
    class Python:
        def setup(self):
            pass
        async def countdown(self, start, report):
            for number in range(start, 0, -1):
                await report(number)
            return "lift-off"
        def total(self, array):
            return sum(array.data)
        def divide(self, one, other):
            return one / other
        async def use(self, window):
            pair = await window.maker()
            tripled = [await pair(number) for number in range(4)]
            try:
                await window.fail()
            except Exception as error:
                caught = str(error)
            return f"{tripled} {caught}"

    api.export(Python())
    """,
)
SCRIPT = """
class Peer {
  async setup() {}
  async run() {
    const python = await api.getPlugin("Python");
    const heard = [];
    heard.push(await python.countdown(5, (number) => { heard.push(number); }));
    heard.push(await python.total(Uint8Array.of(0, 1, 2, 30).subarray(1, 3)));
    try { await python.divide(1, 0); } catch (error) { heard.push(error.name); }
    const fail = () => { throw new RangeError("too far"); };
    const me = { _rintf: true, maker: () => (n) => 3 * n, fail };
    heard.push(await python.use(me));
    await api.alert(heard.join(" "));
  }
}
api.export(new Peer());
"""
PEERS = {
    "window": window_plugin("Peer", SCRIPT, html="<p>Peer</p>"),
    "web-worker": plugin_file("Peer", SCRIPT, lang="javascript", type="web-worker"),
}


@pytest.mark.parametrize("kind", PEERS)
async def test_functions_arrays_and_errors_cross(person: Person, kind: str) -> None:
    # Its own side writes what it raises to the console as well.
    person.watch.may_say.append("too far")
    await person.load(PYTHON, "Python")
    await person.load(PEERS[kind], "Peer")
    await person.presses("Peer", "Open" if kind == "window" else "Run")
    said = person.dialog("Message")
    await expect(said).to_contain_text("5 4 3 2 1 lift-off 3 ZeroDivisionError [0, 3, 6, 9]")
    await expect(said).to_contain_text("too far")
    await said.get_by_role("button", name="OK").click()


async def test_all_elements_of_a_window_are_shown(person: Person) -> None:
    html = '<!-- two --><p>First</p><button id="go">Second</button>'
    script = """
    class Pair {
      async setup() {}
      async run() { document.getElementById("go").onclick = () => api.alert("pressed"); }
    }
    api.export(new Pair());
    """
    await person.load(window_plugin("Pair", script, html=html), "Pair")
    await person.presses("Pair", "Open")
    frame = person.window("Pair").frame_locator("iframe")
    await expect(frame.get_by_text("First")).to_be_visible()
    await frame.get_by_role("button", name="Second").click()
    await expect(person.dialog("Message")).to_contain_text("pressed")
    await person.dialog("Message").get_by_role("button", name="OK").click()

"""A page that is loaded anew, a browser that comes later: nothing that runs is lost."""

from __future__ import annotations

from support.browser import Person
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

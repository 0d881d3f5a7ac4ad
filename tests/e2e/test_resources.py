"""What the page shows of the machine: a place in the queue for a GPU, and what plugins use."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from playwright.async_api import expect

from support.browser import Person
from support.engine import EngineProcess, running_engine
from support.plugin_files import native_plugin

TESTS = Path(__file__).resolve().parent.parent
SCRIPT = """
class Plugin:
    def setup(self):
        self.kept = bytearray(b"x") * 60_000_000
    def run(self, ctx):
        import os
        return "sees " + os.environ["CUDA_VISIBLE_DEVICES"]
api.export(Plugin())
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def engine(tmp_path_factory, store: Path) -> AsyncIterator[EngineProcess]:
    """Return an engine whose machine has one card, as the test says."""
    async with running_engine(
        *("--gpu-probe", "support.gpus:probe_from_environment"),
        workspace=tmp_path_factory.mktemp("workspace"),
        store=store,
        environment={"PYTHONPATH": str(TESTS), "FAKE_GPUS": "1"},
    ) as engine:
        yield engine


async def test_a_plugin_waits_for_its_gpu_in_sight_and_gets_it(person: Person) -> None:
    await person.load(native_plugin("First", SCRIPT, gpu=True), "First")
    await person.run("First")
    await person.sees_outcome("First", re.compile("sees GPU-0"))

    await person.drop(native_plugin("Second", SCRIPT, gpu=True), "Second.imjoy.html")
    await person.sees_state("Second", "Waiting")
    await person.drop(native_plugin("Third", SCRIPT, gpu=True), "Third.imjoy.html")
    await expect(person.card("Third")).to_contain_text(
        "Waiting for a GPU: 2 of 2 in the queue. GPU 0 is held by First."
    )

    await person.page.keyboard.press("e")
    panel = person.page.get_by_role("complementary", name="Engine")
    running = panel.get_by_role("listitem").filter(has_text="pid")
    await expect(running).to_contain_text(re.compile(r"pid \d+, ready"))
    await expect(running).to_contain_text(re.compile(r"CPU \d+% · \d+(\.\d)? MB · GPU 0"))
    waiting = panel.get_by_role("listitem").filter(has_text="Third")
    await expect(waiting).to_contain_text("waits for a GPU: 2 of 2")
    await person.screenshot("gpu-queue")
    await person.page.keyboard.press("Escape")

    # Whoever leaves the queue lets the others up. The core says that its start has ended, and
    # may still look for the engine of a plugin that it has let go of.
    person.watch.may_say += [
        "error occured when loading plugin Second",
        "^console: LinkError:",
        "Error in Plugin Second.*reading 'url'",
    ]
    await person.presses("Second", "Stop")
    await person.sees_state("Second", "Stopped")
    await expect(person.card("Third")).to_contain_text("Waiting for a GPU: 1 of 1 in the queue.")
    await person.presses("First", "Stop")
    await person.sees_state("Third", "Ready")
    await person.run("Third")
    await person.sees_outcome("Third", re.compile("sees GPU-0"))


async def test_a_plugin_that_needs_two_cards_is_refused_with_a_way_out(person: Person) -> None:
    await person.drop(native_plugin("Greedy", SCRIPT, gpu=2), "Greedy.imjoy.html")
    note = await person.sees_failure("Greedy")
    await expect(note).to_contain_text("The plugin needs 2 GPUs; this machine has 1 among its 1.")
    await expect(note).to_contain_text("imjoy-engine doctor")


async def test_an_idle_plugin_says_why_it_has_stopped(person: Person) -> None:
    source = native_plugin("Lazy", SCRIPT, limits={"idle_timeout": 2})
    await person.load(source, "Lazy")
    await person.sees_state("Lazy", "Stopped")
    await expect(person.card("Lazy").get_by_role("alert")).to_contain_text(
        "The plugin 'Lazy' was stopped: nobody used it for 2 s."
    )
    await person.presses("Lazy", "Start")
    await person.sees_state("Lazy", "Ready")

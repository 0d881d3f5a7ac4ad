"""What a plugin has done before: told by its card also when nothing of it runs any more."""

from __future__ import annotations

import asyncio
import re
import signal
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from support.browser import Person, person_at
from support.engine import running_engine
from support.plugin_files import native_plugin

TILES = native_plugin(
    "Tiles",
    """
    class Tiles:
        def setup(self):
            pass
        def run(self, ctx):
            print("looking at tile", ctx.config.tile, flush=True)
            if int(ctx.config.tile) > 9:
                raise ValueError("there is no such tile")
            return {"cells": 42}
    api.export(Tiles())
    """,
    ui="tile {id: 'tile', type: 'number', placeholder: 3}",
)


async def runs_two(person: Person, workspace: Path) -> None:
    """Have the plugin fail, and then find something; return when its log is on disk."""
    card = await person.load(TILES, "Tiles")
    await card.get_by_label("tile", exact=True).fill("11")
    await person.run("Tiles")
    await person.sees_outcome("Tiles", re.compile("there is no such tile"))
    await card.get_by_label("tile", exact=True).fill("3")
    await person.run("Tiles")
    await person.sees_outcome("Tiles", re.compile('^Finished in .*: {"cells": 42}$'))
    async with asyncio.timeout(20):
        while "looking at tile 3" not in await asyncio.to_thread(kept_log, workspace):
            pass


def kept_log(workspace: Path) -> str:
    """Return what the workspace keeps of the plugin's log."""
    logs = workspace.glob(".imjoy-engine/logs/*/Tiles.*.log")
    return "".join(log.read_text() for log in logs)


async def sees_them(person: Person) -> None:
    """See how the runs of `runs_two` have ended, and what was printed."""
    card = person.card("Tiles")
    await person.sees_outcome("Tiles", re.compile('^Finished in .*: {"cells": 42}$'))
    await card.get_by_text("Runs", exact=True).click()
    runs = card.get_by_role("list", name="Runs of Tiles").get_by_role("listitem")
    await expect(runs).to_have_count(2)
    good, bad = runs.nth(0), runs.nth(1)
    await bad.get_by_role("button", name="Show").click()
    note = bad.get_by_role("alert")
    await expect(note).to_contain_text("ValueError: there is no such tile (line ")
    await expect(note.locator("pre")).to_contain_text("in run")
    await good.get_by_role("button", name="Show").click()
    await expect(good.get_by_role("status")).to_have_text(
        re.compile('^Finished in .*: {"cells": 42}$')
    )
    await bad.get_by_role("button", name="Hide").click()
    await expect(note).to_have_count(0)
    await bad.get_by_role("button", name="Show").click()
    log = await person.opens_log("Tiles")
    await expect(log.get_by_text("looking at tile 11")).to_have_count(1)
    await expect(log.get_by_text("looking at tile 3")).to_have_count(1)


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL], ids=lambda end: end.name)
async def test_a_plugin_that_ended_with_its_engine_shows_what_it_did(
    browser: Browser, tmp_path: Path, store: Path, end: signal.Signals
) -> None:
    workspace = tmp_path / "workspace"
    async with (
        running_engine(workspace=workspace, store=store) as engine,
        person_at(browser, engine) as person,
    ):
        person.watch.may_say += ["ERR_CONNECTION_REFUSED", "WebSocket", "Failed to fetch"]
        await person.open()
        await runs_two(person, workspace)
        await engine.stop(end)
        await person.sees("No connection.")
        port = engine.url.rpartition(":")[2]
        async with running_engine(
            "--port", port, "--token", engine.token, workspace=workspace, store=store
        ):
            await person.sees_online()
            await person.sees_state("Tiles", "Stopped")
            await person.page.reload()
            await person.sees_online()
            await person.sees_state("Tiles", "Stopped")
            await sees_them(person)
            await person.screenshot(f"earlier-runs-{end.name}")
            await person.presses("Tiles", "Start")
            await person.sees_state("Tiles", "Ready")


async def test_a_plugin_that_starts_anew_on_another_engine_shows_what_it_did(
    browser: Browser, tmp_path: Path, store: Path
) -> None:
    workspace = tmp_path / "workspace"
    async with (
        running_engine(workspace=workspace, store=store) as engine,
        person_at(browser, engine) as person,
    ):
        person.watch.may_say += ["ERR_CONNECTION_REFUSED", "WebSocket", "Failed to fetch"]
        await person.open()
        await runs_two(person, workspace)
        # The page that goes knows of no end.
        await person.page.goto("about:blank")
        await engine.stop(signal.SIGKILL)
        port = engine.url.rpartition(":")[2]
        async with running_engine(
            "--port", port, "--token", engine.token, workspace=workspace, store=store
        ):
            await person.open()
            await person.sees_state("Tiles", "Ready")
            await sees_them(person)

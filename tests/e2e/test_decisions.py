"""What a person decides about an environment: cancel it, try it otherwise, allow commands."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from support.browser import Person, person_at
from support.engine import EngineProcess, running_engine
from support.packages import PackageIndex, make_sdist, make_wheel
from support.plugin_files import native_plugin
from support.terminal import Terminal
from support.within import within_a_second

pytestmark = pytest.mark.usefixtures("open_gate")

SETTLED = "api.export({'setup': lambda: None, 'run': lambda ctx: 'ran'})"


def user_of(module: str, name: str, **config: object) -> str:
    script = f"""
    import {module}
    api.export({{"setup": lambda: None, "run": lambda ctx: "version " + {module}.version}})
    """
    return native_plugin(name, script, **config)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def index(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PackageIndex]:
    folder = tmp_path_factory.mktemp("wheels")
    make_wheel(folder, "slow-package", "1.0", size_bytes=4_000_000)
    make_sdist(folder, "only-source", "2.0", buildable=True)
    make_sdist(folder, "moving-part", "1.0", buildable=True)
    broken = make_sdist(folder, "moving-part", "2.0")
    async with PackageIndex(folder) as index:
        index.uploaded[broken.name] = "2025-02-01"
        yield index


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("engine")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def engine(folder: Path, index: PackageIndex) -> AsyncIterator[EngineProcess]:
    environment = index.variables(folder / "cache")
    async with running_engine(
        workspace=folder / "workspace", store=folder / "store", environment=environment
    ) as engine:
        yield engine


async def test_a_build_is_cancelled_in_under_a_second_and_leaves_no_trace(
    person: Person, index: PackageIndex, folder: Path
) -> None:
    index.stall()
    await person.drop(user_of("slow_package", "Slow", requirements=["slow-package"]))
    await person.sees_state("Slow", "Building")
    await index.stalled.wait()
    await person.screenshot("build-with-cancel")
    before = set((folder / "store" / "envs").iterdir())
    person.watch.may_say.append('The plugin "Slow" was stopped')
    async with within_a_second():
        await person.presses("Slow", "Cancel")
        await person.sees_state("Slow", "Stopped")
    await expect(person.card("Slow").get_by_role("alert")).to_have_count(0)
    assert before - set((folder / "store" / "envs").iterdir()) == before
    assert list((folder / "store" / "tmp").iterdir()) == []
    assert not [process for process in person.engine.tree() if "uv" in process.name()]


async def test_what_exists_as_source_only_is_built_when_the_person_says_so(
    person: Person,
) -> None:
    source = user_of("only_source", "Sourced", requirements=["only-source"])
    await person.drop(source)
    note = await person.sees_failure("Sourced")
    await expect(note).to_contain_text("exists only as source code")
    await expect(note.get_by_text(re.compile("^Command: .*uv pip compile"))).to_be_visible()
    await expect(await person.sees_last_lines(note)).to_contain_text("no usable wheels")
    await expect(note.get_by_role("button", name="Take packages of a day")).to_be_visible()
    await person.screenshot("failure-actions")
    await note.get_by_role("button", name="Build from source").click()
    await person.sees_state("Sourced", "Ready")
    await person.run("Sourced")
    await person.sees_outcome("Sourced", "version 2.0")
    # The decision holds for the next start, and for the next visit.
    await person.presses("Sourced", "Reload")
    await person.sees_state("Sourced", "Ready")
    await person.page.reload()
    await person.sees_online()
    again = person.page.get_by_role("button", name="Load again")
    if await again.count():
        await again.click()
    await person.sees_state("Sourced", "Ready")


async def test_another_python_is_tried_when_the_wanted_one_is_nowhere(person: Person) -> None:
    await person.drop(
        native_plugin("Modern", SETTLED, env=[{"type": "python", "options": {"version": "3.47"}}])
    )
    note = await person.sees_failure("Modern")
    await expect(note).to_contain_text("Python 3.47 is not on this machine")
    which = note.get_by_role("combobox", name="Use another Python: which")
    await which.select_option("3.11")
    await person.screenshot("failure-another-python")
    await note.get_by_role("button", name="Use another Python").click()
    await person.sees_state("Modern", "Ready")
    await person.run("Modern")
    await person.sees_outcome("Modern", "ran")


async def test_packages_of_a_day_are_those_that_were_there_then(person: Person) -> None:
    of_source = [{"type": "python", "options": {"allow_build": True}}]
    await person.drop(user_of("moving_part", "Older", requirements=["moving-part"], env=of_source))
    note = await person.sees_failure("Older")
    await note.get_by_label("Take packages of a day: which").fill("2025-01-31")
    await person.screenshot("failure-another-day")
    await note.get_by_role("button", name="Take packages of a day").click()
    await person.sees_state("Older", "Ready")
    await person.run("Older")
    await person.sees_outcome("Older", "version 1.0")


async def test_a_bundle_of_another_machine_will_do_where_no_index_answers(
    browser: Browser, tmp_path: Path
) -> None:
    make_wheel(tmp_path, "packed-part", "3.0")
    there = Terminal(tmp_path / "there", tmp_path, PackageIndex(tmp_path))
    async with there.index:
        made = await there.json("create", "packed-part")
        bundle = (await there.json("pack", made["key"], "-o", str(tmp_path)))["bundle"]
    here = Terminal(tmp_path / "here", tmp_path, there.index)
    async with (
        running_engine(
            workspace=tmp_path / "workspace", store=here.store, environment=here.variables
        ) as engine,
        person_at(browser, engine) as person,
    ):
        await person.open()
        await person.drop(user_of("packed_part", "Packed", requirements=["packed-part"]))
        note = await person.sees_failure("Packed")
        await note.get_by_label("Use a bundle: which").fill(bundle)
        await person.screenshot("failure-bundle")
        await note.get_by_role("button", name="Use a bundle").click()
        await person.sees_state("Packed", "Ready")
        await person.run("Packed")
        await person.sees_outcome("Packed", "version 3.0")


COMMAND = "echo one two > 'made by a command' && echo \"<b>not bold</b>\""


def maker(name: str) -> str:
    return native_plugin(name, SETTLED, requirements=[f"cmd: {COMMAND}"])


async def test_commands_are_run_only_after_the_person_has_read_and_allowed_them(
    person: Person, folder: Path
) -> None:
    made = folder / "workspace" / "default" / "made by a command"
    await person.drop(maker("Maker"))
    dialog = person.dialog("Run these commands?")
    await expect(dialog.get_by_text(COMMAND, exact=True)).to_be_visible()
    await expect(dialog.get_by_role("button", name="Refuse")).to_be_focused()
    await person.screenshot("consent")
    assert not made.exists()
    await dialog.get_by_role("button", name="Allow").click()
    await person.sees_state("Maker", "Ready")
    assert made.read_text() == "one two\n"
    # The same words of the same plugin are not asked again.
    await person.presses("Maker", "Reload")
    await person.sees_state("Maker", "Ready")
    await expect(person.dialog("Run these commands?")).to_have_count(0)


async def test_a_refusal_is_a_clear_end_and_can_be_thought_over(
    person: Person, folder: Path
) -> None:
    await person.drop(maker("Unwanted"))
    await person.dialog().get_by_role("button", name="Refuse").click()
    note = await person.sees_failure("Unwanted")
    await expect(note).to_contain_text("command was refused")
    await person.screenshot("consent-refused")
    await person.presses("Unwanted", "Try again")
    await person.dialog().get_by_role("button", name="Allow").click()
    await person.sees_state("Unwanted", "Ready")


async def test_stopping_the_plugin_takes_its_question_away(person: Person) -> None:
    await person.drop(maker("Undecided"))
    await expect(person.dialog("Run these commands?")).to_be_visible()
    await person.page.keyboard.press("Escape")
    await person.sees_failure("Undecided")
    await expect(person.dialog()).to_have_count(0)

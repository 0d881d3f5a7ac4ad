"""What a person sees while an environment is made, and when it cannot be made."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from support.browser import Person, person_at
from support.engine import EngineProcess, running_engine
from support.packages import PackageIndex, make_wheel
from support.plugin_files import native_plugin

pytestmark = pytest.mark.usefixtures("open_gate")

VERSIONS = """
    import {module}
    api.export({{"setup": lambda: None, "run": lambda ctx: "version " + {module}.version}})
"""


def user_of(package: str, name: str = "User", **config: object) -> str:
    return native_plugin(
        name, VERSIONS.format(module=package.replace("-", "_")), requirements=[package], **config
    )


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def index(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PackageIndex]:
    folder = tmp_path_factory.mktemp("wheels")
    make_wheel(folder, "small-package", "1.2")
    make_wheel(folder, "big-package", "3.0", requires=("small-package",), size_bytes=4_000_000)
    make_wheel(folder, "fragile", "1.0", size_bytes=2_000_000)
    make_wheel(folder, "picky", "1.0", requires=("small-package>=2",))
    async with PackageIndex(folder) as index:
        yield index


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def engine(
    tmp_path_factory: pytest.TempPathFactory, index: PackageIndex
) -> AsyncIterator[EngineProcess]:
    """Return an engine whose packages come from the index of this module."""
    folder = tmp_path_factory.mktemp("engine")
    environment = index.variables(folder / "cache")
    async with running_engine(
        workspace=folder / "workspace", store=folder / "store", environment=environment
    ) as engine:
        yield engine


async def test_an_environment_is_built_before_ones_eyes(
    person: Person, index: PackageIndex
) -> None:
    index.stall()
    await person.drop(user_of("big-package", "Big"))
    card = person.card("Big")
    await person.sees_state("Big", "Building")
    await index.stalled.wait()
    # Half of the package is here; the other half waits for us.
    await expect(card.get_by_text("Download", exact=True)).to_have_attribute("aria-current", "step")
    await expect(card.get_by_text(re.compile("big-package"))).to_be_visible()
    await expect(card.get_by_text(re.compile(r"[\d.]+ MB of 4\.\d MB"))).to_be_visible()
    bar = card.get_by_role("progressbar", name="Progress of the start")
    await expect(bar).to_have_attribute("value", re.compile(r"0\.[1-9]"))
    await person.screenshot("building")
    index.gate.set()
    await person.sees_state("Big", "Ready")
    await person.run("Big")
    await person.sees_outcome("Big", "version 3.0")
    log = await person.opens_log("Big")
    await expect(log.get_by_text(re.compile("2 packages")).first).to_be_visible()
    await person.screenshot("built")
    assert "is ready: 2 packages" in person.engine.text


async def test_a_second_plugin_with_the_same_requirements_installs_nothing(
    person: Person, index: PackageIndex
) -> None:
    await person.load(user_of("small-package", "First"), "First")
    fetched = index.fetched
    built = person.engine.text.count("Environment ")
    await person.drop(
        native_plugin(
            "Second", VERSIONS.format(module="small_package"), requirements="pip: small-package"
        )
    )
    await person.sees_state("Second", "Ready")
    await person.run("Second")
    await person.sees_outcome("Second", "version 1.2")
    assert index.fetched == fetched
    assert person.engine.text.count("Environment ") == built
    log = await person.opens_log("Second")
    await expect(log.get_by_text(re.compile("Installing|Fetching|Downloading"))).to_have_count(0)


@pytest.mark.parametrize(
    "requirements",
    ["small-package", ["small-package"], "pip: small-package", ["pip:small-package==1.2"]],
    ids=["text", "list", "pip text", "pip list"],
)
async def test_requirements_are_read_in_every_form(
    person: Person, requirements: str | list[str]
) -> None:
    source = native_plugin(
        "Form", VERSIONS.format(module="small_package"), requirements=requirements
    )
    await person.load(source, "Form")
    await person.run("Form")
    await person.sees_outcome("Form", "version 1.2")


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"env": [{"type": "docker"}]}, "env[0] {'type': 'docker'}"),
        ({"requirements": ["./local"]}, "requirements[0] './local'"),
        ({"cmd": "matlab"}, "cmd 'matlab'"),
    ],
    ids=["env", "file", "interpreter"],
)
async def test_what_is_not_supported_yet_is_named(
    person: Person, config: dict[str, object], field: str
) -> None:
    script = "api.export({'setup': lambda: None})"
    await person.drop(native_plugin("Demanding", script, **config))
    note = await person.sees_failure("Demanding")
    await expect(note).to_contain_text(f"not supported yet: {field}")
    await expect(note).to_contain_text("Leave ")
    if "env" in config:
        await person.screenshot("not-supported-yet")


async def test_a_package_that_does_not_exist_is_said_in_uvs_words(person: Person) -> None:
    await person.drop(user_of("no-such-package-at-all", "Seeker"))
    note = await person.sees_failure("Seeker")
    await expect(note).to_contain_text("There is no package named no-such-package-at-all.")
    await expect(note).to_contain_text("Check its spelling")
    await expect(await person.sees_last_lines(note)).to_contain_text(
        "was not found in the package registry"
    )
    await person.screenshot("no-such-package")
    await expect(person.page.get_by_role("article").get_by_role("alert")).to_have_count(1)


async def test_requirements_that_clash_are_explained(person: Person) -> None:
    await person.drop(user_of("picky", "Picky"))
    note = await person.sees_failure("Picky")
    await expect(await person.sees_last_lines(note)).to_contain_text("small-package>=2")
    # The plugin is corrected in place, and nothing of the failure is left.
    await person.load(user_of("small-package", "Picky"), "Picky")
    await expect(person.card("Picky").get_by_role("alert")).to_have_count(0)


async def test_a_broken_download_leaves_nothing_half_built(
    person: Person, index: PackageIndex
) -> None:
    index.stall()
    await person.drop(user_of("fragile", "Fragile"))
    await index.stalled.wait()
    await person.presses("Fragile", "Cancel")
    await person.sees_state("Fragile", "Stopped")
    index.gate.set()
    person.watch.may_say.append('The plugin "Fragile" was stopped')
    await person.presses("Fragile", "Start")
    await person.sees_state("Fragile", "Ready")
    await person.run("Fragile")
    await person.sees_outcome("Fragile", "version 1.0")


async def test_a_plugin_that_is_not_importable_says_so(person: Person) -> None:
    await person.drop(native_plugin("Forgetful", "import small_package_that_is_missing"))
    note = await person.sees_failure("Forgetful")
    await expect(note).to_contain_text("No module named 'small_package_that_is_missing'")


@pytest.mark.network
async def test_a_template_with_numpy_is_installed_and_shows_its_picture(
    browser: Browser, tmp_path: Path, store: Path
) -> None:
    async with (
        running_engine(workspace=tmp_path / "workspace", store=store) as engine,
        person_at(browser, engine) as person,
    ):
        await person.open()
        await person.template("Image filter")
        await person.sees_state("Image filter", "Building")
        await person.screenshot("building-numpy")
        await person.sees_state("Image filter", "Ready", within_s=90)
        log = await person.opens_log("Image filter")
        await expect(log.get_by_text(re.compile("numpy")).first).to_be_visible()
        await person.run("Image filter")
        picture = person.window("Before and after, radius 4").get_by_role("img")
        await expect(picture).to_be_visible()
        assert (
            await picture.evaluate("(picture) => picture.decode().then(() => picture.naturalWidth)")
            == 512
        )
        await person.sees_outcome("Image filter", "Finished")
        await person.screenshot("picture")


@pytest.mark.network
async def test_a_template_in_a_named_environment_counts_spots(
    browser: Browser, tmp_path: Path, store: Path
) -> None:
    async with (
        running_engine(workspace=tmp_path / "workspace", store=store) as engine,
        person_at(browser, engine) as person,
    ):
        await person.open()
        await person.template("Count spots")
        await person.sees_state("Count spots", "Ready", within_s=120)
        await person.run("Count spots")
        await person.sees_outcome("Count spots", re.compile(r"\d+ spots"))
        picture = person.window("Spots").get_by_role("img")
        await expect(picture).to_be_visible()
        await person.screenshot("spots")
        log = await person.opens_log("Count spots")
        await expect(log.get_by_text("Count spots is ready.").first).to_be_visible()
        await expect(log.get_by_text("Warning")).to_have_count(0)

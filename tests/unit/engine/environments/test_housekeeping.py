from __future__ import annotations

import asyncio
import logging
import os
import time
from pathlib import Path

import pytest

from imjoy_engine.environments import (
    EnvironmentSpec,
    EnvironmentStore,
    Housekeeping,
    Inventory,
    StoreLimits,
)
from imjoy_engine.environments.filelock import FileLock
from support.builders import FakeBuilder
from support.clock import FakeClock

DAY_S = 24 * 3600.0
MACHINE = {"PATH": os.defpath, "HOME": "/nonexistent"}


class Home:
    """A store with two environments, and who looks after it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.clock = FakeClock()
        # What the helper writes itself has the machine's time.
        self.clock.advance(time.time() - self.clock.now())
        self.inventory = Inventory(root, now=self.clock.now)
        self.keys: dict[str, str] = {}

    def keeper(self, limits: StoreLimits | None = None) -> Housekeeping:
        return Housekeeping(self.root, limits or StoreLimits(), MACHINE, self.clock, delay_s=60.0)

    async def build(self, name: str, *, age_days: float = 0, on_built=lambda: None) -> None:
        store = EnvironmentStore(self.root, FakeBuilder(**{name: "1.0"}), on_built=on_built)
        with await store.ensure(EnvironmentSpec(pip=(name,)), print) as lease:
            self.keys[name] = lease.key
        when_s = self.clock.now() - age_days * DAY_S
        os.utime(self.root / "manifests" / f"{lease.key}.json", (when_s, when_s))

    async def names(self) -> list[str]:
        found = await asyncio.to_thread(self.inventory.environments)
        return sorted(one.packages[0].name for one in found)

    async def passes(self, seconds: float) -> None:
        """Let that time pass, and what is done then be done: the keeper sleeps again."""
        self.clock.slept.clear()
        self.clock.advance(seconds)
        async with asyncio.timeout(60):
            await self.clock.slept.wait()


@pytest.fixture
def home(tmp_path) -> Home:
    return Home(tmp_path / "store")


async def test_after_the_start_what_nobody_used_for_90_days_goes(home, caplog):
    await home.build("old", age_days=91)
    await home.build("young", age_days=89)
    keeper = home.keeper()
    keeper.start()
    await home.clock.slept.wait()
    assert await home.names() == ["old", "young"]

    with caplog.at_level(logging.INFO, "imjoy_engine"):
        await home.passes(60)

    assert await home.names() == ["young"]
    (line,) = caplog.messages
    key = home.keys["old"]
    assert f"Made room in the store of environments: removed {key} (not used for 91 days)" in line
    assert " MB freed, " in line
    await keeper.close()


async def test_after_a_build_room_is_made_within_a_quarter_of_an_hour(home):
    await home.build("old", age_days=2)
    keeper = home.keeper(StoreLimits(max_bytes=0))
    keeper.start()
    await home.clock.slept.wait()
    await home.passes(60)
    assert await home.names() == []

    await home.build("first")
    await home.passes(900)
    assert await home.names() == ["first"]

    await home.build("second", on_built=keeper.want)
    await home.passes(900)
    assert await home.names() == []
    await keeper.close()


async def test_an_engine_that_runs_for_long_looks_each_day(home):
    await home.build("old", age_days=89)
    keeper = home.keeper()
    keeper.start()
    await home.clock.slept.wait()
    await home.passes(60)
    await home.passes(DAY_S - 1)
    assert await home.names() == ["old"]

    await home.passes(DAY_S)

    assert await home.names() == []
    await keeper.close()


@pytest.mark.parametrize("limits", [StoreLimits(max_bytes=0), StoreLimits(max_age_s=DAY_S)])
async def test_what_is_leased_pinned_or_locked_stays(home, limits):
    for name in ("leased", "pinned", "locked", "free"):
        await home.build(name, age_days=100)
    await asyncio.to_thread(home.inventory.pin, home.keys["pinned"])
    locks = home.root / "locks"
    shared = FileLock.shared(locks / f"{home.keys['leased']}.lock")
    alone = FileLock.exclusive(locks / f"{home.keys['locked']}.lock")

    await home.keeper(limits).tidy()

    assert await home.names() == ["leased", "locked", "pinned"]
    shared.release()
    alone.release()


async def test_nothing_to_remove_is_nothing_to_say(home, caplog):
    await home.build("young")

    with caplog.at_level(logging.INFO, "imjoy_engine"):
        await home.keeper().tidy()

    assert caplog.messages == []
    assert await home.names() == ["young"]
    assert list((home.root / "tmp").iterdir()) == []


async def test_what_killed_downloads_left_goes_and_is_told(home, caplog):
    await home.build("young")
    left = home.root / "uv" / ".tmpAbc"
    left.mkdir(parents=True)
    os.utime(left, (0, 0))

    with caplog.at_level(logging.INFO, "imjoy_engine"):
        await home.keeper().tidy()

    assert not left.exists()
    assert "removed what killed downloads left; " in caplog.text


async def test_where_another_engine_is_at_it_nothing_is_done(home):
    await home.build("old", age_days=100)
    other = FileLock.exclusive(home.root / "locks" / "housekeeping")

    await home.keeper().tidy()

    assert await home.names() == ["old"]
    other.release()


async def test_a_store_that_is_not_there_is_not_made(home):
    await home.keeper().tidy()

    assert not home.root.exists()


async def test_trouble_is_told_and_ends_nothing(home, caplog):
    await home.build("old", age_days=100)
    (home.root / "locks" / "housekeeping").mkdir()
    keeper = home.keeper()
    keeper.start()
    await home.clock.slept.wait()

    await home.passes(60)

    assert "No room could be made in the store of environments: " in caplog.text
    assert "housekeeping" in caplog.text
    (home.root / "locks" / "housekeeping").rmdir()
    await home.passes(DAY_S)
    assert await home.names() == []
    await keeper.close()


async def test_closed_it_ends_at_once_and_leaves_no_process(home):
    await home.build("old", age_days=100)
    keeper = home.keeper()
    keeper.start()
    await home.clock.slept.wait()
    home.clock.advance(60)
    scratch = home.root / "tmp"
    async with asyncio.timeout(20):
        while not await asyncio.to_thread(lambda: list(scratch.glob("*/request.json"))):
            pass

    async with asyncio.timeout(20):
        await keeper.close()

    # Whatever it held it holds no more.
    FileLock.exclusive(home.root / "locks" / "housekeeping").release()
    FileLock.exclusive(home.root / "locks" / f"{home.keys['old']}.lock").release()
    assert not list(scratch.glob("*/request.json"))


async def test_it_may_be_closed_before_it_was_started(home):
    await home.keeper().close()

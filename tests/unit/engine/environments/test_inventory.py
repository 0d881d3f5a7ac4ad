from __future__ import annotations

import asyncio
import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from imjoy_engine.environments import (
    EnvironmentSpec,
    EnvironmentStore,
    Inventory,
    StoreLimits,
)
from imjoy_engine.environments.filelock import FileLock
from imjoy_engine.errors import ConflictError, NotFoundError
from support.builders import FakeBuilder

DAY_S = 24 * 3600.0
NOW_S = 2_000_000_000.0


class Stock:
    """A store with an environment for each of some packages, used one a day, the last one today."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.builder = FakeBuilder(**dict.fromkeys(("old", "middle", "young"), "1.0"))
        self.store = EnvironmentStore(root, self.builder)
        self.inventory = Inventory(root, now=lambda: NOW_S)
        self.keys: dict[str, str] = {}

    async def fill(self) -> None:
        for age, name in enumerate(("young", "middle", "old")):
            with await self.lease(name) as lease:
                self.keys[name] = lease.key
            self.used(name, NOW_S - age * DAY_S)

    def used(self, name: str, when_s: float) -> None:
        os.utime(self.root / "manifests" / f"{self.keys[name]}.json", (when_s, when_s))

    def lease(self, name: str):
        return self.store.ensure(EnvironmentSpec(pip=(name,)), print)

    def names(self) -> list[str]:
        return [one.packages[0].name for one in self.inventory.environments()]


@pytest.fixture
async def stock(tmp_path) -> Stock:
    stock = Stock(tmp_path / "store")
    await stock.fill()
    return stock


def test_a_store_that_is_not_there_is_empty(tmp_path):
    inventory = Inventory(tmp_path / "none")

    assert inventory.environments() == []
    assert inventory.make_room().keys == ()


def test_all_are_listed_the_last_used_first(stock):
    young, middle, old = stock.inventory.environments()

    assert [one.packages[0].name for one in (young, middle, old)] == ["young", "middle", "old"]
    assert (young.state, young.builder, young.in_use, young.pinned) == (
        "ready",
        "fake",
        False,
        False,
    )
    assert young.prefix == stock.root / "envs" / stock.keys["young"]
    assert old.used_s == NOW_S - 2 * DAY_S
    assert young.size_bytes > 0
    assert young.lock.text == "young==1.0\n"
    assert young.as_dict()["packages"] == ({"name": "young", "version": "1.0"},)


def test_one_is_found_by_the_beginning_of_its_key(stock):
    key = stock.keys["old"]

    assert stock.inventory.find(key[:6]).key == key
    with pytest.raises(NotFoundError):
        stock.inventory.find("nothing")
    with pytest.raises(NotFoundError):
        stock.inventory.find("")
    (stock.root / "envs" / f"{key}twin").mkdir()
    with pytest.raises(ConflictError, match="may be"):
        stock.inventory.find(key)


def test_its_log_and_its_wishes_can_be_read(stock):
    key = stock.keys["old"]

    assert "$ fake build" in stock.inventory.log(key)
    assert stock.inventory.wishes(key) == [{"pip": ["old"]}]


async def test_one_that_is_removed_is_built_the_same_again(stock):
    key = stock.keys["old"]
    stock.builder.versions["old"] = "2.0"

    assert (await asyncio.to_thread(stock.inventory.remove, key)).key == key

    assert (await asyncio.to_thread(stock.names)) == ["young", "middle"]
    stock.builder.versions["old"] = "1.0"
    with await stock.lease("old") as lease:
        assert lease.key == key


async def test_one_that_is_forgotten_is_chosen_anew(stock):
    stock.builder.versions["old"] = "2.0"

    await asyncio.to_thread(stock.inventory.forget, stock.keys["old"])

    with await stock.lease("old") as lease:
        assert lease.packages[0].version == "2.0"


async def test_what_is_in_use_is_not_removed(stock):
    with await stock.lease("old") as lease:
        assert (await asyncio.to_thread(stock.inventory.find, lease.key)).in_use
        with pytest.raises(ConflictError, match="in use"):
            await asyncio.to_thread(stock.inventory.remove, lease.key)
        assert (
            await asyncio.to_thread(stock.inventory.make_room, StoreLimits(max_bytes=0))
        ).keys == (
            stock.keys["middle"],
            stock.keys["young"],
        )

    await asyncio.to_thread(stock.inventory.remove, lease.key)
    assert (await asyncio.to_thread(stock.names)) == []


def test_what_was_not_used_for_long_goes(stock):
    limits = StoreLimits(max_age_s=1.5 * DAY_S)

    dry = stock.inventory.make_room(limits, dry_run=True)
    assert len(stock.names()) == 3
    made = stock.inventory.make_room(limits)

    assert dry.keys == made.keys == (stock.keys["old"],)
    assert made.freed_bytes > 0
    assert stock.names() == ["young", "middle"]


def test_of_too_much_the_least_recently_used_goes_first(stock):
    one = stock.inventory.find(stock.keys["old"]).size_bytes
    limit = stock.inventory.size_bytes() - one // 2

    made = stock.inventory.make_room(StoreLimits(max_bytes=limit, max_age_s=None))

    assert made.keys == (stock.keys["old"],)
    assert made.left_bytes <= limit


def test_what_is_pinned_stays(stock):
    key = stock.keys["old"]
    assert stock.inventory.pin(key).pinned

    stock.inventory.make_room(StoreLimits(max_bytes=0))
    assert stock.names() == ["old"]

    assert not stock.inventory.pin(key, pinned=False).pinned
    stock.inventory.make_room(StoreLimits(max_bytes=0))
    assert stock.names() == []


def test_what_a_killed_builder_left_goes_first(stock):
    rubbish = stock.root / "envs" / ("f" * 16)
    (rubbish / "bin").mkdir(parents=True)
    assert stock.inventory.find("fff").state == "broken"

    made = stock.inventory.make_room(StoreLimits(None, None))

    assert made.keys == (rubbish.name,)
    assert not rubbish.exists()


def test_what_is_being_built_stays(stock):
    half = stock.root / "envs" / ("e" * 16)
    half.mkdir()
    lock = FileLock.exclusive(stock.root / "locks" / f"{half.name}.lock")
    assert lock
    assert stock.inventory.find("eee").state == "building"

    stock.inventory.make_room(StoreLimits(max_bytes=0))
    assert half.exists()

    lock.release()


def test_scratch_of_killed_engines_goes_after_a_day(stock):
    lost, fresh = stock.root / "tmp" / "lost", stock.root / "tmp" / "fresh"
    for path, age_s in ((lost, 2 * DAY_S), (fresh, 0)):
        path.mkdir()
        os.utime(path, (NOW_S - age_s,) * 2)
    half = stock.root / "specs" / ".x.json-half"
    half.touch()
    os.utime(half, (NOW_S - 2 * DAY_S,) * 2)

    stock.inventory.make_room(StoreLimits(None, None))

    assert not lost.exists()
    assert not half.exists()
    assert fresh.exists()


def test_of_the_caches_only_goes_what_no_environment_shares(stock):
    shared, alone = (stock.root / "uv" / "archive-v0" / name for name in ("shared", "alone"))
    for path in (shared, alone):
        path.mkdir(parents=True)
        (path / "file").write_text("x" * 10_000)
    prefix = stock.inventory.pin(stock.keys["young"]).prefix
    prefix.chmod(0o755)
    os.link(shared / "file", prefix / "file")

    stock.inventory.make_room(StoreLimits(None, None))
    assert alone.exists()
    stock.inventory.make_room(StoreLimits(max_bytes=0))

    assert shared.exists()
    assert not alone.exists()


def cached(stock: Stock, name: str, size_bytes: int) -> Path:
    """Put a package into the cache of uv."""
    package = stock.root / "uv" / "archive-v0" / name
    package.mkdir(parents=True)
    (package / "file").write_bytes(os.urandom(size_bytes))
    return package


def share(stock: Stock, package: Path, name: str) -> None:
    """Let the environment of that name have the package's file, as uv does."""
    prefix = stock.root / "envs" / stock.keys[name]
    prefix.chmod(0o755)
    os.link(package / "file", prefix / f"of-{package.name}")


def test_caches_go_before_any_environment_and_only_as_far_as_is_needed(stock):
    first, second = (cached(stock, name, 400_000) for name in ("first", "second"))
    limit = stock.inventory.size_bytes() - 200_000

    made = stock.inventory.make_room(StoreLimits(max_bytes=limit, max_age_s=None))

    assert made.keys == ()
    assert [first.exists(), second.exists()] == [False, True]
    assert made.left_bytes <= limit


def test_what_is_only_half_fetched_goes_without_any_limit(stock):
    half = stock.root / "uv" / ".tmpAbc"
    half.mkdir(parents=True)
    (half / "file").write_bytes(os.urandom(100_000))

    made = stock.inventory.make_room(StoreLimits(None, None))

    assert made.freed_bytes >= 100_000
    assert not half.exists()


@pytest.mark.parametrize("spared_bytes", [0, 300_000, 700_000, 1_000_000])
def test_a_dry_run_says_what_then_happens(stock, spared_bytes):
    of_all, of_old, alone = (cached(stock, name, 300_000) for name in ("all", "old", "alone"))
    for name in ("old", "middle", "young"):
        share(stock, of_all, name)
    share(stock, of_old, "old")
    for path in (stock.root / "tmp" / "lost", stock.root / "log" / "gone.log"):
        path.write_bytes(os.urandom(50_000))
        os.utime(path, (0, 0))
    limits = StoreLimits(max_bytes=spared_bytes, max_age_s=None)

    would = stock.inventory.make_room(limits, dry_run=True)
    assert all(package.exists() for package in (of_all, of_old, alone))
    made = stock.inventory.make_room(limits)

    # A lock that is looked at leaves a file without content.
    assert replace(would, swept=made.swept) == made
    assert made.left_bytes == stock.inventory.size_bytes() <= max(spared_bytes, 200_000)


def test_nothing_goes_for_the_size_while_a_tool_is_at_work(stock):
    package = cached(stock, "package", 300_000)
    share(stock, package, "old")
    work = FileLock.shared(stock.root / "locks" / "at-work")
    assert work

    would = stock.inventory.make_room(StoreLimits(max_bytes=1), dry_run=True)
    made = stock.inventory.make_room(StoreLimits(max_bytes=1))

    assert would == made
    assert made.busy
    assert made.keys == ()
    work.release()
    assert len(stock.inventory.make_room(StoreLimits(max_bytes=1)).keys) == 3
    assert not package.exists()


def test_how_long_it_was_not_used_is_told_in_a_unit_that_fits(stock):
    for name, age_s in (("young", 30), ("middle", 7200), ("old", 3 * DAY_S)):
        stock.used(name, NOW_S - age_s)

    made = stock.inventory.make_room(StoreLimits(max_age_s=1))

    assert [one.why for one in made.removed] == [
        "not used for 3 days",
        "not used for 2 hours",
        "not used for 30 seconds",
    ]


def test_why_each_one_goes_is_said(stock):
    broken = stock.root / "envs" / ("f" * 16)
    broken.mkdir()
    limit = StoreLimits(max_bytes=0, max_age_s=1.5 * DAY_S)

    made = stock.inventory.make_room(limit)

    assert [(one.key, one.why) for one in made.removed] == [
        (broken.name, "never finished"),
        (stock.keys["old"], "not used for 2 days"),
        (stock.keys["middle"], "the least recently used of a store that is too large"),
        (stock.keys["young"], "the least recently used of a store that is too large"),
    ]


def test_without_limits_only_what_is_broken_goes(stock):
    stock.used("old", NOW_S - 10_000 * DAY_S)

    assert stock.inventory.make_room(StoreLimits(None, None)).keys == ()
    assert stock.inventory.make_room().keys == (stock.keys["old"],)


async def test_what_was_in_use_for_long_was_used_just_now(stock):
    with await stock.lease("old"):
        stock.used("old", NOW_S - 100 * DAY_S)
        await asyncio.to_thread(stock.inventory.make_room)

    assert (await asyncio.to_thread(stock.inventory.make_room)).keys == ()
    assert (await asyncio.to_thread(stock.inventory.find, stock.keys["old"])).used_s == NOW_S


async def test_what_somebody_used_since_one_looked_stays(stock, monkeypatch):
    looked = await asyncio.to_thread(stock.inventory.environments)
    with await stock.lease("old"):
        pass
    await asyncio.to_thread(stock.inventory.pin, stock.keys["middle"])
    monkeypatch.setattr(stock.inventory, "environments", lambda: looked)

    made = await asyncio.to_thread(stock.inventory.make_room, StoreLimits(max_bytes=0))

    assert made.keys == (stock.keys["young"],)


async def test_one_can_be_built_again_while_the_old_one_is_still_being_removed(stock, monkeypatch):
    removing, go_on = threading.Event(), threading.Event()
    discard = stock.inventory._shelf.discard

    def slowly(path: Path) -> None:
        removing.set()
        assert go_on.wait(20)
        discard(path)

    monkeypatch.setattr(stock.inventory._shelf, "discard", slowly)
    removal = asyncio.create_task(asyncio.to_thread(stock.inventory.remove, stock.keys["old"]))
    assert await asyncio.to_thread(removing.wait, 20)

    with await stock.lease("old") as lease:
        go_on.set()
        await removal
        assert lease.python.exists()
    assert list((stock.root / "tmp").iterdir()) == []

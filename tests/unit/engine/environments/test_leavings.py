from __future__ import annotations

import os
from pathlib import Path

import pytest

from imjoy_engine.environments.filelock import FileLock
from imjoy_engine.environments.leavings import forget_unshared, prune_downloads, sweep
from imjoy_engine.environments.shelf import Shelf
from imjoy_engine.environments.uv import find_uv

NOW_S = 2_000_000_000.0
VARIABLES = {"PATH": os.defpath}


@pytest.fixture
def shelf(short_dir) -> Shelf:
    shelf = Shelf(short_dir / "store")
    shelf.lay_out()
    return shelf


def put(path: Path, *, age_h: float = 48.0) -> Path:
    path.mkdir(parents=True)
    (path / "file").write_text("x")
    os.utime(path, (NOW_S - age_h * 3600,) * 2)
    return path


def test_scratch_goes_a_day_later_and_not_while_a_tool_is_at_work(shelf):
    lost = put(shelf.root / "tmp" / "lost")
    fresh = put(shelf.root / "tmp" / "fresh", age_h=1)
    work = shelf.at_work()

    assert sweep(shelf, NOW_S) == 0
    assert lost.exists()
    work.release()
    assert sweep(shelf, NOW_S) == 1

    assert list((shelf.root / "tmp").iterdir()) == [fresh]


def test_records_of_environments_that_are_gone_go_a_day_later(shelf):
    shelf.prefix("here").mkdir()
    (shelf.root / "compiled").mkdir()
    (shelf.root / "specs" / "wish.json").touch()
    names = {"compiled": ".json", "log": ".log", "pins": "", "locks": ".lock"}
    for folder, ending in names.items():
        for key, age_h in (("here", 48), ("gone", 48), ("new", 1), ("wish", 48), ("held", 48)):
            path = shelf.root / folder / f"{key}{ending}"
            path.touch()
            os.utime(path, (NOW_S - age_h * 3600,) * 2)
    work = shelf.at_work()
    held = shelf.exclusive("held")

    sweep(shelf, NOW_S)

    work.release()
    held.release()
    left = {path.name for folder in names for path in (shelf.root / folder).iterdir()}
    assert "gone" not in {name.partition(".")[0] for name in left}
    for folder, ending in names.items():
        for key in ("here", "new", "wish"):
            assert (shelf.root / folder / f"{key}{ending}").exists() or (key, folder) == (
                "wish",
                "pins",
            )
    assert "held.lock" in left
    assert "at-work" in left


def test_no_cache_loses_anything_while_a_tool_is_at_work(shelf):
    package = put(shelf.root / "uv" / "archive-v0" / "one")
    work = shelf.at_work()

    assert forget_unshared(shelf, NOW_S) == 0
    assert package.exists()
    work.release()
    assert forget_unshared(shelf, NOW_S) == 1
    assert not package.exists()


def test_tools_share_the_store_and_wait_only_while_something_is_set_aside(shelf):
    first, second = shelf.at_work(), shelf.at_work()
    assert shelf.nobody_at_work() is None
    first.release()
    assert shelf.nobody_at_work() is None
    second.release()

    alone = shelf.nobody_at_work()
    assert shelf.at_work() is None
    alone.release()
    shelf.at_work().release()


def test_what_killed_downloads_left_is_pruned(shelf):
    cache = shelf.root / "uv"
    left, dangling = put(cache / ".tmpAbc"), put(cache / "archive-v0" / "half")

    assert prune_downloads(cache, find_uv(), NOW_S, VARIABLES)

    assert not left.exists()
    assert not dangling.exists()


def test_a_download_that_may_still_run_is_left(shelf):
    cache = shelf.root / "uv"
    put(cache / ".tmpAbc", age_h=0.5)

    assert not prune_downloads(cache, find_uv(), NOW_S, VARIABLES)
    assert not prune_downloads(shelf.root / "none", find_uv(), NOW_S, VARIABLES)

    assert (cache / ".tmpAbc").exists()


def test_a_cache_that_uv_works_in_is_not_pruned(shelf):
    cache = shelf.root / "uv"
    left = put(cache / ".tmpAbc")
    # uv holds its cache by the same kind of lock.
    held = FileLock.shared(cache / ".lock")

    assert not prune_downloads(cache, find_uv(), NOW_S, VARIABLES)
    assert left.exists()
    held.release()
    assert prune_downloads(cache, find_uv(), NOW_S, VARIABLES)

from __future__ import annotations

import os
from pathlib import Path

import pytest

from imjoy_engine.environments.filelock import FileLock
from imjoy_engine.environments.leavings import (
    cached,
    forget_partial,
    forget_record,
    left_over,
    prune_downloads,
    records_left,
    take_away,
)
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


def test_scratch_is_left_over_after_a_day_and_half_fetched_packages_at_once(shelf):
    lost = put(shelf.root / "tmp" / "lost")
    put(shelf.root / "tmp" / "fresh", age_h=1)
    half = put(shelf.root / "uv" / ".tmpAbc", age_h=0)

    assert left_over(shelf, NOW_S) == [half, lost]


def test_nothing_is_taken_away_while_a_tool_is_at_work(shelf):
    lost = put(shelf.root / "tmp" / "lost")
    work = shelf.at_work()

    assert not take_away(shelf, lost, really=False)
    assert not take_away(shelf, lost)
    assert lost.exists()
    work.release()
    assert take_away(shelf, lost, really=False)
    assert lost.exists()
    assert take_away(shelf, lost)

    assert list((shelf.root / "tmp").iterdir()) == []


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
    held = shelf.exclusive("held")
    shelf.at_work().release()

    found = records_left(shelf, NOW_S)
    kept = [path.stem for path, key in found if not forget_record(shelf, path, key)]
    assert kept == ["held"] * 4

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


def test_what_only_would_be_forgotten_stays(shelf):
    log = shelf.root / "log" / "gone.log"
    log.touch()
    os.utime(log, (0, 0))

    assert forget_record(shelf, log, "gone", really=False)

    assert log.exists()
    assert (log, "gone") in records_left(shelf, NOW_S)


def test_an_environment_that_goes_takes_its_records_with_it(shelf):
    shelf.prefix("going").mkdir()
    log = shelf.root / "log" / "going.log"
    log.touch()
    os.utime(log, (0, 0))

    assert records_left(shelf, NOW_S) == []
    assert records_left(shelf, NOW_S, {"going"}) == [(log, "going")]


def test_of_the_caches_packages_go_first_and_what_is_needed_to_find_them_stays(shelf):
    package = put(shelf.root / "uv" / "archive-v0" / "one")
    of_conda = put(shelf.root / "rattler" / "pkgs" / "two-1.0-0")
    put(shelf.root / "uv" / "wheels-v8" / "index")
    lists = [put(shelf.root / "rattler" / "repodata"), put(shelf.root / "uv" / "simple-v28")]

    assert cached(shelf) == [package, of_conda, *lists]


def test_half_fetched_packages_stay_while_uv_is_at_work(shelf):
    cache = shelf.root / "uv"
    half = put(cache / ".tmpAbc")
    whole = put(cache / "archive-v0" / "one")
    held = FileLock.shared(cache / ".lock")

    forget_partial(cache)
    assert half.exists()
    held.release()
    forget_partial(cache)

    assert not half.exists()
    assert whole.exists()
    forget_partial(shelf.root / "none")


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

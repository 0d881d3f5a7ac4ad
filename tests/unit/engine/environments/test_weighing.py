from __future__ import annotations

import os
from pathlib import Path

import pytest

from imjoy_engine.environments.protect import tree_size
from imjoy_engine.environments.weighing import Weighing


@pytest.fixture
def store(tmp_path) -> Path:
    """Return a store in which a cache and two environments share files, and one has its own."""
    for folder in ("cache", "one", "two"):
        (tmp_path / "store" / folder).mkdir(parents=True)
    for name in ("shared", "half"):
        (tmp_path / "store" / "cache" / name).write_bytes(os.urandom(100_000))
        os.link(tmp_path / "store" / "cache" / name, tmp_path / "store" / "one" / name)
    os.link(tmp_path / "store" / "cache" / "shared", tmp_path / "store" / "two" / "shared")
    (tmp_path / "store" / "two" / "own").write_bytes(os.urandom(100_000))
    return tmp_path / "store"


def test_what_is_shared_counts_once_and_goes_with_its_last_name(store):
    weighing = Weighing(store)
    whole = weighing.left_bytes
    assert whole == tree_size(store)
    one, two, cache = (weighing.part(store / name) for name in ("one", "two", "cache"))

    weighing.drop(one)
    assert whole - weighing.left_bytes < 10_000
    weighing.drop(cache)
    assert 100_000 <= whole - weighing.left_bytes < 120_000
    weighing.drop(two)

    assert weighing.left_bytes == 0


def test_a_part_is_shared_as_long_as_another_name_is_left(store):
    weighing = Weighing(store)
    one, two = weighing.part(store / "one"), weighing.part(store / "two")
    shared = weighing.part(store / "cache" / "shared")
    half = weighing.part(store / "cache" / "half")

    assert shared.is_shared
    weighing.drop(one)
    assert [shared.is_shared, half.is_shared] == [True, False]
    weighing.drop(two)
    assert not shared.is_shared


def test_a_name_outside_of_the_store_counts_too(store, tmp_path):
    os.link(store / "two" / "own", tmp_path / "elsewhere")

    assert Weighing(store).part(store / "two" / "own").is_shared


def test_a_store_that_is_not_there_weighs_nothing(tmp_path):
    assert Weighing(tmp_path / "none").left_bytes == 0

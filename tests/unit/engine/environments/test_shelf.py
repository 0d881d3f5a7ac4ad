from __future__ import annotations

import json
from pathlib import Path

import pytest

from imjoy_engine.environments import Package
from imjoy_engine.environments.lock import Lock
from imjoy_engine.environments.shelf import Shelf

MANIFEST = {"packages": [["numpy", "2.4.6"]]}


@pytest.fixture
def shelf(tmp_path) -> Shelf:
    shelf = Shelf(tmp_path)
    shelf.lay_out()
    shelf.lay_out()
    return shelf


def built(shelf: Shelf, key: str = "k") -> Path:
    prefix = shelf.prefix(key)
    (prefix / "bin").mkdir(parents=True)
    (prefix / "bin" / "python").touch()
    return prefix


def test_a_prefix_without_its_marker_is_not_ready(shelf):
    built(shelf)

    assert not shelf.is_ready("k")
    assert shelf.leased("k") is None


def test_a_finished_prefix_is_leased_with_its_packages(shelf):
    prefix = built(shelf)
    shelf.finish("k", MANIFEST)

    lease = shelf.leased("k")

    assert lease
    assert (lease.key, lease.prefix) == ("k", prefix)
    assert lease.packages == (Package("numpy", "2.4.6"),)
    assert shelf.exclusive("k") is None
    lease.release()
    alone = shelf.exclusive("k")
    assert alone
    assert shelf.leased("k") is None
    alone.release()


@pytest.mark.parametrize(
    "damage",
    [
        lambda shelf, prefix: (prefix / ".imjoy-env.json").write_text("{"),
        lambda shelf, prefix: (prefix / ".imjoy-env.json").write_text("[]"),
        lambda shelf, prefix: (prefix / ".imjoy-env.json").write_text('{"key": "other"}'),
        lambda shelf, prefix: (prefix / ".imjoy-env.json").write_text('{"key": "k", "format": 0}'),
        lambda shelf, prefix: (prefix / "bin" / "python").unlink(),
        lambda shelf, prefix: shelf.manifest_path("k").unlink(),
    ],
)
def test_a_damaged_environment_is_not_ready(shelf, damage):
    prefix = built(shelf)
    shelf.finish("k", MANIFEST)
    damage(shelf, prefix)

    assert not shelf.is_ready("k")


def test_an_unreadable_manifest_leaves_no_lock_behind(shelf):
    built(shelf)
    shelf.finish("k", MANIFEST)
    shelf.manifest_path("k").write_text("{")

    assert shelf.leased("k") is None
    alone = shelf.exclusive("k")
    assert alone
    alone.release()


def test_what_is_discarded_is_gone(shelf):
    prefix = built(shelf)
    shelf.finish("k", MANIFEST)

    shelf.discard(prefix)
    shelf.discard(prefix)

    assert not prefix.exists()


def test_a_lock_is_kept_under_its_wish(shelf, tmp_path):
    assert shelf.recorded_lock("w") is None

    shelf.record_lock("w", {"spec": {}}, Lock("a==1\n"))

    assert shelf.recorded_lock("w") == Lock("a==1\n")
    assert json.loads((tmp_path / "specs/w.json").read_text())["spec"] == {}
    (tmp_path / "specs/w.json").write_text('{"lock": 5}')
    assert shelf.recorded_lock("w") is None


def test_writing_leaves_no_half_files(shelf, tmp_path):
    built(shelf)
    shelf.finish("k", MANIFEST)

    assert [path.name for path in (tmp_path / "manifests").iterdir()] == ["k.json"]


def test_logs_and_scratch_have_their_place(shelf, tmp_path):
    shelf.write_log("k", ["$ uv", "hä"])
    scratch = shelf.scratch()

    assert (tmp_path / "log/k.log").read_text(encoding="utf-8") == "$ uv\nhä\n"
    assert scratch.parent == tmp_path / "tmp"

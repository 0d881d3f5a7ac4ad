from __future__ import annotations

import os
from pathlib import Path

import pytest

from imjoy_engine.environments.protect import (
    MARKER,
    make_own,
    protect,
    remove_tree,
    tree_size,
)


@pytest.fixture
def tree(tmp_path) -> Path:
    """Return a tree one of whose files has another name outside of it."""
    root = tmp_path / "tree"
    (root / "deep" / "er").mkdir(parents=True)
    (root / "deep" / "er" / "file").write_text("x" * 5000)
    (root / "plain").write_text("plain")
    (root / "link").symlink_to("/nowhere")
    os.link(root / "plain", tmp_path / "cached")
    return root


def test_what_is_protected_has_no_right_to_write(tree):
    protect(tree)

    for path in (tree, *tree.rglob("*")):
        if not path.is_symlink():
            assert not path.stat().st_mode & 0o222, path
    assert tree.joinpath("plain").read_text() == "plain"


def test_what_is_removed_is_gone_protected_or_not(tree):
    protect(tree)
    remove_tree(tree)
    remove_tree(tree)

    assert not tree.exists()
    single = tree.parent / "cached"
    remove_tree(single)
    assert not single.exists()


def test_the_marker_goes_first(tree, monkeypatch):
    (tree / MARKER).write_text("{}")
    protect(tree)

    def interrupted(path: Path) -> None:
        raise OSError("killed here")

    monkeypatch.setattr("imjoy_engine.environments.protect.shutil.rmtree", interrupted)
    with pytest.raises(OSError, match="killed"):
        remove_tree(tree)

    assert not (tree / MARKER).exists()
    assert (tree / "plain").exists()


def test_an_own_copy_shares_nothing_and_can_be_written(tree, tmp_path):
    protect(tree)
    tree.chmod(0o755)

    make_own(tree)
    with (tree / "plain").open("a") as file:
        file.write(" and more")

    assert (tmp_path / "cached").read_text() == "plain"
    assert (tree / "plain").stat().st_mode & 0o200
    assert (tree / "plain").read_text() == "plain and more"
    assert not list(tree.rglob(".*.own"))


def test_a_size_counts_each_file_once(tree, tmp_path):
    alone = tree_size(tree)
    assert alone >= 5000

    seen: set[tuple[int, int]] = set()
    tree_size(tmp_path, seen)
    assert tree_size(tree, seen) == 0
    assert tree_size(tmp_path / "not there") == 0

"""Listing and removing where the disk is awkward; the ordinary cases are in test_files."""

from __future__ import annotations

import pytest

from imjoy_engine.errors import MachineError
from imjoy_engine.gateway.directories import TRASH_NAME, Lister, remove_entry
from imjoy_engine.gateway.paths import Roots


@pytest.fixture
def roots(tmp_path):
    (tmp_path / "root").mkdir()
    return Roots([tmp_path / "root"])


def test_directories_come_first_and_letters_are_sorted_as_people_do(roots):
    top = roots.directories[0]
    for name in ("b", "A", "c"):
        (top / name).mkdir()
        (top / f"{name}.txt").touch()
    listing = Lister(roots, most=100, depth=2).listing(top, None, False)
    names = [each["name"] for each in listing["children"]]
    assert names == ["A", "b", "c", "A.txt", "b.txt", "c.txt"]


def test_a_wide_tree_is_cut_level_by_level(roots):
    top = roots.directories[0]
    for number in range(3):
        (top / f"d{number}").mkdir()
        for file in range(5):
            (top / f"d{number}" / f"{file}.txt").touch()
    listing = Lister(roots, most=8, depth=5).listing(top, None, True)
    assert [len(each["children"]) for each in listing["children"]] == [5, 0, 0]
    assert listing["truncated"] is True


def test_files_only_keeps_the_directories_that_hold_them(roots):
    top = roots.directories[0]
    (top / "d").mkdir()
    (top / "d" / "x.txt").touch()
    listing = Lister(roots, most=10, depth=5).listing(top, "file", True)
    assert listing["children"][0]["children"][0]["name"] == "x.txt"


def test_a_directory_that_may_not_be_read_is_marked(roots):
    (roots.directories[0] / "closed").mkdir()
    (roots.directories[0] / "open").mkdir()

    class Refused(Lister):
        def _children(self, directory, kind, recursive):
            if directory.name == "closed":
                raise PermissionError(13, "Permission denied")
            return super()._children(directory, kind, recursive)

    listing = Refused(roots, most=10, depth=5).listing(roots.directories[0], None, True)
    closed, opened = listing["children"]
    assert closed["unreadable"] is True
    assert opened["children"] == []


def test_a_trash_that_leads_elsewhere_is_not_used(roots, tmp_path):
    top = roots.directories[0]
    (top / "tree" / "x").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (top / TRASH_NAME).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(MachineError, match="is a link"):
        remove_entry(roots, "tree", "dir", recursive=True, now=0)
    assert (top / "tree" / "x").is_dir()


def test_a_long_name_fits_into_the_trash(roots):
    name = "n" * 255
    (roots.directories[0] / name).mkdir()
    moved = remove_entry(roots, name, None, recursive=True, now=0)
    assert moved is not None
    assert moved.name.startswith("19700101T000000.000000Z-nnn")

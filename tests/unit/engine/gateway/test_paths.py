"""Confinement, without any HTTP around it."""

from __future__ import annotations

import errno
import os

import pytest

from imjoy_engine.errors import BadRequestError, MachineError, NotFoundError
from imjoy_engine.gateway.paths import Roots, is_hidden_name, typed_error


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "root" / "below").mkdir(parents=True)
    (tmp_path / "root" / "below" / "file").touch()
    (tmp_path / "outside").mkdir()
    return tmp_path


def test_nothing_named_is_the_first_root_or_the_base(tree):
    roots = Roots([tree / "root", tree / "outside"])
    assert roots.resolve(None) == roots.resolve("") == tree / "root"
    assert roots.resolve(None, base=tree / "root" / "below") == tree / "root" / "below"


def test_a_place_need_not_exist(tree):
    assert Roots([tree / "root"]).resolve("a/b") == tree / "root" / "a" / "b"


def test_a_root_may_be_given_by_a_link_and_paths_too(tree):
    (tree / "alias").symlink_to(tree / "root")
    roots = Roots([tree / "alias"])
    assert roots.directories == (tree / "root",)
    assert roots.resolve(str(tree / "alias" / "below")) == tree / "root" / "below"
    with pytest.raises(NotFoundError):
        roots.resolve(str(tree / "alias" / ".hidden" / ".." / ".secret"))


def test_an_entry_is_the_link_and_a_path_is_what_it_leads_to(tree):
    (tree / "root" / "link").symlink_to("below")
    roots = Roots([tree / "root"])
    assert roots.entry("link") == tree / "root" / "link"
    assert roots.resolve("link") == tree / "root" / "below"
    assert roots.entry("below/.") == tree / "root" / "below"
    assert roots.entry("below/file/..") == tree / "root" / "below"


@pytest.mark.parametrize("text", ["..", "below/../..", ".hidden", "below/.hidden", "/"])
def test_what_is_outside_or_hidden_is_no_entry_either(tree, text):
    roots = Roots([tree / "root"])
    for ask in (roots.entry, roots.resolve):
        with pytest.raises(NotFoundError):
            ask(text)


def test_a_hidden_directory_may_itself_be_a_root(tree):
    hidden = tree / "root" / ".cache"
    hidden.mkdir()
    roots = Roots([tree / "root", hidden])
    assert roots.resolve(str(hidden)) == hidden
    assert roots.shows(hidden / "x")
    assert not roots.shows(hidden / ".x")
    assert roots.holding(hidden / "x") == hidden
    assert roots.holding(tree) is None


def test_there_must_be_a_root():
    with pytest.raises(ValueError, match="At least one"):
        Roots([])


def test_hidden_means_a_dot_in_front():
    assert is_hidden_name(".git")
    assert not is_hidden_name("a.b")


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (errno.ENOENT, NotFoundError, "There is no 'x'"),
        (errno.ENOTDIR, NotFoundError, "There is no 'x'"),
        (errno.ENAMETOOLONG, BadRequestError, "cannot be used"),
        (errno.ENOSPC, MachineError, "no room"),
        (errno.EDQUOT, MachineError, "no room"),
        (errno.EACCES, MachineError, "does not let"),
        (errno.EROFS, MachineError, "does not let"),
        (errno.EIO, MachineError, "cannot be used"),
    ],
)
def test_what_the_system_says_becomes_a_sentence(number, kind, words):
    error = typed_error(OSError(number, os.strerror(number)), "x")
    assert type(error) is kind
    assert words in error.message

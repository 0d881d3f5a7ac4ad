from __future__ import annotations

import pytest

from imjoy_engine.environments import EnvironmentSpec, GpuRequest
from imjoy_engine.environments.spec import joined, python_accepts, python_wish
from imjoy_engine.errors import ManifestError


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("3.9", "3.9"),
        ("=3.9", "3.9"),
        ("==3.9.1", "3.9.1"),
        ("3.9.*", "3.9"),
        (">= 3.8, <3.10", "<3.10,>=3.8"),
        ("~=3.9", "~=3.9"),
        ("3", "3"),
    ],
)
def test_a_wish_for_a_python_has_one_form(text, wish):
    assert python_wish(text, "here") == wish


@pytest.mark.parametrize("text", ["x", "3.x", "3.7|3.8", ">=three"])
def test_what_is_no_version_is_named(text):
    with pytest.raises(ManifestError, match=r"here: .* is no version of Python"):
        python_wish(text, "here")


@pytest.mark.parametrize(
    ("wish", "version", "accepted"),
    [
        (None, "3.11.7", True),
        ("3", "3.11.7", True),
        ("3.1", "3.11.7", False),
        ("3.11", "3.11.7", True),
        ("3.11.7", "3.11.7", True),
        ("3.11.7", "3.11.8", False),
        (">=3.9,<3.12", "3.11.7", True),
        (">=3.12", "3.11.7", False),
    ],
)
def test_which_interpreters_fulfil_a_wish(wish, version, accepted):
    assert python_accepts(wish, version) is accepted


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("3.9", "3.9.1", "3.9.1"),
        ("3.9", ">=3.8", "3.9"),
        (">=3.8", "3.9", "3.9"),
        (">=3.9.5", "3.9", "3.9"),
        (">=3.8", "<3.10", "<3.10,>=3.8"),
    ],
)
def test_two_wishes_become_the_stricter(one, other, both):
    specs = [EnvironmentSpec(python=one), EnvironmentSpec(python=other)]

    assert joined(specs, "here").python == both


@pytest.mark.parametrize(("one", "other"), [("3.9", "3.10"), ("3.9", ">=3.10")])
def test_two_wishes_that_exclude_each_other_are_named(one, other):
    with pytest.raises(ManifestError, match="here: asks for Python"):
        joined([EnvironmentSpec(python=one), EnvironmentSpec(python=other)], "here")


def test_joined_specs_are_sorted_and_the_channels_keep_their_order():
    spec = joined(
        [
            EnvironmentSpec(pip=("b",), channels=("z",), variables=(("A", "1"),)),
            EnvironmentSpec(pip=("a", "b"), channels=("a", "z"), variables=(("A", "2"),)),
        ],
        "here",
    )

    assert (spec.pip, spec.channels, spec.variables) == (("a", "b"), ("z", "a"), (("A", "2"),))


def test_what_says_nothing_about_packages_is_no_part_of_the_identity():
    spec = EnvironmentSpec(pip=("a",), variables=(("A", "1"),), gpu=GpuRequest())

    assert spec.identity() == {"pip": ("a",)}

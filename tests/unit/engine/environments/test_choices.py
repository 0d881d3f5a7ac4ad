from __future__ import annotations

from dataclasses import replace

import pytest

from imjoy_engine import errors
from imjoy_engine.environments import EnvironmentSpec
from imjoy_engine.environments.choices import Choices, remedies
from imjoy_engine.errors import ManifestError

SPEC = EnvironmentSpec(
    python="3.7", pip=("numpy==1.20",), commands=("make",), variables=(("A", "1"),)
)
PYTHONS = ["3.11.7", "3.11.2", "3.9.18", "3.7.16"]


@pytest.mark.parametrize(
    ("said", "changes"),
    [
        (None, {}),
        ({}, {}),
        ({"allow_build": True}, {"allow_build": True}),
        ({"exclude_newer": "2021-06-01"}, {"exclude_newer": "2021-06-01"}),
        ({"python": "3.9"}, {"python": "3.9"}),
        ({"python": ">=3.9"}, {"python": ">=3.9"}),
        (
            {"packed": " /data/numpy.tar.zst "},
            {"python": None, "pip": (), "packed": "/data/numpy.tar.zst"},
        ),
    ],
)
def test_choices_change_what_they_name_and_nothing_else(said, changes):
    before = {name: getattr(SPEC, name) for name in SPEC.__slots__}

    after = Choices.read(said).applied(SPEC)

    assert {name: getattr(after, name) for name in SPEC.__slots__} == {**before, **changes}


@pytest.mark.parametrize(
    "said",
    [
        [],
        "3.9",
        {"python": 3.9},
        {"python": "newest"},
        {"allow_build": "yes"},
        {"exclude_newer": "June"},
        {"packed": 3},
        {"packed": " "},
        {"pip": ["numpy"]},
    ],
)
def test_what_is_no_choice_is_refused(said):
    with pytest.raises(ManifestError):
        Choices.read(said)


@pytest.mark.parametrize(
    ("error", "fields"),
    [
        (errors.NoWheelError, ["allow_build", "exclude_newer", "python"]),
        (errors.NoSuchVersionError, ["exclude_newer", "python"]),
        (errors.RequirementsConflictError, ["exclude_newer", "python"]),
        (errors.PythonNotFoundError, ["python", "packed"]),
        (errors.IndexUnreachableError, ["packed"]),
        (errors.NoSuchPackageError, []),
        (errors.DiskFullError, []),
    ],
)
def test_what_could_help_depends_on_what_went_wrong(error, fields):
    assert [each.field for each in remedies(error("words"), SPEC, PYTHONS)] == fields


def test_what_was_chosen_already_is_not_offered_again():
    spec = Choices(allow_build=True, exclude_newer="2021-06-01").applied(SPEC)

    found = remedies(errors.NoWheelError("words"), spec, PYTHONS)

    assert [each.field for each in found] == ["python"]


def test_a_day_is_proposed_that_suits_the_python():
    (_, day, _) = remedies(errors.NoWheelError("words"), SPEC, PYTHONS)

    assert (day.entry, day.value) == ("day", "2021-06-01")


@pytest.mark.parametrize(
    ("wanted", "offered"),
    [
        ("3.7", ("3.9", "3.11")),
        ("3.6.8", ("3.7", "3.9", "3.11")),
        ("3.10", ("3.11", "3.9", "3.7")),
        (None, ("3.11", "3.9", "3.7")),
        (">=3.8", ("3.11", "3.9", "3.7")),
    ],
)
def test_pythons_that_plugins_run_on_are_offered_the_nearest_first(wanted, offered):
    spec = replace(SPEC, python=wanted)

    python = remedies(errors.NoWheelError("words"), spec, ["3.6.15", *PYTHONS])[-1]

    assert (python.value, python.options) == (offered[0], offered)
    assert python.as_dict()["options"] == list(offered)


def test_every_remedy_is_a_choice_that_can_be_read():
    for error in (errors.NoWheelError, errors.IndexUnreachableError):
        for remedy in remedies(error("words"), SPEC, PYTHONS):
            assert Choices.read({remedy.field: remedy.value or "/a/path"}) != Choices()

from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from imjoy_engine.environments import spec_from_config
from imjoy_engine.environments.lock import Lock

ENVS = sorted(
    path.parent for path in (Path(__file__).parents[3] / "envs").glob("*/requirements.in")
)


def wanted(folder: Path) -> list[str]:
    lines = (folder / "requirements.in").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def lock_text(folder: Path) -> str:
    return (folder / "requirements.lock.txt").read_text()


def test_there_are_some():
    assert ENVS


@pytest.mark.parametrize("folder", ENVS, ids=lambda folder: folder.name)
def test_a_spec_is_one_that_a_plugin_could_ask_for(folder):
    assert spec_from_config({"requirements": wanted(folder)}).pip


@pytest.mark.parametrize("folder", ENVS, ids=lambda folder: folder.name)
def test_a_lock_pins_all_that_is_wanted(folder):
    pinned = {canonicalize_name(package.name) for package in Lock(lock_text(folder)).packages}

    assert {canonicalize_name(Requirement(line).name) for line in wanted(folder)} <= pinned


@pytest.mark.parametrize("folder", ENVS, ids=lambda folder: folder.name)
def test_a_lock_has_a_hash_for_every_package_and_no_address(folder):
    text = lock_text(folder)

    packages = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert packages
    assert all("==" in package and "--hash=sha256:" in package for package in packages)
    assert "://" not in text

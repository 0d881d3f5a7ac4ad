from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from imjoy_engine.environments import named_environments, spec_from_config, spec_from_file
from imjoy_engine.environments.lock import Lock

ENVS = sorted(
    path.parent for path in (Path(__file__).parents[3] / "envs").glob("*/requirements.in")
)


def wanted(folder: Path) -> list[str]:
    lines = (folder / "requirements.in").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


LOCKS = sorted(lock for folder in ENVS for lock in folder.glob("*.lock.txt"))
lock_of = pytest.mark.parametrize("lock", LOCKS, ids=lambda path: f"{path.parent.name}-{path.name}")


def test_there_are_some():
    assert ENVS


@pytest.mark.parametrize("folder", ENVS, ids=lambda folder: folder.name)
def test_a_spec_is_one_that_a_plugin_could_ask_for(folder):
    assert spec_from_config({"requirements": wanted(folder)}).pip


@lock_of
def test_a_lock_pins_all_that_is_wanted(lock):
    pinned = {canonicalize_name(one.name): one.version for one in Lock(lock.read_text()).packages}

    for requirement in map(Requirement, wanted(lock.parent)):
        assert pinned[canonicalize_name(requirement.name)] in requirement.specifier


@pytest.mark.parametrize("folder", ENVS, ids=lambda folder: folder.name)
def test_the_engine_finds_a_lock_with_and_without_cuda(folder):
    for accelerator in ("cpu", "cuda"):
        file = named_environments([folder.parent], accelerator)[folder.name]
        assert file in LOCKS
        assert spec_from_file(file.name, file.read_text()).pip
        assert accelerator in file.name or len(list(folder.glob("*.lock.txt"))) == 1


@lock_of
def test_a_lock_has_a_hash_for_every_package_and_no_address(lock):
    text = lock.read_text()

    packages = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert packages
    assert all("==" in package and "--hash=sha256:" in package for package in packages)
    assert "://" not in text

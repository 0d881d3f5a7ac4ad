from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from imjoy_engine.cli.environments.exported import exported
from imjoy_engine.environments import StoredEnvironment
from imjoy_engine.environments.lock import Lock
from imjoy_engine.errors import UsageError

PINS = "numpy==2.0 \\\n    --hash=sha256:abc\n"
CONDA = json.dumps(
    {
        "channels": ["conda-forge"],
        "packages": [{"name": "python", "version": "3.11.7", "build": "h1_0"}],
        "pip": "six==1.0 --hash=sha256:def\n",
    }
)


def stored(builder: str, lock: str) -> StoredEnvironment:
    return StoredEnvironment(
        key="abc",
        prefix=Path("/store/envs/abc"),
        state="ready",
        builder=builder,
        python="3.11.7",
        packages=(),
        size_bytes=0,
        built_s=0,
        used_s=0,
        in_use=False,
        pinned=False,
        private_to="",
        commands=(),
        lock=Lock(lock, builder="" if builder == "uv" else builder),
    )


def test_packages_of_pip_keep_their_hashes():
    assert exported(stored("uv", PINS)) == f"# Python 3.11.7\n{PINS}"


def test_packages_of_conda_keep_versions_and_builds():
    content = yaml.safe_load(exported(stored("conda", CONDA)))

    assert content == {
        "channels": ["conda-forge"],
        "dependencies": ["python=3.11.7=h1_0", {"pip": ["six==1.0"]}],
    }


@pytest.mark.parametrize("builder", ["uv", "conda", "packed", "existing"])
def test_every_lock_can_be_had_as_it_is_kept(builder):
    lock = PINS if builder == "uv" else CONDA

    assert json.loads(exported(stored(builder, lock), "json"))["lock"] == lock


@pytest.mark.parametrize(
    ("builder", "form"),
    [("uv", "conda"), ("conda", "requirements"), ("packed", "conda"), ("existing", "requirements")],
)
def test_what_a_form_cannot_say_is_refused(builder, form):
    with pytest.raises(UsageError, match="cannot be written"):
        exported(stored(builder, PINS), form)

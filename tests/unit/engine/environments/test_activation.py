from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from imjoy_engine.environments.activation import activated
from imjoy_engine.environments.builder import Attempt

MACHINE = {"PATH": os.defpath, "HOME": "/nowhere", "KEPT": "as it was"}


@pytest.fixture
def prefix(tmp_path) -> Path:
    (tmp_path / "etc/conda/activate.d").mkdir(parents=True)
    (tmp_path / "conda-meta").mkdir()
    return tmp_path


@pytest.fixture
def attempt(tmp_path) -> Attempt:
    return Attempt(tmp_path, lambda progress: None)


async def test_what_scripts_set_is_kept_and_nothing_else(prefix, attempt):
    script = prefix / "etc/conda/activate.d/proj.sh"
    script.write_text('echo hello\nexport PROJ_DATA="$CONDA_PREFIX/share/proj"\nSECRET=1\n')

    found = await activated(prefix, MACHINE, attempt)

    assert found == {"CONDA_PREFIX": str(prefix), "PROJ_DATA": f"{prefix}/share/proj"}
    assert attempt.log == ["$ activate", "hello"]


async def test_without_scripts_no_shell_is_started(prefix, attempt):
    assert await activated(prefix, {"PATH": "/nowhere"}, attempt) == {"CONDA_PREFIX": str(prefix)}
    assert attempt.log == []


async def test_variables_in_files(prefix, attempt):
    folder = prefix / "etc/conda/env_vars.d"
    folder.mkdir()
    (folder / "a.json").write_text('{"A": "1", "B": "1"}')
    (folder / "bad.json").write_text("{")
    (prefix / "conda-meta/state").write_text(json.dumps({"env_vars": {"B": "2"}}))

    found = await activated(prefix, MACHINE, attempt)

    assert found == {"CONDA_PREFIX": str(prefix), "A": "1", "B": "2"}


async def test_a_script_that_fails_sets_nothing(prefix, attempt):
    script = prefix / "etc/conda/activate.d/bad.sh"
    script.write_text("export A=1\necho broken >&2\nexit 3\n")

    assert await activated(prefix, MACHINE, attempt) == {"CONDA_PREFIX": str(prefix)}
    assert "broken" in attempt.log

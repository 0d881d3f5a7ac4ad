from __future__ import annotations

import sys
from pathlib import Path

import pytest

from imjoy_engine.environments.interpreters import (
    Interpreter,
    best_interpreter,
    candidates,
    find_interpreters,
    is_too_old,
)

BASE = Path(sys.base_prefix) / "bin/python3"
VERSION = ".".join(map(str, sys.version_info[:3]))


def program(path: Path, says: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{says}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def home(short_dir) -> Path:
    return short_dir


def of_home(home: Path, **variables: str) -> dict[str, str]:
    return {"HOME": str(home), "PATH": str(home / "bin"), **variables}


def inside(home: Path, found: list[Interpreter]) -> list[tuple[str, str]]:
    """Return versions and origins of what lies in the home; a machine may have more."""
    return [(one.version, one.origin) for one in found if one.path.is_relative_to(home)]


async def test_every_tools_place_is_looked_at(home):
    program(home / "bin/python3.9", "echo 3.9.1 final True")
    program(home / ".pyenv/versions/3.8.2/bin/python", "echo 3.8.2 final True")
    program(home / ".local/share/uv/python/cpython-3.10/bin/python3", "echo 3.10.3 final True")
    program(home / "miniforge3/bin/python", "echo 3.12.4 final True")
    program(home / "miniforge3/envs/old/bin/python", "echo 3.7.5 final True")
    program(home / "elsewhere/bin/python", "echo 3.13.6 final True")
    (home / ".conda").mkdir()
    (home / ".conda/environments.txt").write_text(f"{home}/elsewhere\n/not/there\n")

    found = await find_interpreters(of_home(home))

    assert inside(home, found) == [
        ("3.9.1", "system"),
        ("3.8.2", "pyenv"),
        ("3.10.3", "uv"),
        ("3.12.4", "conda"),
        ("3.7.5", "conda"),
        ("3.13.6", "conda"),
    ]


async def test_variables_say_where_else(home):
    program(home / "p/versions/3.8.2/bin/python", "echo 3.8.2 final True")
    program(home / "u/x/bin/python3", "echo 3.10.3 final True")
    program(home / "m/bin/python", "echo 3.12.4 final True")
    program(home / "c/bin/python", "echo 3.11.5 final True")

    found = await find_interpreters(
        of_home(
            home,
            PYENV_ROOT=f"{home}/p",
            UV_PYTHON_INSTALL_DIR=f"{home}/u",
            MAMBA_ROOT_PREFIX=f"{home}/m",
            CONDA_EXE=f"{home}/c/bin/conda",
        )
    )

    assert inside(home, found) == [
        ("3.8.2", "pyenv"),
        ("3.10.3", "uv"),
        ("3.12.4", "conda"),
        ("3.11.5", "conda"),
    ]


@pytest.mark.parametrize(
    "says",
    ["exit 127", "echo nonsense", "echo 3.15.0 alpha True", "echo 3.9.1 final False", "exit 1"],
    ids=["shim", "nonsense", "not released", "virtual environment", "broken"],
)
async def test_what_is_no_python_of_its_own_is_passed_over(home, says):
    program(home / "bin/python3.9", says)

    assert inside(home, await find_interpreters(of_home(home))) == []


async def test_a_real_one_tells_its_version(home):
    (home / "bin").mkdir()
    (home / "bin/python3").symlink_to(BASE)

    found = await find_interpreters(of_home(home))

    assert VERSION in [one.version for one in found]


def test_shims_folders_and_second_names_are_left_out(home):
    program(home / ".pyenv/shims/python3.6", "exit 127")
    program(home / "bin/python3.9", "")
    (home / "bin/python3").symlink_to("python3.9")
    (home / "bin/python3.8").mkdir()
    program(home / "bin/python3-config", "")

    found = candidates(of_home(home, PATH=f"{home}/.pyenv/shims:{home}/bin:"))

    assert [path.name for _, path in found if path.is_relative_to(home)] == ["python3.9"]


def test_a_machine_without_any(home):
    assert all(not path.is_relative_to(home) for _, path in candidates({"HOME": str(home)}))


MACHINE = [
    Interpreter(Path("/a"), "3.9.2", "system"),
    Interpreter(Path("/b"), "3.9.18", "pyenv"),
    Interpreter(Path("/c"), "3.9.18", "uv"),
    Interpreter(Path("/d"), "3.12.1", "pyenv"),
    Interpreter(Path("/e"), "3.6.15", "pyenv"),
]


@pytest.mark.parametrize(
    ("wish", "path"),
    [
        ("3.9", "/b"),
        ("3.9.2", "/a"),
        ("3.9.7", "/b"),
        ("3.12", "/d"),
        ("3", "/d"),
        (">=3.8,<3.10", "/b"),
        ("<3.7", None),
        ("3.6", None),
        ("3.10", None),
        ("2.7", None),
    ],
)
def test_the_one_that_fits_best(wish, path):
    best = best_interpreter(wish, MACHINE)

    assert (best and str(best.path)) == path


@pytest.mark.parametrize(
    ("version", "too_old"),
    [("2", True), ("2.7", True), ("3.6.8", True), ("3", False), ("3.7", False), (">=3.6", False)],
)
def test_what_is_too_old(version, too_old):
    assert is_too_old(version) is too_old

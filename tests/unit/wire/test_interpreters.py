"""The wire on every Python of this machine that it promises to run on."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
SELF_CHECK = ROOT / "tests" / "support" / "wire_self_check.py"
OLDEST = (3, 8)
ASK = "import sys; print(*sys.version_info[:2], sys.executable)"


def candidates() -> list[str]:
    """Return what may be an interpreter: on the PATH, of pyenv, of uv."""
    found = [sys.executable, shutil.which("python3"), shutil.which("pypy3")]
    found += [shutil.which(f"python3.{minor}") for minor in range(OLDEST[1], 20)]
    home = Path.home()
    installed = [
        *home.glob(".pyenv/versions/*/bin/python"),
        *home.glob(".local/share/uv/python/*/bin/python3"),
    ]
    return [*filter(None, found), *map(str, installed)]


def interpreters() -> dict[str, str]:
    """Return the interpreters that start and are young enough, one of each version."""
    versions: dict[str, str] = {}
    for path in candidates():
        answer = subprocess.run([path, "-c", ASK], capture_output=True, text=True)
        if answer.returncode == 0:
            major, minor, executable = answer.stdout.strip().split(" ", 2)
            if (int(major), int(minor)) >= OLDEST:
                versions.setdefault(f"{major}.{minor}", executable)
    return versions


def test_the_wire_is_right_on_every_interpreter() -> None:
    found = interpreters()
    assert found
    wrong = {}
    for version, path in found.items():
        done = subprocess.run(
            [path, "-W", "error", SELF_CHECK],
            capture_output=True,
            text=True,
            env={"PYTHONPATH": str(ROOT / "engine"), "PYTHONDONTWRITEBYTECODE": "1"},
        )
        if done.returncode != 0 or not done.stdout.startswith("right on"):
            wrong[version] = done.stdout + done.stderr
    assert not wrong

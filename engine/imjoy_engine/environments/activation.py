"""What activating an environment of conda would set, found out once: no shell is needed later.

Some packages of conda tell others by variables where their data are. Their scripts are run when the
environment has been made, and what they changed is kept with it.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from imjoy_engine.environments.builder import Attempt
from imjoy_engine.environments.commands import command_variables
from imjoy_engine.processes import Command, Ladder, ProcessTree

__all__ = ["activated"]

# Everything but the variables themselves goes to standard error, as a script may print.
_SCRIPT = """
exec 3>&1 1>&2
for script in "$CONDA_PREFIX"/etc/conda/activate.d/*.sh; do
    if [ -f "$script" ]; then . "$script"; fi
done
env -0 >&3
"""
_OF_SHELLS = ("PATH", "PWD", "OLDPWD", "SHLVL", "_", "LC_CTYPE")


async def activated(prefix: Path, machine: Mapping[str, str], attempt: Attempt) -> dict[str, str]:
    """Return the variables that processes in the conda environment at `prefix` should have.

    A script that fails sets nothing, and its words go to the log.
    """
    found = {"CONDA_PREFIX": str(prefix), **await asyncio.to_thread(_written_down, prefix)}
    path = machine.get("PATH", os.defpath)
    shell = await asyncio.to_thread(shutil.which, "bash", path=path)
    if shell is None or not await asyncio.to_thread(_has_scripts, prefix):
        return found
    before = {**await asyncio.to_thread(command_variables, prefix, machine), **found}
    printed, words = bytearray(), bytearray()
    tree = await ProcessTree.start(
        Command((shell, "--noprofile", "--norc", "-c", _SCRIPT), before, prefix, grace_s=0),
        lambda stream, chunk: (printed if stream == "stdout" else words).extend(chunk),
    )
    try:
        report = await tree.wait()
    finally:
        await tree.stop(Ladder.at_once())
    attempt.log.append("$ activate")
    attempt.log.extend(words.decode(errors="replace").splitlines())
    if report.exit_code != 0:
        return found
    for entry in printed.decode(errors="replace").split("\0"):
        name, equals, value = entry.partition("=")
        if equals and name not in _OF_SHELLS and before.get(name) != value:
            found[name] = value
    return found


def _has_scripts(prefix: Path) -> bool:
    return any(prefix.glob("etc/conda/activate.d/*.sh"))


def _written_down(prefix: Path) -> dict[str, str]:
    """Return the variables that packages and people have left in files; blocks."""
    found: dict[str, str] = {}
    for file in [*sorted(prefix.glob("etc/conda/env_vars.d/*.json")), prefix / "conda-meta/state"]:
        try:
            said = json.loads(file.read_bytes())
        except (OSError, ValueError):
            continue
        said = said.get("env_vars", {}) if file.name == "state" else said
        found.update({str(name): str(value) for name, value in said.items()})
    return found

"""`imjoy-engine doctor`: what this machine has for plugins, and what it lacks."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import psutil
from rich.console import Console
from rich.table import Table
from uv import find_uv_bin

from imjoy_engine import __version__
from imjoy_engine.cli.running import as_json, workspace_option
from imjoy_engine.config import default_store, process_environment
from imjoy_engine.environments.interpreters import find_interpreters, is_too_old
from imjoy_engine.resources import NvmlProbe
from imjoy_engine.resources.cgroups import find_cgroups
from imjoy_engine.resources.quantities import bytes_in_words

__all__ = ["Finding", "doctor", "examine"]

_FEW_FILES = 4096
_LITTLE_SPACE_BYTES = 5_000_000_000
_MARKS = {"good": "[green]✓[/]", "lacking": "[yellow]-[/]", "broken": "[red]✗[/]"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: good, lacking (plugins run without), or broken (none runs)."""

    what: str
    verdict: str
    words: str


@click.command()
@workspace_option
@as_json
def doctor(workspace: Path, as_json: bool) -> None:
    """Look at what plugins need of this machine. Exit code 1 when no plugin can run."""
    found = list(examine(workspace.expanduser().absolute()))
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in found], indent=2))
    else:
        grid = Table.grid(padding=(0, 1))
        for finding in found:
            grid.add_row(_MARKS[finding.verdict], finding.what, finding.words)
        Console(highlight=False).print(grid)
    if any(finding.verdict == "broken" for finding in found):
        sys.exit(1)


def examine(workspace: Path) -> Iterator[Finding]:
    """Yield what was found, the most important first; an engine would run on `workspace`."""
    python = f"Python {platform.python_version()}, {platform.system()}"
    yield Finding("engine", "good", f"{__version__} on {python}")
    for look in (_uv, _pythons, _store):
        yield look()
    yield _place("workspace", workspace, "choose another with --workspace")
    for look in (_gpus, _cgroups, _shared_memory, _files, _machine):
        yield look()
    for name in ("podman", "docker", "apptainer", "bwrap"):
        path = shutil.which(name)
        yield Finding(name, "good" if path else "lacking", path or "not installed")


def _uv() -> Finding:
    try:
        said = subprocess.run(
            [find_uv_bin(), "--version"], capture_output=True, text=True, check=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError) as error:
        return Finding("uv", "broken", f"environments cannot be built: {error}")
    return Finding("uv", "good", said.stdout.strip().removeprefix("uv "))


def _pythons() -> Finding:
    found = asyncio.run(find_interpreters(process_environment()))
    versions = {entry.version for entry in found}
    usable = any(not is_too_old(version) for version in versions)
    return Finding("Pythons", "good" if usable else "lacking", _pythons_in_words(versions))


def _pythons_in_words(versions: set[str]) -> str:
    in_order = sorted(versions, key=_as_numbers)
    usable = ", ".join(version for version in in_order if not is_too_old(version)) or "none"
    too_old = ", ".join(version for version in in_order if is_too_old(version))
    return f"{usable} (too old for plugins: {too_old})" if too_old else usable


def _as_numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def _store() -> Finding:
    return _place("store", default_store(), "set IMJOY_ENGINE_STORE")


def _place(what: str, path: Path, remedy: str) -> Finding:
    """Say whether a directory can be written, or made where it is not there yet."""
    place = next(parent for parent in (path, *path.parents) if parent.exists())
    if not place.is_dir() or not os.access(place, os.W_OK):
        return Finding(what, "broken", f"{path} cannot be written: {remedy}")
    free = shutil.disk_usage(place).free
    verdict = "good" if free > _LITTLE_SPACE_BYTES else "lacking"
    return Finding(what, verdict, f"{path}, {bytes_in_words(free)} free")


def _gpus() -> Finding:
    inventory = NvmlProbe(process_environment()).inventory()
    if not inventory.gpus:
        return Finding("GPUs", "lacking", inventory.reason)
    cards = [
        f"{gpu.index}: {gpu.name}, {bytes_in_words(gpu.memory_total_bytes)}, {gpu.uuid}"
        for gpu in inventory.gpus
    ]
    return Finding("GPUs", "good", "; ".join(cards))


def _cgroups() -> Finding:
    home = find_cgroups(enter=False)
    if isinstance(home, str):
        return Finding("limits", "lacking", f"kept by the engine itself. {home}")
    return Finding("limits", "good", f"kept by control groups, version {home.version}")


def _shared_memory() -> Finding:
    place = Path("/dev/shm")
    if not os.access(place, os.W_OK):
        return Finding("shared memory", "lacking", "none: arrays between plugins go by sockets")
    return Finding("shared memory", "good", f"{bytes_in_words(shutil.disk_usage(place).free)} free")


def _files() -> Finding:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    verdict = "good" if soft >= _FEW_FILES else "lacking"
    return Finding("open files", verdict, f"{soft} at the same time (up to {hard} may be set)")


def _machine() -> Finding:
    memory = psutil.virtual_memory()
    words = f"{bytes_in_words(memory.available)} of {bytes_in_words(memory.total)} memory free"
    return Finding("machine", "good", f"{os.cpu_count()} processors, {words}")

"""Who holds an environment that cannot be removed, in words: plugins, or an engine's own spare."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from imjoy_engine.cli.running import running_engine
from imjoy_engine.config import STATE_DIR_NAME
from imjoy_engine.environments import StoredEnvironment
from imjoy_engine.errors import ConflictError, EngineError

__all__ = ["in_use"]


@dataclass(frozen=True, slots=True)
class _Engine:
    """An engine that holds the environment: its process, its workspace, what runs there."""

    process: psutil.Process
    workspace: Path
    plugins: list[dict[str, Any]]


def in_use(one: StoredEnvironment, lock: Path) -> ConflictError:
    """Return the error for an environment whose file lock others hold: which, and how to end it."""
    for engine in _engines(lock):
        plugins = [each for each in engine.plugins if _runs_in(one, each["pid"])]
        where = f"the engine on {engine.workspace}"
        if plugins:
            names = sorted({str(each["name"]) for each in plugins})
            return ConflictError(
                f"The environment {one.key} is in use by {', '.join(names)} of {where}.",
                hint=f"End it: imjoy-engine kill {shlex.quote(names[0])} "
                f"--workspace {shlex.quote(str(engine.workspace))}",
            )
        for spare in _spares(engine, one):
            return ConflictError(
                f"No plugin runs in the environment {one.key}, but {where} keeps an interpreter "
                "there for the next one.",
                hint="It ends when no plugin wanted it for 10 minutes. To end it now: "
                f"kill {spare}, then try again.",
            )
    return ConflictError(
        f"The environment {one.key} is in use.",
        hint="Stop the plugins that run in it, then try again.",
    )


def _engines(lock: Path) -> Iterator[_Engine]:
    """Yield the engines that hold this file, as far as this person may see them."""
    lock = lock.resolve()  # the system's paths have no links in them
    for process in psutil.process_iter():
        try:
            paths = [Path(file.path) for file in process.open_files()]
        except psutil.Error:
            continue
        if lock not in paths:
            continue
        for path in paths:
            if path.parts[-2:] == (STATE_DIR_NAME, "engine.json"):
                workspace = path.parent.parent
                try:
                    said = running_engine(workspace).ask("/api/engine/status")
                except EngineError:
                    continue
                yield _Engine(process, workspace, said["plugins"])


def _spares(engine: _Engine, one: StoredEnvironment) -> Iterator[int]:
    """Yield the processes of an engine in that environment which are no plugin's."""
    try:
        below = engine.process.children(recursive=True)
    except psutil.Error:
        return
    for process in below:
        if _runs_in(one, process.pid):
            yield process.pid


def _runs_in(one: StoredEnvironment, pid: int | None) -> bool:
    if pid is None:
        return False
    try:
        argv = psutil.Process(pid).cmdline()
    except psutil.Error:
        return False
    return bool(argv) and Path(argv[0]).is_relative_to(one.prefix)

"""Starts workers on this machine, each behind a shim that ends its whole tree."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

from imjoy_engine.errors import PluginStartError
from imjoy_engine.processes import (
    Command,
    ExitReport,
    Ladder,
    OnOutput,
    ProcessTree,
    Shims,
    find_kept,
    scrubbed,
    start_kept,
)
from imjoy_engine.provisioners.base import LaunchSpec

__all__ = ["LocalProvisioner", "make_work_dir", "worker_command"]


class LocalProvisioner:
    """The provisioner of the engine's own machine.

    `environment` are the machine's variables, which workers inherit scrubbed; `grace_s` is how long
    a worker may take to leave when the engine itself has died; `shims` is where what holds them
    comes from.
    """

    name = "local"

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        grace_s: float = 2.0,
        shims: Shims | None = None,
    ) -> None:
        self._environment = dict(environment)
        self._grace_s = grace_s
        self._shims = shims or Shims()

    async def launch(self, spec: LaunchSpec, on_output: OnOutput) -> LocalWorker:
        """Return a worker whose process runs; it may not have connected yet.

        Raises `PluginStartError` when the interpreter, the zipapp or the work directory cannot be
        used.
        """
        await asyncio.to_thread(_prepare, spec)
        command = worker_command(spec, self._environment, grace_s=self._grace_s)
        try:
            if spec.kept is not None:
                return LocalWorker(await start_kept(command, spec.kept, on_output, self._shims))
            return LocalWorker(await ProcessTree.start(command, on_output, self._shims))
        except OSError as error:
            raise PluginStartError(
                f"The interpreter {spec.python} could not be started: {error.strerror}.",
                hint="Remove the environment so that it is built again.",
            ) from error

    async def find(self, directory: Path, identity: str, on_output: OnOutput) -> LocalWorker | None:
        """Return the worker that an earlier engine kept there; None when it has ended."""
        tree = await find_kept(directory, identity, on_output)
        return None if tree is None else LocalWorker(tree)


class LocalWorker:
    """A worker on this machine."""

    def __init__(self, tree: ProcessTree) -> None:
        self._tree = tree

    @property
    def pid(self) -> int:
        """The worker's process id."""
        return self._tree.pid

    @property
    def holder_pid(self) -> int:
        """The process that holds the worker's tree; SIGTERM to it ends the tree."""
        return self._tree.holder_pid

    def keep(self) -> None:
        """Let the worker live on when this engine dies."""
        self._tree.keep()

    async def leave(self) -> None:
        """Let the worker live on without this engine."""
        await self._tree.leave()

    async def wait(self) -> ExitReport:
        """Return how the worker ended, once nothing of its tree lives and its output is read."""
        return await self._tree.wait()

    async def stop(self, ladder: Ladder) -> ExitReport:
        """Return how the worker ended; nothing of its tree lives then, cancelled or not."""
        return await self._tree.stop(ladder)


def make_work_dir(path: Path) -> None:
    """Make a work directory that is not there yet; blocks. Raises `PluginStartError`."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PluginStartError(
            f"The work directory {path} cannot be made: {error.strerror}.",
            hint="Make it, or choose another workspace.",
        ) from error


def worker_command(spec: LaunchSpec, machine: Mapping[str, str], *, grace_s: float) -> Command:
    """Return what starts the worker: its ticket travels in a variable, which `ps` does not show."""
    variables = {
        **scrubbed(machine),
        **spec.environment,
        "PATH": os.pathsep.join((str(spec.python.parent), machine.get("PATH", os.defpath))),
        "VIRTUAL_ENV": str(spec.prefix),
        "PYTHONNOUSERSITE": "1",
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf-8",
        "IMJOY_TICKET": spec.ticket,
    }
    argv = [str(spec.python), "-s", "-u", str(spec.worker), "--connect", spec.address]
    return Command(
        argv,
        variables,
        spec.work_dir,
        held_fds=spec.held_fds,
        grace_s=grace_s,
        read_only=spec.read_only,
        writable=(spec.prefix,) if spec.private else (),
    )


def _prepare(spec: LaunchSpec) -> None:
    """Make the work directory; raise what would otherwise be a riddle; blocks."""
    make_work_dir(spec.work_dir)
    if not spec.worker.exists():
        raise PluginStartError(
            f"The worker {spec.worker} is missing from this installation.",
            hint="Run `make build` in a checkout, or install the engine again.",
        )

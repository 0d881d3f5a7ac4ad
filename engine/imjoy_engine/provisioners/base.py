"""The port through which workers are started somewhere.

What is not here: what a worker says once it runs (the transport), and when to start one again (the
supervisor).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from imjoy_engine.processes import ExitReport, KeptPlace, Ladder, OnOutput

__all__ = ["LaunchSpec", "Provisioner", "WorkerProcess"]


@dataclass(frozen=True, slots=True)
class LaunchSpec:
    """Everything needed to start one worker.

    `python` is the environment's interpreter and `prefix` its directory; `worker` is the script it
    runs; `address` is where it connects back to (`unix:<path>`), with `ticket` as its one-time
    right to do so; `environment` is what this worker's variables have beyond the machine's own.
    `held_fds` stay open until the worker's tree is gone, even when the engine is not: file locks
    on what it uses. With `kept` it may outlive the engine, once `keep` was called.
    It cannot write into the folders of `read_only`, which others share; a `private` prefix within
    them is its own.
    """

    python: Path
    prefix: Path
    worker: Path
    address: str
    ticket: str = field(repr=False)
    work_dir: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    held_fds: tuple[int, ...] = ()
    read_only: tuple[Path, ...] = ()
    private: bool = False
    kept: KeptPlace | None = None


class WorkerProcess(Protocol):
    """One started worker and everything that it started itself."""

    @property
    def pid(self) -> int:
        """The worker's process id where it runs."""
        ...

    @property
    def holder_pid(self) -> int:
        """The process that holds the worker's tree where it runs; SIGTERM to it ends the tree."""
        ...

    def keep(self) -> None:
        """Let the worker live on when this engine dies. Only for one that was launched `kept`."""
        ...

    async def leave(self) -> None:
        """Let the worker live on without this engine, which hears no more of it. After `keep`."""
        ...

    async def wait(self) -> ExitReport:
        """Return how the worker ended, once nothing of its tree lives and its output is read.

        Any number of callers may wait, also after the end. Cancelling a wait ends nothing.
        """
        ...

    async def stop(self, ladder: Ladder) -> ExitReport:
        """Return how the worker ended, after going down the ladder as far as was needed.

        Called by the supervisor. When it returns, and also when it is cancelled and raises, nothing
        of the tree lives. A second stop joins the first; a shorter ladder hurries it.

        Raises `MachineError` when the operating system would not let go of a killed process within
        `ladder.kill_s`.
        """
        ...


class Provisioner(Protocol):
    """Starts workers somewhere: on this machine, in a container, on a cluster."""

    @property
    def name(self) -> str:
        """What logs and the page call this place."""
        ...

    async def launch(self, spec: LaunchSpec, on_output: OnOutput) -> WorkerProcess:
        """Return a worker whose process runs; it may not have connected yet.

        Its work directory is made where it is not there. Called by the supervisor, which owns the
        worker from here on and must `stop` it. Cancelled, it leaves no process behind. What the
        worker prints goes to `on_output` until it ended.

        Raises `PluginStartError` when the interpreter, the zipapp or the work directory cannot be
        used.
        """
        ...

    async def find(
        self, directory: Path, identity: str, on_output: OnOutput
    ) -> WorkerProcess | None:
        """Return the worker that an earlier engine kept in `directory`; None when it has ended.

        `identity` is what `identity_of` said of its holder. Called by the supervisor, which owns
        the worker from here on.
        """
        ...

"""A process tree that may outlive the engine: the engine's side of `keeper.py`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from imjoy_engine.errors import MachineError
from imjoy_engine.processes.ends import Ends, ShimProcess, Witness
from imjoy_engine.processes.identity import identity_of
from imjoy_engine.processes.report import Exit, ExitReport
from imjoy_engine.processes.tree import Command, OnOutput, ProcessTree, mounts_of

__all__ = ["KeptPlace", "end_of_kept", "find_kept", "start_kept"]

_KEEPER = Path(__file__).with_name("keeper.py")
_SOCKET, _ENDING = "keeper.sock", "ending"
_ANSWER_S = 10.0


@dataclass(frozen=True, slots=True)
class KeptPlace:
    """Where a tree that may outlive the engine is found again, and what holds without an engine.

    `directory` (mode 0700) holds its socket; output goes to `log`, replaced once when it exceeds
    `max_log_bytes`; after `limit_s` seconds without an engine the tree is ended.
    """

    directory: Path
    log: Path
    max_log_bytes: int
    limit_s: float


async def start_kept(command: Command, place: KeptPlace, on_output: OnOutput) -> ProcessTree:
    """Return the tree of a command that runs, and lives on when this engine dies or leaves it.

    Cancelled, leave nothing behind. Raises as `ProcessTree.start`, and `MachineError` when the
    directory cannot hold a socket.
    """
    return await ProcessTree.begun(_start(command, place, on_output))


async def _start(command: Command, place: KeptPlace, on_output: OnOutput) -> ProcessTree:
    ours, theirs = socket.socketpair()
    try:
        with theirs:
            keeper = await asyncio.to_thread(lambda: ShimProcess(_spawn(command, place, theirs)))
    except BaseException:
        ours.close()
        raise
    try:
        tree = await _joined(ours, keeper, on_output)
    except BaseException:
        keeper.kill()
        await asyncio.to_thread(keeper.wait)
        raise
    await tree.started()
    return tree


async def find_kept(directory: Path, identity: str, on_output: OnOutput) -> ProcessTree | None:
    """Return the tree whose keeper, known by `identity`, waits there; None when it has ended."""
    try:
        keeper = await asyncio.to_thread(_Found.of, identity)
        connection = await asyncio.to_thread(_connect, directory)
    except (OSError, LookupError):
        return None
    try:
        tree = await _joined(connection, keeper, on_output)
    except MachineError:
        return None
    await tree.started()
    return tree


def end_of_kept(directory: Path) -> ExitReport | None:
    """Return how a tree ended that no engine saw end; None when nobody knows."""
    try:
        lines = (directory / _ENDING).read_text().splitlines()
    except OSError:
        return None
    reports = {line.split()[0]: line.split()[1:] for line in lines if line.strip()}
    if "exited" not in reports:
        return None
    report = Exit.of(reports["exited"]).told(int(reports["exited"][0]), asked=None)
    if "expired" in reports:
        return replace(report, words="ended: no engine came for it in time")
    return report


class _Found(Witness):
    """A keeper that another engine has started."""

    def __init__(self, process: psutil.Process) -> None:
        super().__init__()
        self._process = process
        self.pid = process.pid

    @classmethod
    def of(cls, identity: str) -> _Found:
        """Return the keeper; LookupError when the process of this identity has ended."""
        pid = int(identity.split()[-2])
        if identity_of(pid) != identity:
            raise LookupError(identity)
        return cls(psutil.Process(pid))

    def wait(self) -> None:
        """Return when it has ended."""
        with contextlib.suppress(psutil.Error):
            self._process.wait()

    def kill(self) -> None:
        """End it at once; the tree's leader dies with it."""
        with contextlib.suppress(psutil.Error):
            self._process.kill()

    def leave(self) -> None:
        """Expect nothing more of it: it was never ours."""


async def _joined(
    connection: socket.socket, holder: ShimProcess | _Found, on_output: OnOutput
) -> ProcessTree:
    """Return the tree behind a connection, which it owns from now on."""
    connection.settimeout(_ANSWER_S)
    try:
        said, fds, _, _ = await asyncio.to_thread(socket.recv_fds, connection, 4096, 2)
    except OSError as error:
        connection.close()
        raise MachineError("A keeper does not answer.") from error
    if len(fds) != 2:
        connection.close()
        raise _not_kept(said)
    connection.setblocking(True)
    orders = connection.detach()
    return ProcessTree(holder, Ends(orders, os.dup(orders), *fds), on_output, said)


def _not_kept(said: bytes) -> MachineError:
    kind, _, number = said.decode().partition(" ")
    if kind == "unkept":
        return MachineError(
            f"The workspace cannot hold a socket: {os.strerror(int(number))}.",
            hint="A plugin that may detach needs a workspace on a local disk.",
        )
    return MachineError(
        f"The engine's interpreter {sys.executable} could not start a process.",
        hint="Check that it still runs: it may have been upgraded or removed.",
    )


def _spawn(
    command: Command, place: KeptPlace, connection: socket.socket
) -> subprocess.Popen[bytes]:
    place.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    place.log.parent.mkdir(parents=True, exist_ok=True)
    words = [
        str(place.directory),
        ",".join(map(str, command.held_fds)) or "-",
        str(command.grace_s),
        str(place.limit_s),
        str(place.log),
        str(place.max_log_bytes),
        mounts_of(command),
    ]
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(_KEEPER), *words, *command.argv],
        stdin=connection.fileno(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=command.held_fds,
        env=dict(command.environment),
        cwd=command.cwd,
        start_new_session=True,
    )


def _connect(directory: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    try:
        path = str(directory / _SOCKET)
        if sys.platform.startswith("linux"):
            # The path of a socket has at most 108 bytes; this one is short wherever it leads.
            handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
            try:
                connection.connect(f"/proc/self/fd/{handle}/{_SOCKET}")
            finally:
                os.close(handle)
        else:
            connection.connect(path)
    except BaseException:
        connection.close()
        raise
    return connection

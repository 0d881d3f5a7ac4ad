"""A process tree that may outlive the engine: the engine's side of `keeper.py`."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from imjoy_engine.errors import MachineError
from imjoy_engine.processes.command import Command
from imjoy_engine.processes.ends import Ends, Holder, StrangerProcess
from imjoy_engine.processes.identity import identity_of
from imjoy_engine.processes.report import Exit, ExitReport
from imjoy_engine.processes.shims import Shims
from imjoy_engine.processes.tree import OnOutput, ProcessTree

__all__ = ["KeptPlace", "end_of_kept", "find_kept", "keeper_of", "start_kept"]

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


async def start_kept(
    command: Command, place: KeptPlace, on_output: OnOutput, shims: Shims
) -> ProcessTree:
    """Return the tree of a command that runs, and lives on when this engine dies or leaves it.

    Cancelled, leave nothing behind. Raises as `ProcessTree.start`, and `MachineError` when the
    directory cannot hold a socket.
    """
    return await ProcessTree.begun(_start(command, place, on_output, shims))


async def _start(
    command: Command, place: KeptPlace, on_output: OnOutput, shims: Shims
) -> ProcessTree:
    keeper, connection = await asyncio.to_thread(_keeper, command, place, shims)
    try:
        tree = await _joined(connection, keeper, on_output)
    except BaseException:
        await asyncio.to_thread(keeper.kill)
        await asyncio.to_thread(keeper.wait)
        raise
    await tree.started()
    return tree


async def find_kept(directory: Path, identity: str, on_output: OnOutput) -> ProcessTree | None:
    """Return the tree whose keeper, known by `identity`, waits there; None when it has ended."""
    try:
        keeper = await asyncio.to_thread(_found, identity)
        connection = await asyncio.to_thread(_connect, directory)
    except (OSError, LookupError):
        return None
    try:
        tree = await _joined(connection, keeper, on_output)
    except MachineError:
        return None
    await tree.started()
    return tree


def keeper_of(directory: Path) -> int | None:
    """Return the process that keeps a tree there; None when none does, or it cannot be known."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        with _connect(directory) as connection:
            whole = struct.calcsize("3i")
            said = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, whole)
    except OSError:
        return None
    pid, _, _ = struct.unpack("3i", said)
    return int(pid)


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


def _found(identity: str) -> Holder:
    """Return the keeper; LookupError when the process of this identity has ended."""
    pid = int(identity.split()[-2])
    if identity_of(pid) != identity:
        raise LookupError(identity)
    try:
        return StrangerProcess(pid)
    except psutil.NoSuchProcess as error:
        raise LookupError(identity) from error


async def _joined(connection: socket.socket, holder: Holder, on_output: OnOutput) -> ProcessTree:
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


def _keeper(command: Command, place: KeptPlace, shims: Shims) -> tuple[Holder, socket.socket]:
    place.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    place.log.parent.mkdir(parents=True, exist_ok=True)
    where = (place.directory, place.limit_s, place.log, place.max_log_bytes)
    return shims.keeper(command, *map(str, where))


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

"""One engine per workspace: a lock that the kernel releases whatever happens."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from imjoy_engine.errors import MachineError, WorkspaceTakenError

__all__ = ["WorkspaceLock", "locked_workspace"]


class WorkspaceLock:
    """The held lock; `describe` writes into it who holds it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def describe(self, **record: Any) -> None:
        """Say who holds the workspace, for the sentence that refuses a second engine."""
        content = json.dumps({"pid": os.getpid(), **record}).encode()
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, content, 0)


@contextmanager
def locked_workspace(state_dir: Path) -> Iterator[WorkspaceLock]:
    """Hold the workspace while the block runs.

    WorkspaceTakenError names the engine that holds it; MachineError when it cannot be written.
    """
    path = state_dir / "engine.json"
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise MachineError(
            f"The workspace {state_dir.parent} cannot be used: {error.strerror}.",
            hint="Choose another directory with --workspace.",
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _taken(state_dir.parent, descriptor) from None
        yield WorkspaceLock(descriptor)
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _taken(workspace: Path, descriptor: int) -> WorkspaceTakenError:
    try:
        holder = json.loads(os.pread(descriptor, 4096, 0))
    except ValueError:
        holder = {}
    where = f" at {holder['url']}" if "url" in holder else ""
    process = f" (process {holder['pid']})" if "pid" in holder else ""
    return WorkspaceTakenError(
        f"Another engine{process} already runs{where} on the workspace {workspace}.",
        hint="Use that one, stop it, or choose another directory with --workspace.",
    )

"""Whether what is shared can be kept from being written to.

Rights on files stop everybody but a superuser. A superuser's plugins are stopped by read-only
mounts of their own, where the system lets an engine make them (many containers do not). Where
neither holds, nothing is shared: every plugin gets an environment of its own.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path

from imjoy_engine.environments.protect import remove_tree
from imjoy_engine.processes import Command, Ladder, ProcessTree

__all__ = ["WriteGuard"]


class WriteGuard:
    """Finds out once, by trying, below `folder`, which must be on the disk of the store."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._answer: bool | None = None
        self._turn = asyncio.Lock()

    async def holds(self) -> bool:
        """Return whether a process cannot write to what is write-protected and mounted read-only.

        Raises OSError when the folder cannot be used.
        """
        async with self._turn:
            if self._answer is None:
                self._answer = os.geteuid() != 0 or await self._tried()
            return self._answer

    async def _tried(self) -> bool:
        target = await asyncio.to_thread(self._prepare)
        try:
            command = Command(
                ("/bin/sh", "-c", ': >> "$0"', str(target / "file")),
                {},
                Path("/"),
                read_only=(target,),
            )
            tree = await ProcessTree.start(command, lambda stream, chunk: None)
            try:
                return (await tree.wait()).exit_code != 0
            finally:
                await tree.stop(Ladder.at_once())
        finally:
            await asyncio.to_thread(remove_tree, target)

    def _prepare(self) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        target = Path(tempfile.mkdtemp(dir=self._folder))
        (target / "file").touch(mode=0o444)
        return target

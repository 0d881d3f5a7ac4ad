"""Python's own compiled files, made in the background once an environment has been used.

uv leaves them out, since they take several times as long as all the rest; without them every start
of a plugin would compile its libraries again, as it may not write into a shared environment. Only
the folders made for them can be written to meanwhile, and only while they are made.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import stat
from collections.abc import Mapping
from pathlib import Path

from imjoy_engine.clock import Clock, SystemClock
from imjoy_engine.environments.commands import command_variables
from imjoy_engine.environments.filelock import FileLock
from imjoy_engine.environments.shelf import Shelf, read_object, write_object
from imjoy_engine.processes import Command, Ladder, ProcessTree, outlast

__all__ = ["BytecodeCompiler"]

_LOG = logging.getLogger(__name__)
_DELAY_S = 5.0
# As the least important process of the machine: whoever wants the processors gets them.
_SCRIPT = """
import compileall, os, sys
os.nice(19)
if hasattr(os, "SCHED_IDLE"):
    try:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    except OSError:
        pass
sys.exit(not compileall.compile_dir(sys.argv[1], maxlevels=30, quiet=2, force=False))
"""


class BytecodeCompiler:
    """Compiles environments of the store at `root`, one after the other, `delay_s` after their use.

    The plugin that was just started has the machine first.
    """

    def __init__(
        self,
        root: Path,
        machine: Mapping[str, str],
        clock: Clock | None = None,
        *,
        delay_s: float = _DELAY_S,
    ) -> None:
        self._shelf = Shelf(root)
        self._machine = dict(machine)
        self._clock = clock or SystemClock()
        self._delay_s = delay_s
        self._turn = asyncio.Lock()
        self._seen: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def want(self, key: str) -> None:
        """Have the environment of that key compiled soon, unless it was."""
        if key in self._seen:
            return
        self._seen.add(key)
        task = asyncio.get_running_loop().create_task(self._compiled(key), name=f"compile {key}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finished(self) -> None:
        """Return when nothing is compiled or waits to be."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self) -> None:
        """Return when nothing is compiled any more; what is half done is done again later."""
        for task in self._tasks:
            task.cancel()
        await self.finished()

    async def _compiled(self, key: str) -> None:
        if await asyncio.to_thread(self._is_done, key):
            return
        await self._clock.sleep(self._delay_s)
        async with self._turn:
            # An environment that is leased is not removed; the lock keeps other engines away.
            lease = await asyncio.to_thread(self._shelf.leased, key)
            if lease is None:
                return
            turn = FileLock.exclusive(self._shelf.root / "locks" / f"{key}.bytecode")
            try:
                if turn is not None and not lease.private:
                    await self._compile(key, lease.prefix)
            except OSError as error:
                _LOG.info("Environment %s is not compiled: %s", key, error)
            finally:
                if turn is not None:
                    turn.release()
                lease.release()

    async def _compile(self, key: str, prefix: Path) -> None:
        folders = await asyncio.to_thread(_sites, prefix)
        if not folders or prefix != self._shelf.prefix(key):
            return
        caches = await asyncio.to_thread(_caches, folders)
        try:
            await asyncio.to_thread(_set_mode, caches, 0o755)
            for folder in folders:
                await self._run(prefix, folder)
            await asyncio.to_thread(self._mark, key)
        finally:
            await outlast(asyncio.ensure_future(asyncio.to_thread(_set_mode, caches, 0o555)))

    async def _run(self, prefix: Path, folder: Path) -> None:
        argv = (str(prefix / "bin" / "python"), "-I", "-c", _SCRIPT, str(folder))
        variables = await asyncio.to_thread(command_variables, prefix, self._machine)
        command = Command(argv, variables, Path("/"), grace_s=0)
        tree = await ProcessTree.start(command, lambda stream, chunk: None)
        try:
            # A file that cannot be compiled, for a later Python for example, is nobody's fault.
            await tree.wait()
        finally:
            await tree.stop(Ladder.at_once())

    def _is_done(self, key: str) -> bool:
        mark = read_object(self._place(key))
        manifest = self._shelf.manifest(key)
        return mark is not None and manifest is not None and mark == _mark_of(manifest)

    def _mark(self, key: str) -> None:
        place = self._place(key)
        place.parent.mkdir(exist_ok=True)
        write_object(place, _mark_of(self._shelf.manifest(key) or {}))

    def _place(self, key: str) -> Path:
        return self._shelf.root / "compiled" / f"{key}.json"


def _mark_of(manifest: Mapping[str, object]) -> dict[str, object]:
    return {"built_s": manifest.get("built_s")}


def _sites(prefix: Path) -> list[Path]:
    return list(prefix.glob("lib/python3.*/site-packages"))


def _caches(folders: list[Path]) -> list[Path]:
    return [cache for folder in folders for cache in folder.rglob("__pycache__")]


def _set_mode(folders: list[Path], mode: int) -> None:
    for folder in folders:
        with contextlib.suppress(OSError):
            if stat.S_IMODE(folder.stat().st_mode) != mode:
                folder.chmod(mode)

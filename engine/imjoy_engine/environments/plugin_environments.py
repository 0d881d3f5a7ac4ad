"""What a plugin wishes for, fulfilled by the store: the port that supervisors use.

First the wish is made whole (`completion.py`), then the lock that the plugin had before is looked
up (`records.py`); the store does the rest.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import tempfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from imjoy_engine.environments.builder import Attempt
from imjoy_engine.environments.bytecode import BytecodeCompiler
from imjoy_engine.environments.completion import Shelves, complete, is_complete
from imjoy_engine.environments.lease import NOBODY, EnvironmentLease, Owner
from imjoy_engine.environments.lock import Lock
from imjoy_engine.environments.progress import OnProgress
from imjoy_engine.environments.protect import remove_tree
from imjoy_engine.environments.records import LockRecords
from imjoy_engine.environments.spec import EnvironmentSpec
from imjoy_engine.environments.store import EnvironmentStore
from imjoy_engine.environments.wish import Terms
from imjoy_engine.errors import LockMissingError
from imjoy_engine.processes import outlast

__all__ = ["PluginEnvironments"]

_LOG = logging.getLogger(__name__)


class PluginEnvironments:
    """Fulfils the wishes of the plugins of one engine.

    `records` is where their locks are kept; `shelves` are where named environments are beside the
    `envs` of each work directory; `machine` are the engine's variables. With `locked`, only exactly
    what a lock says is built. `bytecode` compiles what was used.
    """

    def __init__(
        self,
        store: EnvironmentStore,
        records: Path,
        *,
        machine: Mapping[str, str],
        shelves: Shelves | None = None,
        locked: bool = False,
        bytecode: BytecodeCompiler | None = None,
    ) -> None:
        self._store = store
        self._records = LockRecords(records)
        self._machine = dict(machine)
        self._shelves = shelves or Shelves()
        self._locked = locked
        self._bytecode = bytecode
        self._writes: dict[str, asyncio.Task[None]] = {}

    async def ensure(
        self, spec: EnvironmentSpec, on_progress: OnProgress, owner: Owner = NOBODY
    ) -> EnvironmentLease:
        """Return a lease of an environment that fulfils `spec`, as the port says.

        Raises `LockMissingError` when only what is locked may be built, and this is not.
        """
        whole = await self._completed(spec, on_progress, owner)
        await self._written(owner)
        terms = Terms(owner)
        if self._locked:
            lock = await self._must_have(owner, whole)
            terms = Terms(owner, pinned=lock, exactly=True)
        kept = partial(self._records.read, owner, whole)
        lease, lock = await self._store.fulfil(whole, on_progress, terms, kept)
        return self._recorded(lease, lock, whole, owner)

    async def _must_have(self, owner: Owner, spec: EnvironmentSpec) -> Lock:
        lock = await asyncio.to_thread(self._records.read, owner, spec)
        if lock is None:
            raise LockMissingError(
                "The engine builds only what is locked, and there is no lock of this plugin's "
                "environment as it is now.",
                hint="Start the engine once without --locked, or bring the file of its lock: "
                f"{self._records.path(owner)}",
            )
        return lock

    async def update(
        self, spec: EnvironmentSpec, on_progress: OnProgress, owner: Owner = NOBODY
    ) -> EnvironmentLease:
        """Return a lease of an environment with the newest versions that fulfil `spec`.

        From now on these are what the plugin gets. Called when a person asks for it, and only then.
        """
        whole = await self._completed(spec, on_progress, owner)
        lease, lock = await self._store.fulfil(whole, on_progress, Terms(owner, fresh=True))
        return self._recorded(lease, lock, whole, owner)

    async def completed(
        self, spec: EnvironmentSpec, on_progress: OnProgress, owner: Owner = NOBODY
    ) -> EnvironmentSpec:
        """Return `spec` with everything that it refers to, which is fetched."""
        return await self._completed(spec, on_progress, owner)

    async def close(self) -> None:
        """Return when nothing is done in the background any more: every lock is written down."""
        if self._bytecode is not None:
            await self._bytecode.close()
        if self._writes:
            await asyncio.wait(self._writes.values())

    async def _completed(
        self, spec: EnvironmentSpec, on_progress: OnProgress, owner: Owner
    ) -> EnvironmentSpec:
        if is_complete(spec):
            return _with_pip(spec)
        work_dir = owner.work_dir or Path("/")
        await asyncio.to_thread(work_dir.mkdir, parents=True, exist_ok=True)
        async with _scratch(on_progress) as attempt:
            folders = (work_dir / "envs", *self._shelves.folders)
            shelves = replace(self._shelves, folders=folders)
            return _with_pip(await complete(spec, work_dir, shelves, self._machine, attempt))

    def _recorded(
        self, lease: EnvironmentLease, lock: Lock, spec: EnvironmentSpec, owner: Owner
    ) -> EnvironmentLease:
        """Have written down what the plugin has got; it need not wait for that."""
        lease.variables.update(spec.variables)
        if self._bytecode is not None:
            self._bytecode.want(lease.key)
        if owner.name and not self._locked:
            who, earlier = owner.identity, self._writes.get(owner.identity)
            writing = asyncio.get_running_loop().create_task(
                self._write(earlier, owner, spec, lock), name=f"lock of {owner.name}"
            )
            self._writes[who] = writing
            writing.add_done_callback(partial(self._forget, who))
        return lease

    async def _write(
        self, earlier: asyncio.Task[None] | None, owner: Owner, spec: EnvironmentSpec, lock: Lock
    ) -> None:
        if earlier is not None:
            await asyncio.wait((earlier,))
        try:
            await asyncio.to_thread(self._records.write, owner, spec, lock)
        except OSError as error:  # a full disk: the plugin runs, and the next start tries again
            _LOG.warning("The lock %s cannot be written: %s", self._records.path(owner), error)

    def _forget(self, who: str, writing: asyncio.Task[None]) -> None:
        if self._writes.get(who) is writing:
            del self._writes[who]

    async def _written(self, owner: Owner) -> None:
        """Return when the plugin's lock is the one that it got last."""
        if (writing := self._writes.get(owner.identity)) is not None:
            await asyncio.wait((writing,))


@contextlib.asynccontextmanager
async def _scratch(on_progress: OnProgress) -> AsyncIterator[Attempt]:
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp))
    try:
        yield Attempt(folder, on_progress)
    finally:
        await outlast(asyncio.ensure_future(asyncio.to_thread(remove_tree, folder)))


def _with_pip(spec: EnvironmentSpec) -> EnvironmentSpec:
    """Return `spec` with pip where its commands call for it: uv leaves it out."""
    words = {word for command in spec.commands for word in command.split()}
    if not words & {"pip", "pip3"} or spec.existing or spec.packed:
        return spec
    return replace(spec, pip=tuple(sorted({*spec.pip, "pip"})))

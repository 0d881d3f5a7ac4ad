"""Environments by content: built once, shared by all who need the same, never half there.

A wish is resolved to a lock once and stays with it. The lock's key names the prefix. Within this
process all who want one key share one build; between processes a file lock lets one build while the
others wait. What the directory looks like is said in `shelf.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import logging
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol, TypeVar

from imjoy_engine.clock import Clock, SystemClock
from imjoy_engine.environments.builder import Attempt, EnvironmentBuilder
from imjoy_engine.environments.lease import EnvironmentLease
from imjoy_engine.environments.lock import Lock, environment_key, spec_key
from imjoy_engine.environments.progress import (
    OnProgress,
    Phase,
    Progress,
    ProgressThrottle,
    counted,
)
from imjoy_engine.environments.shared_task import SharedTasks
from imjoy_engine.environments.shelf import Shelf
from imjoy_engine.environments.spec import EnvironmentSpec
from imjoy_engine.errors import (
    DiskFullError,
    EnvironmentBuildError,
    MachineError,
    PythonNotFoundError,
)
from imjoy_engine.processes import outlast

__all__ = ["EnvironmentStore"]

_LOG = logging.getLogger(__name__)
_LOCK_INTERVAL_S = 0.1


class _Releasable(Protocol):
    def release(self) -> None: ...


T = TypeVar("T")
H = TypeVar("H", bound=_Releasable)


class EnvironmentStore:
    """Grants leases of environments under `root`, which must be on a short path.

    Interpreter lines of scripts hold the whole path of a prefix, and the kernel reads only their
    first 127 characters.
    """

    def __init__(self, root: Path, builder: EnvironmentBuilder, clock: Clock | None = None) -> None:
        self._shelf = Shelf(root)
        self._builder = builder
        self._clock = clock or SystemClock()
        self._wishes: SharedTasks[EnvironmentLease] = SharedTasks(EnvironmentLease.release)
        self._builds: SharedTasks[EnvironmentLease] = SharedTasks(EnvironmentLease.release)

    async def ensure(self, spec: EnvironmentSpec, on_progress: OnProgress) -> EnvironmentLease:
        """Return a lease of an environment that fulfils `spec`, built first when none does.

        All callers that want the same environment share one build and see its progress. When the
        last of them is cancelled the build ends at once, and nothing of it is left.

        Raises `EnvironmentBuildError` with the tool's own words in `log_tail`, and `MachineError`
        when the store's directory cannot be used.
        """
        wish = spec_key(spec, self._builder.machine)
        heard = ProgressThrottle(on_progress)
        try:
            lease = await self._from_before(wish, spec)
            if lease is None:
                lease = await self._made(wish, spec, heard)
        except OSError as error:
            raise _told(error) from error
        heard(Progress(Phase.READY, message=f"Ready: {counted(len(lease.packages))}"))
        return lease

    async def _from_before(self, wish: str, spec: EnvironmentSpec) -> EnvironmentLease | None:
        def look() -> EnvironmentLease | None:
            lock = self._shelf.recorded_lock(wish)
            return None if lock is None else self._shelf.leased(self._key(lock, spec))

        return await _held(look)

    async def _made(
        self, wish: str, spec: EnvironmentSpec, on_progress: OnProgress
    ) -> EnvironmentLease:
        async with self._wishes.joined(
            wish, lambda publish: self._fulfil(wish, spec, publish), on_progress
        ) as shared:
            return await self._own(shared.key)

    async def _own(self, key: str) -> EnvironmentLease:
        """Return a lease of one's own, while somebody else's keeps the environment in place."""
        lease = await _held(lambda: self._shelf.leased(key))
        if lease is None:
            raise EnvironmentBuildError(
                "The environment vanished just after it was built.",
                hint="Somebody removed files from the store. Try again.",
            )
        return lease

    async def _fulfil(
        self, wish: str, spec: EnvironmentSpec, publish: OnProgress
    ) -> EnvironmentLease:
        await _thread(self._shelf.lay_out)
        lock = await _thread(self._shelf.recorded_lock, wish)
        if lock is None:
            return await self._build_shared(await self._resolve(wish, spec, publish), spec, publish)
        try:
            return await self._build_shared(lock, spec, publish)
        except EnvironmentBuildError as error:
            if error.fault == "machine" and not isinstance(error, PythonNotFoundError):
                raise
            # What was pinned long ago may have left the index, or the machine, since.
            newer = await self._resolve(wish, spec, publish)
            if newer == lock:
                raise
            return await self._build_shared(newer, spec, publish)

    async def _resolve(self, wish: str, spec: EnvironmentSpec, publish: OnProgress) -> Lock:
        async with self._attempt(wish, publish) as attempt:
            lock = await self._builder.resolve(spec, attempt)
        record = {
            "spec": json.loads(json.dumps(spec.identity(), default=asdict)),
            "machine": self._builder.machine,
            "resolved_s": self._clock.now(),
        }
        await _thread(self._shelf.record_lock, wish, record, lock)
        return lock

    async def _build_shared(
        self, lock: Lock, spec: EnvironmentSpec, publish: OnProgress
    ) -> EnvironmentLease:
        key = self._key(lock, spec)
        async with self._builds.joined(
            key, lambda tell: self._build(key, lock, spec, tell), publish
        ) as shared:
            return await self._own(shared.key)

    async def _build(
        self, key: str, lock: Lock, spec: EnvironmentSpec, publish: OnProgress
    ) -> EnvironmentLease:
        while True:
            lease = await _held(lambda: self._shelf.leased(key))
            if lease is not None:
                return lease
            file_lock = await _held(lambda: self._shelf.exclusive(key))
            if file_lock is None:
                message = "Another engine is working on this environment"
                publish(Progress(Phase.QUEUED, message=message))
                await self._clock.sleep(_LOCK_INTERVAL_S)
                continue
            try:
                await self._build_alone(key, lock, spec, publish, file_lock.fd)
            finally:
                file_lock.release()

    async def _build_alone(
        self, key: str, lock: Lock, spec: EnvironmentSpec, publish: OnProgress, lock_fd: int
    ) -> None:
        """Build in place, for prefixes cannot be moved; nothing is left of a build that fails."""
        prefix = self._shelf.prefix(key)
        started_s = self._clock.monotonic()
        try:
            await _thread(self._shelf.discard, prefix)
            async with self._attempt(key, publish, held_fds=(lock_fd,)) as attempt:
                await self._builder.build(lock, prefix, attempt, allow_build=spec.allow_build)
            manifest = {
                "builder": lock.builder or self._builder.name,
                "machine": self._builder.machine,
                "packages": [[package.name, package.version] for package in lock.packages],
                "lock": lock.text,
                "python": lock.python or ("" if lock.builder else sys.executable),
                "built_s": self._clock.now(),
                "took_s": round(self._clock.monotonic() - started_s, 3),
            }
            await _thread(self._shelf.finish, key, manifest)
        except BaseException:
            await _thread(self._shelf.discard, prefix)
            raise
        _LOG.info("Environment %s is ready: %d packages", key, len(lock.packages))

    @contextlib.asynccontextmanager
    async def _attempt(
        self, key: str, publish: OnProgress, held_fds: tuple[int, ...] = ()
    ) -> AsyncIterator[Attempt]:
        """Give a builder what it needs for one try; its log is kept however it ends."""
        scratch = await _thread(self._shelf.scratch)
        attempt = Attempt(scratch, publish, held_fds=held_fds)
        try:
            yield attempt
        finally:
            with contextlib.suppress(OSError):  # A full disk must not hide the tool's own words.
                await _thread(self._shelf.write_log, key, attempt.log)
            await _thread(self._shelf.discard, scratch)

    def _key(self, lock: Lock, spec: EnvironmentSpec) -> str:
        return environment_key(lock, self._builder.machine, allow_build=spec.allow_build)


async def _thread(function: Callable[..., T], *arguments: Any) -> T:
    """Return what `function` returns in a thread; a cancellation waits for the thread."""
    return await outlast(asyncio.ensure_future(asyncio.to_thread(function, *arguments)))


async def _held(take: Callable[[], H | None]) -> H | None:
    """Return what `take` got hold of in a thread; cancelled, let go of it again."""
    taking = asyncio.ensure_future(asyncio.to_thread(take))
    try:
        return await outlast(taking)
    except asyncio.CancelledError:
        if taking.exception() is None and (held := taking.result()) is not None:
            held.release()
        raise


def _told(error: OSError) -> EnvironmentBuildError | MachineError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFullError(
            "The disk is full.",
            hint="Free some space, or set IMJOY_ENGINE_STORE to a folder on another disk.",
        )
    return MachineError(
        f"The store of environments cannot be used: {error}.",
        hint="Check the rights on that folder, or set IMJOY_ENGINE_STORE to another one.",
    )

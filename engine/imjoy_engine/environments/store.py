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
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

from imjoy_engine.clock import Clock, SystemClock
from imjoy_engine.environments.builder import Attempt, EnvironmentBuilder
from imjoy_engine.environments.commands import allowed, run_command
from imjoy_engine.environments.filelock import FileLock
from imjoy_engine.environments.guard import WriteGuard
from imjoy_engine.environments.lease import NOBODY, EnvironmentLease, Owner
from imjoy_engine.environments.lock import Lock, spec_key
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
from imjoy_engine.environments.wish import Terms, Wish, described
from imjoy_engine.errors import (
    CommandFailedError,
    DiskFullError,
    EnvironmentBuildError,
    MachineError,
    PythonNotFoundError,
)
from imjoy_engine.processes import outlast

__all__ = ["EnvironmentStore"]

_LOG = logging.getLogger(__name__)
_LOCK_INTERVAL_S = 0.1
_LOCK_TRIES = 50


class _Releasable(Protocol):
    def release(self) -> None: ...


Make = Callable[[Path, Attempt], Awaitable[None]]
"""Makes an environment at a prefix that is not there yet."""

T = TypeVar("T")
H = TypeVar("H", bound=_Releasable)


class EnvironmentStore:
    """Grants leases of environments under `root`, which must be on a short path.

    Interpreter lines of scripts hold the whole path of a prefix, and the kernel reads only their
    first 127 characters. `variables` are what commands of plugins run with; `caches` are folders
    beside the store whose files the environments share. `on_built` hears of every environment that
    is made.
    """

    def __init__(
        self,
        root: Path,
        builder: EnvironmentBuilder,
        clock: Clock | None = None,
        *,
        variables: Mapping[str, str] | None = None,
        caches: Sequence[Path] = (),
        on_built: Callable[[], None] = lambda: None,
    ) -> None:
        self._shelf = Shelf(root)
        self._builder = builder
        self._clock = clock or SystemClock()
        self._variables = dict(variables or {})
        self._shared = (self._shelf.root / "envs", *caches)
        self._on_built = on_built
        self._guard = WriteGuard(self._shelf.root / "tmp")
        self._wishes: SharedTasks[EnvironmentLease] = SharedTasks(EnvironmentLease.release)
        self._builds: SharedTasks[EnvironmentLease] = SharedTasks(EnvironmentLease.release)

    async def prepare(self) -> None:
        """Find out beforehand what the first wish would wait for; trouble is told to that one."""
        with contextlib.suppress(OSError):
            await self._guard.holds()

    async def ensure(
        self, spec: EnvironmentSpec, on_progress: OnProgress, owner: Owner = NOBODY
    ) -> EnvironmentLease:
        """Return a lease of an environment that fulfils `spec`, built first when none does.

        All callers that want the same environment share one build and see its progress. When the
        last of them is cancelled the build ends at once, and nothing of it is left.

        Raises `EnvironmentBuildError` with the tool's own words in `log_tail`, and `MachineError`
        when the store's directory cannot be used.
        """
        return (await self.fulfil(spec, on_progress, Terms(owner)))[0]

    async def fulfil(
        self,
        spec: EnvironmentSpec,
        on_progress: OnProgress,
        terms: Terms,
        pinned: Callable[[], Lock | None] = lambda: None,
    ) -> tuple[EnvironmentLease, Lock]:
        """Return a lease as `ensure` does, on these terms, and the lock of the environment.

        `pinned` is asked once, in a thread, for the lock to keep to, unless the terms name one.
        """
        heard = ProgressThrottle(on_progress)
        try:
            private = bool(spec.commands) or not await self._guard.holds()
            private_to = terms.owner.identity if private else ""
            wish = Wish(spec, self._builder.machine, terms, private_to)
            wish, lease = await self._from_before(wish, pinned)
            if lease is None:
                lease = await self._made(wish, heard)
        except OSError as error:
            raise _told(error) from error
        lease.read_only = self._shared
        heard(Progress(Phase.READY, message=f"Ready: {counted(len(lease.packages))}"))
        return lease, Lock.from_record(lease.record) or Lock("")

    async def _from_before(
        self, wish: Wish, pinned: Callable[[], Lock | None]
    ) -> tuple[Wish, EnvironmentLease | None]:
        """Return the wish with the lock to keep to, and a lease of what fulfils it already.

        In one visit to a thread: most starts wait for nothing else here.
        """
        if wish.terms.fresh:
            return wish, None
        whole = wish

        def look() -> EnvironmentLease | None:
            nonlocal whole
            whole = wish.keeping_to(pinned)
            lock = whole.terms.pinned or self._shelf.recorded_lock(whole.key)
            return None if lock is None else self._shelf.leased(whole.environment(lock))

        lease = await _held(look)
        return whole, lease

    async def _made(self, wish: Wish, on_progress: OnProgress) -> EnvironmentLease:
        async with self._wishes.joined(
            wish.shared_key, lambda publish: self._fulfil(wish, publish), on_progress
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

    async def _fulfil(self, wish: Wish, publish: OnProgress) -> EnvironmentLease:
        terms = wish.terms
        await _thread(self._shelf.lay_out)
        await allowed(wish.spec.commands, terms.owner, publish)
        lock = terms.pinned
        if lock is None and not terms.fresh:
            lock = await _thread(self._shelf.recorded_lock, wish.key)
        if lock is None:
            return await self._build_shared(wish, await self._resolve(wish, publish), publish)
        try:
            return await self._build_shared(wish, lock, publish)
        except EnvironmentBuildError as error:
            at_fault = isinstance(error, PythonNotFoundError) or error.fault == "plugin"
            if terms.exactly or not at_fault or isinstance(error, CommandFailedError):
                raise
            # What was pinned long ago may have left the index, or the machine, since.
            newer = await self._resolve(wish, publish)
            if newer == lock:
                raise
            return await self._build_shared(wish, newer, publish)

    async def _resolve(self, wish: Wish, publish: OnProgress) -> Lock:
        async with self.attempt(wish.key, publish) as attempt:
            lock = await self._builder.resolve(replace(wish.spec, commands=()), attempt)
        await _thread(self.keep_lock, wish.spec, lock)
        return lock

    def keep_lock(self, spec: EnvironmentSpec, lock: Lock) -> None:
        """Let `lock` be the answer to that wish from now on; blocks."""
        record = {
            "spec": json.loads(json.dumps(spec.identity(), default=asdict)),
            "machine": self._builder.machine,
            "resolved_s": self._clock.now(),
        }
        self._shelf.record_lock(spec_key(spec, self._builder.machine), record, lock)

    async def install(
        self, specs: Sequence[EnvironmentSpec], lock: Lock, make: Make, on_progress: OnProgress
    ) -> EnvironmentLease:
        """Return a lease of the environment of `lock`, which `make` makes unless it is there.

        From now on it is the answer to all of `specs`.
        """
        try:
            await _thread(self._shelf.lay_out)
            private_to = "" if await self._guard.holds() else NOBODY.identity
            wish = Wish(specs[0], self._builder.machine, Terms(), private_to)
            lease = await self._build_shared(wish, lock, ProgressThrottle(on_progress), make)
            try:
                for spec in specs:
                    await _thread(self.keep_lock, spec, lock)
            except BaseException:
                lease.release()
                raise
        except OSError as error:
            raise _told(error) from error
        return lease

    async def leased(self, key: str) -> EnvironmentLease:
        """Return a lease of the environment of that key, which must be there."""
        for _ in range(_LOCK_TRIES):
            lease = await _held(lambda: self._shelf.leased(key))
            if lease is not None:
                return lease
            if not await _thread(self._shelf.is_ready, key):
                break
            # Whoever only looks whether it is in use holds it for a moment.
            await self._clock.sleep(_LOCK_INTERVAL_S)
        return await self._own(key)

    def specs_of(self, lock: Lock) -> list[dict[str, Any]]:
        """Return the wishes, as `EnvironmentSpec.identity` has them, that led to `lock`; blocks."""
        return self._shelf.wishes(lock)

    async def _build_shared(
        self, wish: Wish, lock: Lock, publish: OnProgress, make: Make | None = None
    ) -> EnvironmentLease:
        async def usual(prefix: Path, attempt: Attempt) -> None:
            await self._make(wish, lock, prefix, attempt)

        key = wish.environment(lock)
        async with self._builds.joined(
            key, lambda tell: self._build(key, wish, lock, make or usual, tell), publish
        ) as shared:
            return await self._own(shared.key)

    async def _build(
        self, key: str, wish: Wish, lock: Lock, make: Make, publish: OnProgress
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
                async with self.attempt(key, publish, held_fds=(file_lock.fd,)) as attempt:
                    await self._build_alone(key, wish, lock, make, attempt)
            finally:
                file_lock.release()

    async def _build_alone(
        self, key: str, wish: Wish, lock: Lock, make: Make, attempt: Attempt
    ) -> None:
        """Build in place, for prefixes cannot be moved; nothing is left of a build that fails."""
        prefix, spec = self._shelf.prefix(key), wish.spec
        started_s = self._clock.monotonic()
        try:
            await _thread(self._shelf.discard, prefix)
            await make(prefix, attempt)
            manifest = {
                **described(lock, self._builder),
                "variables": attempt.variables,
                "private": bool(wish.private_to or spec.commands),
                "private_to": wish.private_to,
                "commands": spec.commands,
                "built_s": self._clock.now(),
                "took_s": round(self._clock.monotonic() - started_s, 3),
            }
            await _thread(self._shelf.finish, key, manifest)
        except BaseException:
            await _thread(self._shelf.discard, prefix)
            raise
        _LOG.info("Environment %s is ready: %s", key, counted(len(lock.packages)))
        self._on_built()

    async def _make(self, wish: Wish, lock: Lock, prefix: Path, attempt: Attempt) -> None:
        spec = wish.spec
        await self._builder.build(lock, prefix, attempt, allow_build=spec.allow_build)
        place = wish.terms.owner.work_dir or attempt.scratch
        if spec.commands:
            await _thread(partial(place.mkdir, parents=True, exist_ok=True))
        for command in spec.commands:
            await run_command(command, prefix, place, self._variables, attempt)

    @contextlib.asynccontextmanager
    async def attempt(
        self, key: str, publish: OnProgress, held_fds: tuple[int, ...] = ()
    ) -> AsyncIterator[Attempt]:
        """Give a builder what it needs for one try; its log is kept however it ends."""
        work = await self._at_work()
        try:
            scratch = await _thread(self._shelf.scratch)
            attempt = Attempt(scratch, publish, held_fds=(*held_fds, work.fd))
            try:
                yield attempt
            finally:
                # A full disk must not hide the tool's own words.
                with contextlib.suppress(OSError):
                    await _thread(self._shelf.write_log, key, attempt.log)
                await _thread(self._shelf.discard, scratch)
        finally:
            work.release()

    async def _at_work(self) -> FileLock:
        while (lock := await _held(self._shelf.at_work)) is None:
            await self._clock.sleep(_LOCK_INTERVAL_S)
        return lock


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

"""Interpreters that are started before anybody asks, so that the next plugin starts at once.

A spare is a worker that has said hello, has imported all that it will need, and waits for its
welcome. It was started with the variables of its environment alone: what a plugin has beyond them
comes with the welcome, so an idle spare knows nothing of any plugin.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from imjoy_engine.clock import Clock, SystemClock
from imjoy_engine.config import Limits
from imjoy_engine.environments import EnvironmentLease
from imjoy_engine.errors import EngineError
from imjoy_engine.processes import Ladder, OnOutput, Stream
from imjoy_engine.provisioners import LaunchSpec, Provisioner, WorkerProcess
from imjoy_engine.transport import Arrival, WorkerListener, arrival_or_exit

__all__ = ["OutputTap", "Spare", "SpareInterpreters"]

_LOG = logging.getLogger(__name__)
_KEPT_OUTPUT_BYTES = 1 << 16
_FROM_THE_START = ("LD_", "DYLD_", "PYTHON", "MALLOC_", "GLIBC_", "LC_", "LANG", "TZ", "PATH")
"""Variables that a process reads when it starts; set later, they change nothing or half of it."""

LeaseAgain = Callable[[], Awaitable[EnvironmentLease]]


class OutputTap:
    """What a worker prints goes to whoever has the worker; what came before waits, bounded."""

    def __init__(self) -> None:
        self._receiver: OnOutput | None = None
        self._early: list[tuple[Stream, bytes]] = []
        self._early_bytes = 0

    def __call__(self, stream: Stream, chunk: bytes) -> None:
        """Pass on what was printed."""
        if self._receiver is not None:
            self._receiver(stream, chunk)
        elif self._early_bytes < _KEPT_OUTPUT_BYTES:
            self._early.append((stream, chunk))
            self._early_bytes += len(chunk)

    def flow_to(self, receiver: OnOutput) -> None:
        """Hand everything to `receiver` from now on, first what waits."""
        self._receiver = receiver
        early, self._early = self._early, []
        for stream, chunk in early:
            receiver(stream, chunk)


@dataclass(frozen=True, slots=True)
class Spare:
    """A worker that waits for its welcome; who takes it must stop its process."""

    process: WorkerProcess
    arrival: Arrival
    output: OutputTap
    taken: asyncio.Event = field(default_factory=asyncio.Event)


class SpareInterpreters:
    """At most `limits.spare_interpreters` idle workers, for the most recently used environments.

    One that nobody wants for `limits.spare_idle_s` seconds ends; `close` ends all of them.
    """

    def __init__(
        self,
        provisioner: Provisioner,
        listener: WorkerListener,
        limits: Limits,
        clock: Clock | None = None,
    ) -> None:
        self._provisioner = provisioner
        self._listener = listener
        self._limits = limits
        self._clock = clock or SystemClock()
        self._idle: dict[str, Spare] = {}
        self._keepers: OrderedDict[str, asyncio.Task[None]] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closed = False

    @property
    def idle(self) -> int:
        """Return how many spares wait."""
        return len(self._idle)

    def take(self, launch: LaunchSpec, own_variables: Iterable[str] = ()) -> Spare | None:
        """Return a spare that was started as `launch` says, or None; it is the caller's then.

        None also when the plugin has variables of its own that must be there from the start.
        """
        if any(name.startswith(_FROM_THE_START) for name in own_variables):
            return None
        spare = self._idle.pop(_key(launch), None)
        if spare is None or not spare.arrival.channel.is_open:
            return None
        spare.taken.set()
        self._keepers.pop(_key(launch), None)
        return spare

    def keep(self, launch: LaunchSpec, lease_again: LeaseAgain) -> None:
        """Have a spare soon that is started as `launch` says, unless there is one."""
        key = _key(launch)
        if self._is_closed or self._limits.spare_interpreters < 1:
            return
        if key in self._keepers:
            self._keepers.move_to_end(key)
            return
        while len(self._keepers) >= self._limits.spare_interpreters:
            _, oldest = self._keepers.popitem(last=False)
            oldest.cancel()
        keeper = self._kept(key, launch, lease_again)
        task = asyncio.get_running_loop().create_task(keeper, name="spare interpreter")
        self._keepers[key] = task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Return when no spare lives; none is started any more."""
        self._is_closed = True
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _kept(self, key: str, launch: LaunchSpec, lease_again: LeaseAgain) -> None:
        try:
            # The plugin that was just started has the machine first.
            await self._clock.sleep(self._limits.spare_delay_s)
            with await lease_again() as lease:
                if lease.prefix == launch.prefix:
                    await self._waiting(key, launch)
        except EngineError as error:
            _LOG.info("No spare interpreter: %s", error.message)
        finally:
            if self._keepers.get(key) is asyncio.current_task():
                del self._keepers[key]

    async def _waiting(self, key: str, launch: LaunchSpec) -> None:
        """Return when the spare was taken, or nothing of it lives."""
        ticket = self._listener.issue_ticket()
        output = OutputTap()
        spare: Spare | None = None
        try:
            process = await self._provisioner.launch(replace(launch, ticket=ticket.value), output)
            exited = asyncio.ensure_future(process.wait())
            try:
                arrival = await arrival_or_exit(ticket, exited, self._limits.start_timeout_s)
                spare = self._idle[key] = Spare(process, arrival, output)
                await self._until_wanted(spare, exited)
            finally:
                exited.cancel()
                if spare is None or not spare.taken.is_set():
                    self._idle.pop(key, None)
                    await process.stop(Ladder.at_once())
        finally:
            self._listener.revoke(ticket)

    async def _until_wanted(self, spare: Spare, exited: asyncio.Future[Any]) -> None:
        """Return when the spare is taken, has ended, or nobody wanted it for too long."""
        waits: set[asyncio.Future[Any]] = {
            asyncio.ensure_future(spare.taken.wait()),
            asyncio.ensure_future(self._clock.sleep(self._limits.spare_idle_s)),
        }
        try:
            await asyncio.wait({*waits, exited}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()


def _key(launch: LaunchSpec) -> str:
    """Return the same text for launches that are alike: a ticket is no part of it."""
    return repr(launch)

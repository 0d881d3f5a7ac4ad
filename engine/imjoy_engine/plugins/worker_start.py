"""From a plugin's config to its worker, connected and waiting for its welcome.

Three ways lead there: a new process, a spare interpreter, and the process that an earlier engine
has left. What is acquired goes on a stack: the last acquired is the first released.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any

from imjoy_engine.environments import EnvironmentSpec
from imjoy_engine.errors import PluginExitedError, PluginStartError
from imjoy_engine.plugins.allotment import leased_gpus
from imjoy_engine.plugins.detached import DetachedPlugins, DetachedRecord
from imjoy_engine.plugins.instance import PluginInstance
from imjoy_engine.plugins.lifecycle import State
from imjoy_engine.plugins.preparation import Preparation
from imjoy_engine.plugins.tools import Tools
from imjoy_engine.plugins.wishes import gpu_wish
from imjoy_engine.processes import ExitReport
from imjoy_engine.provisioners import LaunchSpec, WorkerProcess, make_work_dir
from imjoy_engine.transport import Arrival, arrival_or_exit

__all__ = ["StartedWorker", "WorkerStart"]


@dataclass(frozen=True, slots=True)
class StartedWorker:
    """A worker that has come: `exited` is done when its process has ended.

    `variables` are what it must still set of its environment.
    """

    process: WorkerProcess
    exited: asyncio.Future[ExitReport]
    arrival: Arrival
    variables: Mapping[str, str]


class WorkerStart:
    """One try to bring a plugin's worker up; `reap` is what ends its process again."""

    def __init__(
        self,
        instance: PluginInstance,
        tools: Tools,
        stack: AsyncExitStack,
        reap: Callable[[WorkerProcess], Awaitable[None]],
    ) -> None:
        self._instance = instance
        self._tools = tools
        self._stack = stack
        self._reap = reap
        self._detached = tools.detached if instance.manifest.may_detach else None

    async def anew(self) -> StartedWorker:
        """Return the worker in an environment of its own, with the GPUs that it wishes for."""
        instance, tools = self._instance, self._tools
        wish = Preparation(instance, tools.environments, tools.consents, tools.pythons)
        spec = wish.spec
        gpu_variables = await self._lease_gpus(spec)
        instance.lifecycle.enter(State.PREPARING)
        lease = await wish.lease()
        self._stack.callback(lease.release)

        instance.lifecycle.enter(State.STARTING)
        launch = LaunchSpec(
            python=lease.python,
            prefix=lease.prefix,
            worker=tools.worker,
            address=tools.listener.address,
            ticket="",
            work_dir=instance.work_dir,
            environment=wish.shared_variables(lease),
            read_only=lease.read_only,
            private=lease.private,
        )
        variables = {**gpu_variables, **dict(spec.variables)}
        if self._detached is not None:
            held = () if lease.fd is None else (lease.fd,)
            place = self._detached.place_for(instance)
            return await self._launched(replace(launch, held_fds=held, kept=place), variables)
        started = await self._spare(launch, variables) or await self._launched(launch, variables)
        self._instance.started_s = time.monotonic()
        if tools.spares is not None:
            tools.spares.keep(launch, wish.lease_again)
        return started

    async def found(self, record: DetachedRecord) -> StartedWorker:
        """Return the worker that an earlier engine has started, when it has come back.

        It may compute where nothing can interrupt it, so this waits as long as it lives.

        Raises PluginExitedError when it ended while no engine ran.
        """
        instance, tools, detached = self._instance, self._tools, self._detached
        if detached is None:
            raise PluginStartError("This engine keeps no plugins that may detach.")
        instance.lifecycle.enter(State.STARTING, detail="Found again: waiting for its process")
        await instance.output.recall()
        directory = detached.directory_of(instance.id)
        process = await tools.provisioner.find(directory, record.keeper, instance.output.feed)
        if process is None:
            raise await self._ended_unseen(detached, record)
        self._stack.push_async_callback(self._reap, process)
        exited = self._watched(process)
        ticket = tools.listener.issue_ticket(record.secret)
        self._stack.callback(tools.listener.revoke, ticket)
        await detached.call_back(instance.id, tools.listener.address)
        return StartedWorker(process, exited, await self._arrival(ticket, exited, None), {})

    async def _ended_unseen(
        self, detached: DetachedPlugins, record: DetachedRecord
    ) -> PluginExitedError:
        report = await detached.end_of(record)
        self._instance.exit = None if report is None else report.as_dict()
        words = "nobody saw how" if report is None else report.words
        return PluginExitedError(
            f"The plugin ended while no engine ran: {words}.",
            hint="Its log may say why. Start it again.",
        )

    async def _spare(
        self, launch: LaunchSpec, variables: Mapping[str, str]
    ) -> StartedWorker | None:
        """Return a spare interpreter, made this plugin's worker, if there is one that will do."""
        # A spare's shim was started before the cards were leased, and cannot hold their locks.
        if self._tools.spares is None or (self._instance.lease and self._instance.lease.held_fds):
            return None
        spare = self._tools.spares.take(launch, variables)
        if spare is None:
            return None
        self._stack.push_async_callback(self._reap, spare.process)
        await asyncio.to_thread(make_work_dir, launch.work_dir)
        spare.output.flow_to(self._instance.output.feed)
        return StartedWorker(spare.process, self._watched(spare.process), spare.arrival, variables)

    async def _launched(self, launch: LaunchSpec, variables: Mapping[str, str]) -> StartedWorker:
        """Return a new process, once it has come with its ticket."""
        instance, tools = self._instance, self._tools
        ticket = tools.listener.issue_ticket()
        self._stack.callback(tools.listener.revoke, ticket)
        held_fds = instance.lease.held_fds if instance.lease is not None else ()
        launch = replace(
            launch,
            ticket=ticket.value,
            environment={**launch.environment, **variables},
            held_fds=(*launch.held_fds, *held_fds),
        )
        process = await tools.provisioner.launch(launch, instance.output.feed)
        self._stack.push_async_callback(self._reap, process)
        exited = self._watched(process)
        arrival = await self._arrival(ticket, exited, tools.limits.start_timeout_s)
        return StartedWorker(process, exited, arrival, variables)

    def _watched(self, process: WorkerProcess) -> asyncio.Future[ExitReport]:
        """Return what is done when the plugin's process has ended."""
        self._instance.pid = process.pid
        exited = asyncio.ensure_future(process.wait())
        self._stack.callback(exited.cancel)
        return exited

    async def _lease_gpus(self, spec: EnvironmentSpec) -> Mapping[str, str]:
        """Hold the GPUs that the plugin asks for; return the variables that show it those."""
        instance, gpus = self._instance, self._tools.gpus
        wish = gpu_wish(instance.manifest.config, spec.gpu)
        if gpus is None:
            return {}
        if wish is None:
            return await gpus.unasked()
        instance.lease = await leased_gpus(instance, gpus, wish)
        self._stack.callback(instance.lease.release)
        return instance.lease.variables

    async def _arrival(
        self, ticket: Any, exited: asyncio.Future[ExitReport], timeout_s: float | None
    ) -> Arrival:
        try:
            return await arrival_or_exit(ticket, exited, timeout_s)
        except PluginStartError as error:
            if exited.done() and not exited.cancelled():
                raise PluginStartError(
                    f"The plugin's process ended before it was ready: {exited.result().words}.",
                    hint=error.hint,
                ) from None
            raise

"""One plugin from its environment to its end, with nothing left behind.

What is not here: how an environment is built (`environments`), how a process is started and
ended (`provisioners`, `processes`), how a worker is recognised (`transport`). The order in which
things are acquired is the design: the last acquired is the first released.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from imjoy_engine.config import Limits
from imjoy_engine.environments import (
    Environments,
    EnvironmentSpec,
    Progress,
    spec_from_config,
)
from imjoy_engine.errors import EngineError, PluginExitedError, PluginStartError
from imjoy_engine.plugins.allotment import leased_gpus
from imjoy_engine.plugins.guard import ResourceGuard
from imjoy_engine.plugins.idle import PluginIdleError
from imjoy_engine.plugins.instance import Eviction, PluginInstance
from imjoy_engine.plugins.lifecycle import State
from imjoy_engine.plugins.spares import SpareInterpreters
from imjoy_engine.plugins.wishes import gpu_wish, plugin_limits, usual_limits
from imjoy_engine.processes import ExitReport, Ladder
from imjoy_engine.provisioners import LaunchSpec, Provisioner, WorkerProcess
from imjoy_engine.resources import GpuLeases
from imjoy_engine.transport import Arrival, WorkerListener, arrival_or_exit
from imjoy_wire.frames import Frame

__all__ = ["PluginSupervisor", "Tools"]

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tools:
    """What a supervisor needs to bring a plugin up; chosen in the composition root."""

    environments: Environments
    provisioner: Provisioner
    listener: WorkerListener
    worker: Path
    engine_url: Callable[[], str]
    limits: Limits
    spares: SpareInterpreters | None = None
    shared_memory: Path | None = None
    """Where workers of this machine leave large buffers for each other; None: nowhere."""
    gpus: GpuLeases | None = None
    """The machine's GPUs; None: plugins see whatever there is."""
    guard: ResourceGuard | None = None
    """Who holds plugins to their limits; None: nobody."""


class PluginSupervisor:
    """Run one plugin until it ends or `stop` is called."""

    def __init__(self, instance: PluginInstance, tools: Tools) -> None:
        self._instance = instance
        self._tools = tools
        self._stop_wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._variables: dict[str, str] = {}

    def start(self) -> None:
        """Begin; the instance's states tell how it goes."""
        name = f"plugin {self._instance.manifest.name}"
        self._task = asyncio.get_running_loop().create_task(self._run(), name=name)

    async def stop(self) -> None:
        """Return when the plugin has ended and nothing of its process tree lives."""
        task = self._task
        if task is None or task.done():
            return
        self._stop_wanted.set()
        if self._instance.state is not State.READY and self._instance.state is not State.DRAINING:
            task.cancel()
        await asyncio.wait({task})

    async def _run(self) -> None:
        instance = self._instance
        try:
            await self._live()
            final = State.STOPPED
        except asyncio.CancelledError:
            final = State.STOPPED
        except EngineError as error:
            final = State.STOPPED if isinstance(error, PluginIdleError) else State.FAILED
            instance.error = error
        except Exception as error:  # noqa: BLE001
            # The border of the plugin's task: whatever went wrong must become its final state.
            _LOG.exception("The supervisor of %s failed", instance.manifest.name)
            final = State.FAILED
            instance.error = EngineError(f"The engine failed while it ran the plugin: {error!r}.")
        await instance.output.close()
        if instance.exit is not None:
            instance.emit("exit", **instance.exit, last_lines=instance.output.last_lines())
        if instance.error is not None:
            if not instance.error.log_tail:
                instance.error.log_tail = "\n".join(instance.output.last_lines())
            _LOG.warning("%s: %s", instance.manifest.name, instance.error.message)
            instance.lifecycle.enter(final, error=instance.error.as_dict())
        else:
            instance.lifecycle.enter(final)

    async def _live(self) -> None:
        instance, tools = self._instance, self._tools
        async with AsyncExitStack() as stack:
            spec = spec_from_config(instance.manifest.config)
            limits = plugin_limits(instance.manifest.config, usual_limits(tools.limits))
            gpu_variables = await self._lease_gpus(stack, spec)
            instance.lifecycle.enter(State.PREPARING)
            lease = await tools.environments.ensure(spec, self._progress)
            stack.callback(lease.release)

            instance.lifecycle.enter(State.STARTING)
            await asyncio.to_thread(instance.work_dir.mkdir, parents=True, exist_ok=True)
            launch = LaunchSpec(
                python=lease.python,
                prefix=lease.prefix,
                worker=tools.worker,
                address=tools.listener.address,
                ticket="",
                work_dir=instance.work_dir,
                environment=lease.variables,
                read_only=lease.read_only,
                private=lease.private,
            )
            self._variables = {**gpu_variables, **dict(spec.variables)}
            process, exited, arrival = await self._started(launch, stack)
            if tools.spares is not None:
                tools.spares.keep(launch, lambda: tools.environments.ensure(spec, _unheard))
            if tools.guard is not None:
                stack.callback(tools.guard.hold(instance, limits))
            await self._serve(arrival, process, exited)

    async def _started(
        self, launch: LaunchSpec, stack: AsyncExitStack
    ) -> tuple[WorkerProcess, asyncio.Future[ExitReport], Arrival]:
        """Return the plugin's worker, which waits for its welcome: a spare one or a new one."""
        instance, tools = self._instance, self._tools
        held_fds = instance.lease.held_fds if instance.lease is not None else ()
        # A spare's shim was started before the cards were leased, and cannot hold their locks.
        if tools.spares is not None and not held_fds:
            spare = tools.spares.take(launch, self._variables)
        else:
            spare = None
        if spare is not None:
            stack.push_async_callback(self._reap, spare.process)
            spare.output.flow_to(instance.output.feed)
            return spare.process, self._watched(spare.process, stack), spare.arrival
        ticket = tools.listener.issue_ticket()
        stack.callback(tools.listener.revoke, ticket)
        variables = {**launch.environment, **self._variables}
        process = await tools.provisioner.launch(
            replace(launch, ticket=ticket.value, environment=variables, held_fds=held_fds),
            instance.output.feed,
        )
        stack.push_async_callback(self._reap, process)
        exited = self._watched(process, stack)
        return process, exited, await self._arrival(ticket, exited)

    def _watched(self, process: WorkerProcess, stack: AsyncExitStack) -> asyncio.Future[ExitReport]:
        """Return what is done when the plugin's process has ended."""
        self._instance.pid = process.pid
        exited = asyncio.ensure_future(process.wait())
        stack.callback(exited.cancel)
        return exited

    async def _lease_gpus(self, stack: AsyncExitStack, spec: EnvironmentSpec) -> Mapping[str, str]:
        """Hold the GPUs that the plugin asks for; return the variables that show it those."""
        instance, gpus = self._instance, self._tools.gpus
        wish = gpu_wish(instance.manifest.config, spec.gpu)
        if gpus is None:
            return {}
        if wish is None:
            return await gpus.unasked()
        instance.lease = await leased_gpus(instance, gpus, wish)
        stack.callback(instance.lease.release)
        return instance.lease.variables

    async def _arrival(self, ticket: Any, exited: asyncio.Future[ExitReport]) -> Arrival:
        try:
            return await arrival_or_exit(ticket, exited, self._tools.limits.start_timeout_s)
        except PluginStartError as error:
            if exited.done() and not exited.cancelled():
                raise PluginStartError(
                    f"The plugin's process ended before it was ready: {exited.result().words}.",
                    hint=error.hint,
                ) from None
            raise

    async def _serve(
        self, arrival: Arrival, process: WorkerProcess, exited: asyncio.Future[ExitReport]
    ) -> None:
        """Be READY until the worker ends, its link breaks, or somebody wants it to stop."""
        instance, channel = self._instance, arrival.channel
        channel.send(self._welcome())
        instance.channel = channel
        channel.receive_with(instance.receive)
        instance.lifecycle.enter(State.READY, pid=process.pid)
        stop_wanted = asyncio.ensure_future(self._stop_wanted.wait())
        evicted = asyncio.ensure_future(instance.evicted.wait())
        try:
            waiting: set[asyncio.Future[Any]] = {exited, stop_wanted, evicted, channel.closed}
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if stop_wanted.done():
                await self._drain(exited)
                return
            if instance.eviction is not None:
                await self._evict(instance.eviction, process, exited)
            # A worker that ends closes its link a moment earlier.
            either: set[asyncio.Future[Any]] = {exited, stop_wanted}
            await asyncio.wait(either, timeout=1.0)
            if stop_wanted.done():
                return
            if not exited.done():
                raise PluginExitedError(
                    channel.closed.result() or "The plugin closed its connection.",
                    hint="Reload the plugin to start it again.",
                )
            report = exited.result()
            if report.exit_code != 0:
                if self._tools.guard and (reason := self._tools.guard.explained(instance)):
                    raise reason
                raise PluginExitedError(
                    f"The plugin's process ended: {report.words}.",
                    hint="Its last lines may say why. Reload the plugin to start it again.",
                )
        finally:
            stop_wanted.cancel()
            evicted.cancel()

    async def _evict(
        self, eviction: Eviction, process: WorkerProcess, exited: asyncio.Future[ExitReport]
    ) -> None:
        """End the plugin for the engine's own reason, and raise that."""
        self._instance.note(eviction.error.message)
        if eviction.at_once:
            await process.stop(Ladder.at_once())
        else:
            await self._drain(exited)
        raise eviction.error

    async def _drain(self, exited: asyncio.Future[ExitReport]) -> None:
        """Ask the worker to call the plugin's `exit()` and leave; wait for that a bounded time."""
        grace_s = self._tools.limits.stop_timeout_s
        self._instance.lifecycle.enter(State.DRAINING)
        body = json.dumps({"grace_s": grace_s}).encode()
        shutdown = Frame(
            to=self._instance.peer_id, sender="", kind="shutdown", body=body, buffers=()
        )
        self._instance.deliver(shutdown)
        await asyncio.wait({exited}, timeout=grace_s)

    async def _reap(self, process: WorkerProcess) -> None:
        """End what is left of the process tree and note how it ended."""
        report = await process.stop(Ladder())
        self._instance.exit = report.as_dict()
        channel = self._instance.channel
        if channel is not None:
            channel.close()
        if self._tools.shared_memory is not None:
            await asyncio.to_thread(
                _remove_unfetched, self._tools.shared_memory, self._instance.peer_id
            )

    def _progress(self, progress: Progress) -> None:
        self._instance.emit("progress", **progress.as_dict())

    def _welcome(self) -> Frame:
        instance = self._instance
        body = {
            "peer_id": instance.peer_id,
            "plugin": {"id": instance.id, **instance.manifest.as_dict()},
            "workspace": instance.workspace,
            "work_dir": str(instance.work_dir),
            "variables": self._variables,
            "engine_url": self._tools.engine_url(),
            "file_manager_url": self._tools.engine_url(),
            "shared_memory": str(self._tools.shared_memory) if self._tools.shared_memory else None,
            "peers": list(instance.peers),
        }
        return Frame(
            to=instance.peer_id,
            sender="",
            kind="welcome",
            body=json.dumps(body).encode(),
            buffers=(),
        )


def _unheard(_: Progress) -> None:
    """Hear nothing of an environment that is there already."""


def _remove_unfetched(directory: Path, peer_id: str) -> None:
    """Remove what others left in shared memory for a worker that has ended."""
    for path in directory.glob(f"{peer_id}-*"):
        path.unlink(missing_ok=True)

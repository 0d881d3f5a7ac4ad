"""One plugin from its environment to its end, with nothing left behind.

What is not here: how a worker is brought up (`worker_start`), how a process is started and ended
(`provisioners`, `processes`).
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from imjoy_engine.errors import EngineError, MachineError, PluginExitedError
from imjoy_engine.plugins.detached import DetachedPlugins, DetachedRecord
from imjoy_engine.plugins.idle import PluginIdleError
from imjoy_engine.plugins.instance import Eviction, PluginInstance
from imjoy_engine.plugins.lifecycle import State
from imjoy_engine.plugins.policy import Again, Crashes, RestartPolicy, restart_policy
from imjoy_engine.plugins.tools import Tools
from imjoy_engine.plugins.wishes import plugin_limits, usual_limits
from imjoy_engine.plugins.worker_start import StartedWorker, WorkerStart
from imjoy_engine.processes import ExitReport, Ladder
from imjoy_engine.provisioners import WorkerProcess
from imjoy_engine.transport import receive_numbered
from imjoy_wire.frames import Frame

__all__ = ["PluginSupervisor"]

_LOG = logging.getLogger(__name__)
_LAST_MOMENT_S = 5.0
"""For a process to end that has closed its link: what it held of a machine may take its time."""


class PluginSupervisor:
    """Run one plugin until it ends or `stop` is called.

    With a `record` it is one that an earlier engine has started; `others` are the peers of plugins
    of its workspace that were found again with it.
    """

    def __init__(
        self,
        instance: PluginInstance,
        tools: Tools,
        record: DetachedRecord | None = None,
        others: Sequence[str] = (),
    ) -> None:
        self._instance = instance
        self._tools = tools
        self._record = record
        self._others = others
        self._detached = tools.detached if instance.manifest.may_detach else None
        self._stop_wanted = asyncio.Event()
        self._why_stopped = ""
        self._leaves = False
        self._holder_pid: int | None = None
        self._crashes: Crashes | None = None
        self._again: Again | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; the instance's states tell how it goes."""
        name = f"plugin {self._instance.manifest.name}"
        self._task = asyncio.get_running_loop().create_task(self._run(), name=name)

    async def stop(self, why: str = "") -> None:
        """Return when the plugin has ended and nothing of its process tree lives.

        `why` is told with its last state, as a sentence; without, a person has asked for it.
        """
        task = self._task
        if task is None or task.done():
            return
        self._why_stopped = self._why_stopped or why
        self._stop_wanted.set()
        if self._instance.state is not State.READY and self._instance.state is not State.DRAINING:
            task.cancel()
        await asyncio.wait({task})

    @property
    def may_be_left(self) -> bool:
        """Return whether the plugin can live on without this engine: it may, and is ready."""
        return (
            self._detached is not None
            and self._instance.state is State.READY
            and self._task is not None
        )

    async def leave(self) -> int | None:
        """Let the plugin live on without this engine, if it may and is ready.

        Returns the process that ends it on SIGTERM, None when it has not been left.
        """
        task = self._task
        if not self.may_be_left or task is None:
            return None
        self._leaves = True
        self._stop_wanted.set()
        await asyncio.wait({task})
        return self._holder_pid

    async def _run(self) -> None:
        instance = self._instance
        try:
            while not await self._live_once():
                await self._back_off()
            if self._leaves:
                await instance.output.close()
                return
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
            instance.error = _told(error)
        why = f". {instance.error.message}" if instance.error is not None else ""
        # Before the plugin ran, a tool's words are all there is: those of a failed build.
        said = instance.error.log_tail if instance.error is not None else ""
        instance.output.mark_end(f"{final}{why}", said)
        await self._tell_end(instance.error)
        if instance.error is not None:
            instance.lifecycle.enter(final, error=instance.error.as_dict())
        elif self._why_stopped:
            instance.lifecycle.enter(final, detail=self._why_stopped)
        else:
            instance.lifecycle.enter(final)

    async def _tell_end(self, error: EngineError | None) -> None:
        """Say how the process ended, and why that is an error if it is, with its last lines."""
        instance = self._instance
        await instance.output.close()
        if instance.exit is not None:
            wanted = {"code": "plugin-stopped"} if self._stop_wanted.is_set() else {}
            last_lines = instance.output.last_lines()
            instance.emit("exit", **instance.exit, **wanted, last_lines=last_lines)
        if error is not None:
            if not error.log_tail:
                error.log_tail = "\n".join(instance.output.last_lines())
            _LOG.warning("%s: %s", instance.manifest.name, error.message)

    async def _live_once(self) -> bool:
        """Return whether that was its life: False when it has crashed and is to start again."""
        instance, limits = self._instance, self._tools.limits
        if self._crashes is None:
            usual = RestartPolicy(limits.restarts, limits.restarts_within_s, limits.restart_wait_s)
            manifest = instance.manifest
            self._crashes = Crashes(restart_policy(manifest.config, manifest.flags, usual))
        try:
            await self._live()
        except PluginExitedError as error:
            # Only a client can bring a new process up to what the old one was.
            if instance.state is not State.READY or not instance.peers:
                raise
            self._again = self._crashes.another(time.monotonic())
            if self._again is None:
                error.hint = self._hint_after(self._crashes) or error.hint
                raise
            instance.error = error
            return False
        return True

    async def _back_off(self) -> None:
        """Tell everybody that the process has ended and starts again, and wait for that."""
        instance, again, error = self._instance, self._again, self._instance.error
        if again is None or error is None:
            return
        await self._tell_end(error)
        error.hint = (
            f"It starts again in {again.wait_s:g} s (attempt {again.attempt} of {again.most})."
        )
        instance.lifecycle.enter(
            State.BACKOFF,
            error=error.as_dict(),
            wait_s=again.wait_s,
            attempt=again.attempt,
            of=again.most,
        )
        instance.renew()
        self._record = None
        with contextlib.suppress(TimeoutError):
            # A stop cancels this.
            await asyncio.wait_for(asyncio.Event().wait(), again.wait_s)

    def _hint_after(self, crashes: Crashes) -> str:
        if not crashes.policy.most:
            return ""
        minutes = crashes.policy.within_s / 60
        return (
            f"It was started again {crashes.policy.most} times within {minutes:g} minutes, and "
            "ended each time. Its last lines may say why."
        )

    async def _live(self) -> None:
        async with AsyncExitStack() as stack:
            if self._detached is not None:
                stack.push_async_callback(self._forget, self._detached)
            if self._record is not None and self._instance.lease is not None:
                # It was booked before anybody could ask for a card.
                stack.callback(self._instance.lease.release)
            start = WorkerStart(self._instance, self._tools, stack, self._reap)
            limits = plugin_limits(self._instance.manifest.config, usual_limits(self._tools.limits))
            if self._record is not None:
                worker = await start.found(self._record)
            else:
                worker = await start.anew()
            if self._tools.guard is not None:
                await stack.enter_async_context(self._tools.guard.holding(self._instance, limits))
            await self._serve(worker)

    async def _serve(self, worker: StartedWorker) -> None:
        """Be READY until the worker ends, its link breaks, or somebody wants it to stop."""
        instance, channel, exited = self._instance, worker.arrival.channel, worker.exited
        channel.send(self._welcome(worker.variables))
        instance.channel = channel
        if self._detached is not None:
            receive_numbered(channel, instance.receive, self._tools.written)
            self._holder_pid = worker.process.holder_pid
            await self._detached.remember(instance, worker.process)
            worker.process.keep()
        else:
            channel.receive_with(instance.receive)
        instance.lifecycle.enter(State.READY, pid=worker.process.pid)
        stop_wanted = asyncio.ensure_future(self._stop_wanted.wait())
        evicted = asyncio.ensure_future(instance.evicted.wait())
        try:
            waiting: set[asyncio.Future[Any]] = {exited, stop_wanted, evicted, channel.closed}
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if stop_wanted.done():
                if not self._leaves:
                    await self._drain(exited)
                return
            if instance.eviction is not None:
                await self._evict(instance.eviction, worker)
            # A worker that ends closes its link a moment earlier.
            either: set[asyncio.Future[Any]] = {exited, stop_wanted}
            await asyncio.wait(either, timeout=_LAST_MOMENT_S, return_when=asyncio.FIRST_COMPLETED)
            if stop_wanted.done():
                return
            if channel.fault or not exited.done():
                raise PluginExitedError(
                    channel.fault or "The plugin closed its connection.",
                    hint="Reload the plugin to start it again.",
                )
            report = exited.result()
            if report.exit_code != 0:
                if self._tools.guard and (reason := await self._tools.guard.explained(instance)):
                    raise reason
                raise PluginExitedError(
                    f"The plugin's process ended: {report.words}.",
                    hint="Its last lines may say why. Reload the plugin to start it again.",
                )
        finally:
            stop_wanted.cancel()
            evicted.cancel()

    async def _evict(self, eviction: Eviction, worker: StartedWorker) -> None:
        """End the plugin for the engine's own reason, and raise that."""
        self._instance.note(eviction.error.message)
        if eviction.at_once:
            await worker.process.stop(Ladder.at_once())
        else:
            await self._drain(worker.exited)
        raise eviction.error

    async def _drain(self, exited: asyncio.Future[ExitReport]) -> None:
        """Ask the worker to call the plugin's `exit()` and leave; wait for that a bounded time."""
        grace_s = self._tools.limits.stop_timeout_s
        words = f"It is asked to leave, by its exit() if it has one, within {grace_s:g} s"
        self._instance.lifecycle.enter(
            State.DRAINING, detail=words, step="cancel", within_s=grace_s
        )
        body = json.dumps({"grace_s": grace_s}).encode()
        shutdown = Frame(
            to=self._instance.peer_id, sender="", kind="shutdown", body=body, buffers=()
        )
        self._instance.deliver(shutdown)
        await asyncio.wait({exited}, timeout=grace_s)

    async def _reap(self, process: WorkerProcess) -> None:
        """End what is left of the process tree and note how it ended; or leave it to live on."""
        channel = self._instance.channel
        if self._leaves:
            self._tools.listener.leave_to_next(self._instance.secret)
            if channel is not None:
                channel.close()
            await process.leave()
            return
        report = await process.stop(Ladder(on_step=self._told_step))
        self._instance.exit = report.as_dict()
        if channel is not None:
            channel.close()
        if self._tools.shared_memory is not None:
            await asyncio.to_thread(
                _remove_unfetched, self._tools.shared_memory, self._instance.peer_id
            )

    def _told_step(self, step: str, seconds: float) -> None:
        """Let people see how hard it is to end the plugin."""
        if self._instance.state is State.DRAINING:
            words = f"It does not leave: {step}, for at most {seconds:g} s"
            self._instance.lifecycle.describe(detail=words, step=step, within_s=seconds)

    async def _forget(self, detached: DetachedPlugins) -> None:
        if not self._leaves:
            await detached.forget(self._instance.id)

    def _welcome(self, variables: Mapping[str, str]) -> Frame:
        instance, shared_memory = self._instance, self._tools.shared_memory
        body: dict[str, Any] = {
            "peer_id": instance.peer_id,
            "plugin": {"id": instance.id, **instance.manifest.as_dict()},
            "workspace": instance.workspace,
            "work_dir": str(instance.work_dir),
            "variables": dict(variables),
            "engine_url": self._tools.engine_url(),
            "file_manager_url": self._tools.engine_url(),
            "shared_memory": str(shared_memory) if shared_memory is not None else None,
            "peers": list(instance.peers),
            "max_message_bytes": self._tools.limits.max_message_bytes,
        }
        if self._detached is not None:
            address_file = str(self._detached.address_file(instance.id))
            body["outlast"] = {"address_file": address_file, "secret": instance.secret}
            body["workers"] = list(self._others)
        return Frame(
            to=instance.peer_id,
            sender="",
            kind="welcome",
            body=json.dumps(body).encode(),
            buffers=(),
        )


def _told(error: Exception) -> EngineError:
    """Return what people are told of an error that nobody has foreseen."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return MachineError(
            f"The engine has no room on its disk: {error.strerror}.",
            hint="Make room in the workspace and the store, then load the plugin again.",
        )
    return EngineError(f"The engine failed while it ran the plugin: {error!r}.")


def _remove_unfetched(directory: Path, peer_id: str) -> None:
    """Remove what others left in shared memory for a worker that has ended."""
    # No glob: each of its patterns would be compiled, and kept for a while.
    for path in directory.iterdir():
        if path.name.startswith(f"{peer_id}-"):
            path.unlink(missing_ok=True)

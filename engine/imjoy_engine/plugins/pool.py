"""All running plugins of one engine."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from imjoy_engine.errors import ClientError, EngineError
from imjoy_engine.plugins.instance import InstanceObserver, PluginInstance
from imjoy_engine.plugins.log_files import find_logs
from imjoy_engine.plugins.log_times import Printed
from imjoy_engine.plugins.manifest import PluginManifest
from imjoy_engine.plugins.output import last_printed
from imjoy_engine.plugins.supervisor import PluginSupervisor
from imjoy_engine.plugins.tools import Tools
from imjoy_engine.transport import Receiver
from imjoy_wire.frames import Frame

__all__ = ["EngineStoppingError", "PluginPool", "TooManyPluginsError", "check_room"]

_LOG = logging.getLogger(__name__)
_STOPPED = "The engine was stopped, and the plugin with it."


class TooManyPluginsError(ClientError):
    """The engine runs as many plugins as it may."""

    code = "too-many-plugins"


class EngineStoppingError(EngineError):
    """The engine is being stopped and starts nothing any more."""

    code = "engine-stopping"


class PluginPool:
    """Start, find and stop plugins; events and frames go to the two callbacks."""

    def __init__(
        self,
        tools: Tools,
        *,
        log_dir: Path,
        on_event: Callable[[PluginInstance, dict[str, Any]], None],
        on_frame: Callable[[PluginInstance, Frame], Receiver | None],
    ) -> None:
        self._tools = tools
        self._log_dir = log_dir
        self._observer = InstanceObserver(self._heard, on_frame)
        self._on_event = on_event
        self.left: list[tuple[PluginInstance, int]] = []
        """Plugins that live on without this engine, each with the process that ends it on SIGTERM;
        known after `close`."""
        self._running: dict[str, tuple[PluginInstance, PluginSupervisor]] = {}
        self._is_closing = False

    @property
    def spares(self) -> int:
        """Return how many interpreters wait for a plugin."""
        return self._tools.spares.idle if self._tools.spares is not None else 0

    def instances(self, workspace: str | None = None) -> list[PluginInstance]:
        """Return the running plugins, all or one workspace's, oldest first."""
        return [
            instance
            for instance, _ in self._running.values()
            if workspace is None or instance.workspace == workspace
        ]

    def shared(self, manifest: PluginManifest, workspace: str) -> PluginInstance | None:
        """Return the one running instance of a `single-instance` plugin, or None."""
        if "single-instance" not in manifest.flags:
            return None
        for instance in self.instances(workspace):
            same = (instance.manifest.name, instance.manifest.tag) == (manifest.name, manifest.tag)
            if same and not instance.lifecycle.is_final:
                return instance
        return None

    async def printed_before(self, name: str, workspace: str) -> list[Printed]:
        """Return the last of what the plugin of that name printed when it ran last.

        [] when it never did. What an instance prints that runs is its own to tell.
        """
        running = {instance.id for instance in self.instances(workspace)}

        def read() -> list[Printed]:
            for file in find_logs(self._log_dir, name):
                if file.workspace == workspace and file.instance not in running:
                    return last_printed(file.path)
            return []

        return await asyncio.to_thread(read)

    def start(
        self, manifest: PluginManifest, *, workspace: str, work_dir: Path
    ) -> tuple[PluginInstance, Callable[[], None]]:
        """Return a new instance and the function that begins its life.

        Two steps, so that the caller can attach itself before the first event.
        TooManyPluginsError when the engine runs as many plugins as it may, EngineStoppingError
        when it is being stopped.
        """
        if self._is_closing:
            raise EngineStoppingError(
                "The engine is being stopped.", hint="Start the plugin when an engine runs again."
            )
        limit = self._tools.limits.max_plugins
        if len(self._running) >= limit:
            raise TooManyPluginsError(
                f"The engine already runs {limit} plugins.",
                hint="Stop plugins that are not needed, or start the engine with a larger "
                "--max-plugins.",
            )
        instance = PluginInstance(
            manifest,
            workspace=workspace,
            work_dir=work_dir,
            log_dir=self._log_dir,
            max_log_bytes=self._tools.limits.plugin_log_bytes,
            observer=self._observer,
        )
        for doubt in manifest.doubts:
            instance.note(doubt)
        supervisor = PluginSupervisor(instance, self._tools)
        self._running[instance.id] = (instance, supervisor)
        return instance, supervisor.start

    async def found(self) -> list[tuple[PluginInstance, Callable[[], None]]]:
        """Return the plugins that earlier engines left, each as `start` does; they count too.

        They hold their cards from now on, before anybody can ask for one.
        """
        if self._tools.detached is None:
            return []
        records = await self._tools.detached.all()
        peers = {record.peer_id: record.workspace for record in records}
        found = []
        for record in records:
            instance = PluginInstance(
                record.manifest,
                workspace=record.workspace,
                work_dir=Path(record.work_dir),
                log_dir=self._log_dir,
                max_log_bytes=self._tools.limits.plugin_log_bytes,
                observer=self._observer,
            )
            instance.resume(record.instance, record.peer_id, record.secret)
            if self._tools.gpus is not None and "gpus" in record.leases:
                instance.lease = self._tools.gpus.adopt(record.leases["gpus"])
            others = [peer for peer, name in peers.items() if name == record.workspace]
            supervisor = PluginSupervisor(instance, self._tools, record, others)
            self._running[instance.id] = (instance, supervisor)
            found.append((instance, supervisor.start))
        return found

    async def stop(self, instance: PluginInstance) -> None:
        """Return when the plugin has ended; at once when it had."""
        entry = self._running.get(instance.id)
        if entry is not None:
            await entry[1].stop()

    async def end_bound(self) -> None:
        """Return when every plugin has ended that does not outlive the engine.

        Nothing is started any more. Their clients hear of it as of any other end.
        """
        self._is_closing = True
        entries = [entry for entry in self._running.values() if not entry[1].may_be_left]
        await asyncio.gather(*(supervisor.stop(_STOPPED) for _, supervisor in entries))

    async def close(self) -> None:
        """Return when every plugin has ended, and every spare interpreter.

        But one that may detach, and is ready, lives on by itself.
        """
        self._is_closing = True
        if self._tools.spares is not None:
            await self._tools.spares.close()
        await asyncio.gather(*(self._end(*entry) for entry in list(self._running.values())))

    async def _end(self, instance: PluginInstance, supervisor: PluginSupervisor) -> None:
        if (holder := await supervisor.leave()) is not None:
            self._running.pop(instance.id, None)
            self.left.append((instance, holder))
        else:
            await supervisor.stop(_STOPPED)

    def _heard(self, instance: PluginInstance, event: dict[str, Any]) -> None:
        if instance.lifecycle.is_final and event["event"] == "state":
            self._running.pop(instance.id, None)
        self._on_event(instance, event)


def check_room(used: int, limit: int) -> None:
    """Return when a client that uses so many plugins may have another; TooManyPluginsError else."""
    if used >= limit:
        raise TooManyPluginsError(
            f"This client already uses {limit} plugins.",
            hint="Stop plugins that are not needed, or start the engine with a larger "
            "--max-plugins-per-session.",
        )

"""Which sessions use which plugin, and how long a plugin that nobody uses may live on."""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from imjoy_engine.clock import Clock
from imjoy_engine.plugins import PluginInstance, PluginPool

__all__ = ["ALLOW_DETACH", "Attendance", "Attendant"]

_LOG = logging.getLogger(__name__)
ALLOW_DETACH = "allow-detach"


class Attendant(Protocol):
    """A session as this module sees it."""

    @property
    def is_connected(self) -> bool:
        """Return whether its client is there now."""
        ...


class Attendance:
    """Who uses which plugin; one without anybody ends after `grace_s`, unless it may detach."""

    def __init__(self, pool: PluginPool, clock: Clock, grace_s: float) -> None:
        self._pool = pool
        self._clock = clock
        self._grace_s = grace_s
        self._users: dict[str, list[Attendant]] = {}
        self._ending: dict[str, asyncio.Task[None]] = {}
        self._stopping: set[asyncio.Task[None]] = set()

    def joined(self, instance: PluginInstance, session: Attendant) -> None:
        """Take note that a session uses the plugin; its grace period, if it ran, is over."""
        self._users.setdefault(instance.id, []).append(session)
        if (task := self._ending.pop(instance.id, None)) is not None:
            task.cancel()

    def left(self, instance: PluginInstance, session: Attendant, *, grace: bool = True) -> None:
        """Take note that a session does not use it any more.

        When nobody does, the plugin ends: after the grace period, or now when that has passed
        already (`grace` false); with the flag `allow-detach` it lives on.
        """
        users = self._users.get(instance.id, [])
        if session in users:
            users.remove(session)
        if users:
            return
        self._users.pop(instance.id, None)
        if instance.lifecycle.is_final or ALLOW_DETACH in instance.manifest.flags:
            return
        loop = asyncio.get_running_loop()
        if grace:
            self._ending[instance.id] = loop.create_task(self._end_later(instance))
        else:
            self._stop(instance)

    def is_attended(self, instance: PluginInstance) -> bool:
        """Return whether a client that is there now uses the plugin."""
        return any(session.is_connected for session in self._users.get(instance.id, ()))

    def others_there(self, instance: PluginInstance, session: Attendant) -> bool:
        """Return whether another session whose client is there now uses the plugin."""
        users = self._users.get(instance.id, ())
        return any(other is not session and other.is_connected for other in users)

    def users(self, instance: PluginInstance) -> int:
        """Return how many sessions use the plugin, those whose client is away included."""
        return len(self._users.get(instance.id, ()))

    def ended(self, instance: PluginInstance) -> None:
        """Forget a plugin that has ended."""
        self._users.pop(instance.id, None)
        if (task := self._ending.pop(instance.id, None)) is not None:
            task.cancel()

    async def close(self) -> None:
        """End the waiting; the plugins themselves are the pool's to end."""
        for task in self._ending.values():
            task.cancel()
        self._ending.clear()
        if self._stopping:
            await asyncio.wait(self._stopping)

    async def _end_later(self, instance: PluginInstance) -> None:
        await self._clock.sleep(self._grace_s)
        self._ending.pop(instance.id, None)
        _LOG.info("%s ends: no client came back to it.", instance.manifest.name)
        self._stop(instance)

    def _stop(self, instance: PluginInstance) -> None:
        task = asyncio.get_running_loop().create_task(self._pool.stop(instance))
        self._stopping.add(task)
        task.add_done_callback(self._stopping.discard)

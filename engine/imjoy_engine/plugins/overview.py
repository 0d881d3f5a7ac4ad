"""What runs, what it uses and who waits: one answer for the page, the terminal and metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from imjoy_engine.plugins.instance import PluginInstance
from imjoy_engine.plugins.pool import PluginPool
from imjoy_engine.plugins.usage import Usage, UsageMeter
from imjoy_engine.resources import GpuLeases

__all__ = ["Overview"]


class Overview:
    """Reads only; what it returns is for JSON."""

    def __init__(
        self,
        pool: PluginPool,
        gpus: GpuLeases,
        meter: UsageMeter,
        runs_under_way: Callable[[], Mapping[str, int]] = Counter,
    ) -> None:
        self._pool = pool
        self._gpus = gpus
        self._meter = meter
        self._runs_under_way = runs_under_way

    @property
    def waiting(self) -> int:
        """Return how many plugins wait for a GPU."""
        return self._gpus.waiting

    @property
    def spares(self) -> int:
        """Return how many interpreters wait for a plugin."""
        return self._pool.spares

    async def plugins(self, workspace: str | None = None) -> list[dict[str, Any]]:
        """Return the running plugins with what each uses, all or one workspace's, oldest first."""
        instances = self._pool.instances(workspace)
        usage = await self._meter.of(instances)
        runs = self._runs_under_way()
        return [
            {**_described(instance, usage.get(instance.id)), "runs": runs.get(instance.id, 0)}
            for instance in instances
        ]

    async def gpus(self) -> list[dict[str, Any]]:
        """Return the GPUs as `engine_info` lists them, with UUID and holders."""
        holders = self._gpus.holders()
        return [
            {**gpu.as_legacy(), "uuid": gpu.uuid, "holders": holders.get(gpu.uuid, [])}
            for gpu in (await self._gpus.inventory()).gpus
        ]


def _described(instance: PluginInstance, usage: Usage | None) -> dict[str, Any]:
    place, lease = instance.queue_place, instance.lease
    return {
        "name": instance.manifest.name,
        "tag": instance.manifest.tag,
        "version": instance.manifest.version,
        "instance": instance.id,
        "workspace": instance.workspace,
        "pid": instance.pid,
        "state": instance.state.value,
        "detail": str(instance.lifecycle.detail.get("detail", "")),
        "clients": len(instance.peers),
        "gpus": list(lease.indices) if lease is not None else [],
        "queue": None
        if place is None
        else {"position": place.position, "length": place.length, "reason": place.reason},
        "usage": None if usage is None else usage.as_dict(),
    }

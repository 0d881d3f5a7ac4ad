"""What one plugin is given of the machine while it lives.

What is not here: the order in which it is given and taken back (`supervisor.py`), and the
decisions (`resources`).
"""

from __future__ import annotations

from imjoy_engine.plugins.instance import PluginInstance
from imjoy_engine.plugins.lifecycle import State
from imjoy_engine.resources import GpuLease, GpuLeases, GpuWish, Place

__all__ = ["leased_gpus"]


async def leased_gpus(instance: PluginInstance, leases: GpuLeases, wish: GpuWish) -> GpuLease:
    """Return the lease that a plugin wishes for; meanwhile it is QUEUED and says where it stands.

    Raises NoGpuError when this machine will never have what the plugin cannot do without.
    """

    def told(place: Place) -> None:
        instance.queue_place = place
        if instance.state is State.QUEUED:
            instance.lifecycle.describe(detail=place.words)
        else:
            instance.lifecycle.enter(State.QUEUED, detail=place.words)

    try:
        lease = await leases.acquire(instance.manifest.name, wish, told)
    finally:
        instance.queue_place = None
    if not lease.uuids:
        instance.note("No GPU is free for this plugin: it runs without one.")
    return lease

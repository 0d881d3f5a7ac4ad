"""Who tells which GPUs there are: NVIDIA's library, or somebody else's by the same port.

Another vendor's cards come by a package with an entry point in the group `imjoy_engine.gpu_probes`,
or by `module:attribute` given to `--gpu-probe`; both name a callable that returns a `GpuProbe`.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from importlib.metadata import entry_points
from typing import Protocol, cast

from imjoy_engine.errors import UsageError
from imjoy_engine.resources import gpus
from imjoy_engine.resources.gpus import Gpu, GpuInventory

__all__ = ["ENTRY_POINTS", "GpuProbe", "NvmlProbe", "load_probe", "visible"]

ENTRY_POINTS = "imjoy_engine.gpu_probes"


class GpuProbe(Protocol):
    """One vendor's cards. Every method is called in a thread and may take milliseconds."""

    def inventory(self) -> GpuInventory:
        """Return the cards that plugins may be given; what is broken is a reason, not an error."""
        ...

    def memory_by_process(self) -> Mapping[int, int]:
        """Return the bytes of GPU memory that processes use, by process id, as far as known."""
        ...

    def variables(self, uuids: Sequence[str]) -> Mapping[str, str]:
        """Return the environment variables that show a process these cards and no others."""
        ...


class NvmlProbe:
    """NVIDIA's cards, restricted to those that the engine itself was given."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._own = (environment or {}).get("CUDA_VISIBLE_DEVICES")

    def inventory(self) -> GpuInventory:
        """Return the cards that NVML lists and `CUDA_VISIBLE_DEVICES` leaves."""
        return visible(gpus.nvml_inventory(), self._own)

    def memory_by_process(self) -> Mapping[int, int]:
        """Return the bytes of GPU memory by process id, as far as the driver knows."""
        return gpus.nvml_memory_by_process()

    def variables(self, uuids: Sequence[str]) -> Mapping[str, str]:
        """Return what shows CUDA these cards; by UUID, since its order differs from NVML's."""
        return {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ",".join(uuids)}


def visible(inventory: GpuInventory, setting: str | None) -> GpuInventory:
    """Return the cards that a `CUDA_VISIBLE_DEVICES` of the engine's own leaves, in its order.

    A scheduler or a container gives a process part of a machine in this way.
    """
    if setting is None or not inventory.gpus:
        return inventory
    found: list[Gpu] = []
    for name in filter(None, (part.strip() for part in setting.split(","))):
        named = [
            gpu
            for gpu in inventory.gpus
            if name == str(gpu.index) or (name.startswith("GPU-") and gpu.uuid.startswith(name))
        ]
        if not named:
            break  # As CUDA does: what comes after an unknown card does not count.
        found.extend(gpu for gpu in named if gpu not in found)
    if found:
        return GpuInventory(tuple(found), inventory.reason)
    return GpuInventory(
        reason=f"The engine was started with CUDA_VISIBLE_DEVICES={setting!r}, which leaves none."
    )


def load_probe(name: str, environment: Mapping[str, str] | None = None) -> GpuProbe:
    """Return the probe called `nvml`, one of an installed package, or `module:attribute`.

    Raises UsageError that lists the known names.
    """
    if name == "nvml":
        return NvmlProbe(environment)
    found = {point.name: point for point in entry_points(group=ENTRY_POINTS)}
    try:
        if name in found:
            return cast("GpuProbe", found[name].load()())
        module, _, attribute = name.partition(":")
        if attribute:
            return cast("GpuProbe", getattr(importlib.import_module(module), attribute)())
    except (ImportError, AttributeError) as error:
        raise UsageError(
            f"The GPU probe {name!r} cannot be loaded: {error}.",
            hint="Install its package into the engine's environment.",
        ) from error
    raise UsageError(
        f"There is no GPU probe {name!r}.",
        hint=f"Known are {', '.join(['nvml', *sorted(found)])}; or give it as module:attribute.",
    )

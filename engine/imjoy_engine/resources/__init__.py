"""What the machine has: GPUs, processors, memory."""

from __future__ import annotations

from imjoy_engine.resources.gpus import Gpu, GpuInventory, list_gpus
from imjoy_engine.resources.limits import MachineLimits, machine_limits

__all__ = ["Gpu", "GpuInventory", "MachineLimits", "list_gpus", "machine_limits"]

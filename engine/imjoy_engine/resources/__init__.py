"""What the machine has, and who holds which part of it: GPUs, processors, memory."""

from __future__ import annotations

from imjoy_engine.resources.gpu_choice import GpuWish
from imjoy_engine.resources.gpus import Gpu, GpuInventory
from imjoy_engine.resources.leases import GpuLease, GpuLeases, NoGpuError, Place
from imjoy_engine.resources.limits import MachineLimits, machine_limits
from imjoy_engine.resources.probes import GpuProbe, NvmlProbe, load_probe

__all__ = [
    "Gpu",
    "GpuInventory",
    "GpuLease",
    "GpuLeases",
    "GpuProbe",
    "GpuWish",
    "MachineLimits",
    "NoGpuError",
    "NvmlProbe",
    "Place",
    "load_probe",
    "machine_limits",
]

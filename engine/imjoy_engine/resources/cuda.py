"""Which CUDA the driver of this machine can do, for builds that are chosen by it."""

from __future__ import annotations

import asyncio
import importlib
from typing import Any

__all__ = ["cuda_version", "read_cuda_version"]


async def cuda_version() -> str | None:
    """Return the newest CUDA that the NVIDIA driver supports, such as "12.4", or None without one.

    Packages built for that version or an older one run here.
    """
    return await asyncio.to_thread(_cuda_version)


def _cuda_version() -> str | None:
    try:
        nvml = importlib.import_module("pynvml")
    except ImportError:
        return None
    return read_cuda_version(nvml)


def read_cuda_version(nvml: Any) -> str | None:
    """Return what `nvml`, the module pynvml, tells; None from a driver that does not answer."""
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        return None
    try:
        # 12040 for 12.4, and 0 where the machine has a driver and no card.
        number = int(nvml.nvmlSystemGetCudaDriverVersion_v2())
        return f"{number // 1000}.{number % 1000 // 10}" if number else None
    except nvml.NVMLError:
        return None
    finally:
        nvml.nvmlShutdown()

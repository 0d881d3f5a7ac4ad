"""Which GPUs the machine has, as NVIDIA's management library tells it.

What is not here: who uses which one.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

__all__ = [
    "Gpu",
    "GpuInventory",
    "nvml_inventory",
    "nvml_memory_by_process",
    "read_gpus",
    "read_memory_by_process",
]

_MEBIBYTE = 1 << 20

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Gpu:
    """One card, as it was when asked.

    `index` is NVML's, which CUDA shares only with CUDA_DEVICE_ORDER=PCI_BUS_ID; `uuid` is the same
    everywhere. `utilisation` is a fraction; None where the card does not tell (MIG, virtual GPUs).
    """

    uuid: str
    index: int
    name: str
    memory_total_bytes: int
    memory_free_bytes: int
    utilisation: float | None
    temperature_c: int | None
    driver: str

    def as_legacy(self) -> dict[str, Any]:
        """Return the shape in which `engine_info` has always listed GPUs: sizes in MiB."""
        used_bytes = self.memory_total_bytes - self.memory_free_bytes
        return {
            "name": self.name,
            "id": self.index,
            "memory_total": round(self.memory_total_bytes / _MEBIBYTE),
            "memory_util": used_bytes / self.memory_total_bytes if self.memory_total_bytes else 0.0,
            "memoryUsed": round(used_bytes / _MEBIBYTE),
            "driver": self.driver,
            "temperature": self.temperature_c,
            "load": self.utilisation,
        }


@dataclass(frozen=True, slots=True)
class GpuInventory:
    """The cards, and in words why there are none or why some are missing."""

    gpus: tuple[Gpu, ...] = ()
    reason: str = ""


def nvml_inventory() -> GpuInventory:
    """Return the NVIDIA GPUs of this machine; asking takes milliseconds."""
    try:
        nvml = importlib.import_module("pynvml")
    except ImportError:
        return GpuInventory(reason="The package nvidia-ml-py is not installed.")
    return read_gpus(nvml)


def nvml_memory_by_process() -> dict[int, int]:
    """Return the bytes of GPU memory that processes use, by process id; empty without a driver."""
    try:
        nvml = importlib.import_module("pynvml")
    except ImportError:
        return {}
    return read_memory_by_process(nvml)


def read_memory_by_process(nvml: Any) -> dict[int, int]:
    """Return what `nvml` tells of processes; a card that does not tell counts as unused."""
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        return {}
    used: dict[int, int] = {}
    try:
        for index in range(nvml.nvmlDeviceGetCount()):
            handle = nvml.nvmlDeviceGetHandleByIndex(index)
            for entry in nvml.nvmlDeviceGetComputeRunningProcesses(handle):
                # In a container the driver may know the process and not its memory.
                used[entry.pid] = used.get(entry.pid, 0) + (entry.usedGpuMemory or 0)
    except nvml.NVMLError:
        return used
    finally:
        nvml.nvmlShutdown()
    return used


def read_gpus(nvml: Any) -> GpuInventory:
    """Return what `nvml`, the module pynvml, tells; a broken driver is a reason, not an error."""
    try:
        nvml.nvmlInit()
    except nvml.NVMLError_LibraryNotFound:
        return GpuInventory(reason="No NVIDIA driver is installed.")
    except nvml.NVMLError_LibRmVersionMismatch:
        return GpuInventory(reason="The NVIDIA driver was upgraded: restart the machine.")
    except nvml.NVMLError as error:
        return GpuInventory(reason=f"The NVIDIA driver does not answer: {error}.")
    try:
        return _read_all(nvml)
    finally:
        nvml.nvmlShutdown()


def _read_all(nvml: Any) -> GpuInventory:
    gpus: list[Gpu] = []
    lost: list[str] = []
    try:
        driver = _text(nvml.nvmlSystemGetDriverVersion())
        count = nvml.nvmlDeviceGetCount()
    except nvml.NVMLError as error:
        return GpuInventory(reason=f"The NVIDIA driver does not answer: {error}.")
    for index in range(count):
        try:
            gpus.append(_read_one(nvml, index, driver))
        except nvml.NVMLError as error:
            lost.append(f"GPU {index} does not answer: {error}.")
    reason = " ".join(lost) or ("" if gpus else "The NVIDIA driver knows no GPU.")
    return GpuInventory(tuple(gpus), reason)


def _read_one(nvml: Any, index: int, driver: str) -> Gpu:
    handle = nvml.nvmlDeviceGetHandleByIndex(index)
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    rates = _told(nvml, lambda: nvml.nvmlDeviceGetUtilizationRates(handle))
    return Gpu(
        uuid=_text(nvml.nvmlDeviceGetUUID(handle)),
        index=index,
        name=_text(nvml.nvmlDeviceGetName(handle)),
        memory_total_bytes=int(memory.total),
        memory_free_bytes=int(memory.free),
        utilisation=None if rates is None else rates.gpu / 100,
        temperature_c=_told(
            nvml, lambda: int(nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU))
        ),
        driver=driver,
    )


def _told(nvml: Any, ask: Callable[[], T]) -> T | None:
    """Return the answer, or None from a card that does not have it."""
    try:
        return ask()
    except nvml.NVMLError:
        return None


def _text(value: str | bytes) -> str:
    # Older releases of the library return bytes.
    return value.decode() if isinstance(value, bytes) else value

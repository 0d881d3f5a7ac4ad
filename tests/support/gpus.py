"""GPUs without any: a probe whose cards a test makes up."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from imjoy_engine.resources import Gpu, GpuInventory

__all__ = ["GIB", "FakeProbe", "gpu", "probe_from_environment"]

GIB = 1 << 30


def gpu(index: int = 0, **changes: Any) -> Gpu:
    """Return an idle card of 24 GiB called `GPU-<index>`."""
    fields: dict[str, Any] = {
        "uuid": f"GPU-{index}",
        "index": index,
        "name": "Fake",
        "memory_total_bytes": 24 * GIB,
        "memory_free_bytes": 24 * GIB,
        "utilisation": 0.0,
        "temperature_c": 40,
        "driver": "1.0",
    }
    return Gpu(**{**fields, **changes})


class FakeProbe:
    """Lists what a test says, and shows cards by a variable of its own."""

    def __init__(self, *gpus: Gpu, reason: str = "") -> None:
        self.gpus = gpus
        self.reason = reason
        self.used: dict[int, int] = {}

    def inventory(self) -> GpuInventory:
        return GpuInventory(self.gpus, self.reason)

    def memory_by_process(self) -> Mapping[int, int]:
        return self.used

    def variables(self, uuids: Sequence[str]) -> Mapping[str, str]:
        return {"CUDA_VISIBLE_DEVICES": ",".join(uuids)}


def probe_from_environment() -> FakeProbe:
    """Return the probe of an engine in a process of its own: `FAKE_GPUS` cards."""
    count = int(os.environ.get("FAKE_GPUS", "1"))  # noqa: TID251 - set by the test for its engine
    return FakeProbe(*(gpu(index) for index in range(count)), reason="A test has taken them all.")

from __future__ import annotations

from types import SimpleNamespace

import pytest

from imjoy_engine.resources import GpuInventory
from imjoy_engine.resources.gpus import nvml_inventory, read_gpus, read_memory_by_process

GIB = 1 << 30


class FakeNvml:
    """NVML with cards made of dicts; a value that is an error is raised when it is asked for."""

    NVML_TEMPERATURE_GPU = 0

    def nvmlDeviceGetComputeRunningProcesses(self, card):
        return self._given(card.get("processes", []))

    class NVMLError(Exception): ...

    class NVMLError_LibraryNotFound(NVMLError): ...  # noqa: N801

    class NVMLError_LibRmVersionMismatch(NVMLError): ...  # noqa: N801

    def __init__(self, *cards, start_error=None, driver="575.1"):
        self.cards = cards
        self.start_error = start_error
        self.driver = driver
        self.started = 0

    def nvmlInit(self):
        if self.start_error is not None:
            raise self.start_error
        self.started += 1

    def nvmlShutdown(self):
        self.started -= 1

    def nvmlSystemGetDriverVersion(self):
        return self._given(self.driver)

    def nvmlDeviceGetCount(self):
        return len(self.cards)

    def nvmlDeviceGetHandleByIndex(self, index):
        return self._given(self.cards[index])

    def nvmlDeviceGetUUID(self, card):
        return card["uuid"]

    def nvmlDeviceGetName(self, card):
        return card["name"]

    def nvmlDeviceGetMemoryInfo(self, card):
        return SimpleNamespace(total=card["total"], free=card["free"])

    def nvmlDeviceGetUtilizationRates(self, card):
        return SimpleNamespace(gpu=self._given(card["load"]))

    def nvmlDeviceGetTemperature(self, card, which):
        assert which == self.NVML_TEMPERATURE_GPU
        return self._given(card["temperature"])

    @staticmethod
    def _given(value):
        if isinstance(value, Exception):
            raise value
        return value


def card(**changes):
    return {
        "uuid": "GPU-1",
        "name": "H200",
        "total": 140 * GIB,
        "free": 35 * GIB,
        "load": 25,
        "temperature": 41,
        **changes,
    }


def test_a_card_is_read():
    nvml = FakeNvml(card())

    inventory = read_gpus(nvml)

    (gpu,) = inventory.gpus
    assert (gpu.uuid, gpu.index, gpu.name, gpu.driver) == ("GPU-1", 0, "H200", "575.1")
    assert (gpu.memory_total_bytes, gpu.memory_free_bytes) == (140 * GIB, 35 * GIB)
    assert (gpu.utilisation, gpu.temperature_c) == (0.25, 41)
    assert inventory.reason == ""
    assert nvml.started == 0


def test_the_legacy_shape_counts_in_mebibytes():
    (gpu,) = read_gpus(FakeNvml(card())).gpus

    assert gpu.as_legacy() == {
        "name": "H200",
        "id": 0,
        "memory_total": 140 * 1024,
        "memory_util": 0.75,
        "memoryUsed": 105 * 1024,
        "driver": "575.1",
        "temperature": 41,
        "load": 0.25,
    }


def test_a_card_that_does_not_tell_everything():
    silent = FakeNvml.NVMLError("Not Supported")

    (gpu,) = read_gpus(FakeNvml(card(load=silent, temperature=silent, name=b"old"))).gpus

    assert (gpu.utilisation, gpu.temperature_c, gpu.name) == (None, None, "old")


def test_a_lost_card_does_not_hide_the_others():
    lost = FakeNvml.NVMLError("GPU is lost")

    inventory = read_gpus(FakeNvml(lost, card()))

    assert [gpu.index for gpu in inventory.gpus] == [1]
    assert inventory.reason == "GPU 0 does not answer: GPU is lost."


@pytest.mark.parametrize(
    ("nvml", "reason"),
    [
        (
            FakeNvml(start_error=FakeNvml.NVMLError_LibraryNotFound()),
            "No NVIDIA driver is installed.",
        ),
        (
            FakeNvml(start_error=FakeNvml.NVMLError_LibRmVersionMismatch()),
            "The NVIDIA driver was upgraded: restart the machine.",
        ),
        (
            FakeNvml(start_error=FakeNvml.NVMLError("No Permission")),
            "The NVIDIA driver does not answer: No Permission.",
        ),
        (
            FakeNvml(driver=FakeNvml.NVMLError("Unknown Error")),
            "The NVIDIA driver does not answer: Unknown Error.",
        ),
        (FakeNvml(), "The NVIDIA driver knows no GPU."),
    ],
)
def test_none_has_a_reason(nvml, reason):
    assert read_gpus(nvml) == GpuInventory((), reason)
    assert nvml.started == 0


def test_this_machine_has_some_or_says_why_not():
    inventory = nvml_inventory()

    assert inventory.gpus or inventory.reason


def test_memory_is_counted_by_process_over_all_cards():
    def uses(pid, size):
        return SimpleNamespace(pid=pid, usedGpuMemory=size)

    nvml = FakeNvml(
        card(processes=[uses(7, 3 * GIB), uses(8, None)]), card(processes=[uses(7, GIB)])
    )

    assert read_memory_by_process(nvml) == {7: 4 * GIB, 8: 0}
    assert nvml.started == 0


def test_without_a_driver_no_process_uses_any():
    assert read_memory_by_process(FakeNvml(start_error=FakeNvml.NVMLError("none"))) == {}

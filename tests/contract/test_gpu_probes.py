"""What every probe of GPUs promises, whoever made the cards."""

from __future__ import annotations

from typing import Any

import pytest

from imjoy_engine.resources import Gpu, GpuProbe, NvmlProbe, load_probe
from support.gpus import FakeProbe, gpu

PROBES: dict[str, Any] = {
    "nvml": NvmlProbe,
    "nvml, given none": lambda: NvmlProbe({"CUDA_VISIBLE_DEVICES": ""}),
    "by name": lambda: load_probe("support.gpus:probe_from_environment"),
    "fake": lambda: FakeProbe(gpu(0), gpu(1)),
    "fake, none": lambda: FakeProbe(reason="A test has taken them all."),
}


@pytest.fixture(params=PROBES.values(), ids=PROBES.keys())
def probe(request: pytest.FixtureRequest) -> GpuProbe:
    made: GpuProbe = request.param()
    return made


def test_there_are_cards_or_a_reason_why_not(probe: GpuProbe) -> None:
    inventory = probe.inventory()
    assert inventory.gpus or inventory.reason
    assert all(isinstance(card, Gpu) for card in inventory.gpus)
    uuids = [card.uuid for card in inventory.gpus]
    assert len(set(uuids)) == len(uuids)
    for card in inventory.gpus:
        assert 0 <= card.memory_free_bytes <= card.memory_total_bytes
        assert card.utilisation is None or 0 <= card.utilisation <= 1


def test_memory_is_told_by_process_id(probe: GpuProbe) -> None:
    for pid, size_bytes in probe.memory_by_process().items():
        assert pid > 0
        assert size_bytes >= 0


def test_variables_name_the_cards_and_none_names_none(probe: GpuProbe) -> None:
    some = probe.variables(["GPU-a", "GPU-b"])
    assert any("GPU-a" in value and "GPU-b" in value for value in some.values())
    none = probe.variables([])
    assert none.keys() == some.keys()
    assert not any("GPU-" in value for value in none.values())

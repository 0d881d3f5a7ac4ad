from __future__ import annotations

import pytest

from imjoy_engine.errors import UsageError
from imjoy_engine.resources import GpuInventory, NvmlProbe, load_probe
from imjoy_engine.resources.probes import visible
from support.gpus import FakeProbe, gpu

CARDS = GpuInventory((gpu(0), gpu(1), gpu(2)))


@pytest.mark.parametrize(
    ("setting", "indices"),
    [
        (None, [0, 1, 2]),
        ("0,2", [0, 2]),
        ("GPU-2, GPU-0", [2, 0]),
        ("1,1", [1]),
        ("0,7,1", [0]),
    ],
)
def test_the_engine_gives_only_what_it_was_given(setting, indices):
    assert [card.index for card in visible(CARDS, setting).gpus] == indices


@pytest.mark.parametrize("setting", ["", "-1", "MIG-1"])
def test_a_setting_that_leaves_none_is_the_reason(setting):
    assert visible(CARDS, setting).gpus == ()
    assert "CUDA_VISIBLE_DEVICES" in visible(CARDS, setting).reason


def test_cuda_is_shown_cards_by_uuid():
    assert NvmlProbe().variables(["GPU-a", "GPU-b"]) == {
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        "CUDA_VISIBLE_DEVICES": "GPU-a,GPU-b",
    }
    assert NvmlProbe().variables([])["CUDA_VISIBLE_DEVICES"] == ""


def test_another_probe_is_named_by_module_and_attribute(monkeypatch):
    monkeypatch.setenv("FAKE_GPUS", "3")
    probe = load_probe("support.gpus:probe_from_environment")
    assert isinstance(probe, FakeProbe)
    assert len(probe.inventory().gpus) == 3
    assert isinstance(load_probe("nvml"), NvmlProbe)


@pytest.mark.parametrize(
    ("name", "words"),
    [("rocm", "There is no GPU probe 'rocm'"), ("nowhere:probe", "cannot be loaded")],
)
def test_a_probe_that_is_not_there(name, words):
    with pytest.raises(UsageError, match=words):
        load_probe(name)

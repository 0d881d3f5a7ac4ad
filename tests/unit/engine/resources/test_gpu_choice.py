from __future__ import annotations

import pytest

from imjoy_engine.resources import GpuInventory, GpuWish
from imjoy_engine.resources.gpu_choice import Hold, Refuse, Take, Wait, decide
from support.gpus import GIB, gpu

TWO = (gpu(0), gpu(1))
SHARED = Hold("A", shared=True, memory_bytes=20 * GIB)


def taken(wish, gpus=TWO, held=None, promised=()):
    decision = decide(wish, GpuInventory(gpus), held or {}, promised)
    assert isinstance(decision, Take), decision
    return [card.index for card in decision.gpus]


@pytest.mark.parametrize(
    ("wish", "cards", "held", "chosen"),
    [
        (GpuWish(), TWO, {}, [0]),
        (GpuWish(count=2), TWO, {}, [0, 1]),
        (GpuWish(order="last"), TWO, {}, [1]),
        (GpuWish(), TWO, {"GPU-0": [Hold("A")]}, [1]),
        (GpuWish(shared=True), TWO, {"GPU-0": [Hold("A")]}, [1]),
        (GpuWish(shared=True, memory_bytes=4 * GIB), TWO, {"GPU-0": [SHARED]}, [0]),
        (GpuWish(shared=True, memory_bytes=5 * GIB), TWO, {"GPU-0": [SHARED]}, [1]),
        (GpuWish(), TWO, {"GPU-0": [SHARED]}, [1]),
        (GpuWish(uuids=("GPU-1",)), TWO, {}, [1]),
        (GpuWish(uuids=("1",)), TWO, {}, [1]),
        (GpuWish(excluded=(0,)), TWO, {}, [1]),
        (GpuWish(excluded=("GPU-0",)), TWO, {}, [1]),
        (GpuWish(memory_bytes=30 * GIB), (gpu(0), gpu(1, memory_total_bytes=80 * GIB,
                                                      memory_free_bytes=70 * GIB)), {}, [1]),
        (GpuWish(memory_bytes=20 * GIB), (gpu(0, memory_free_bytes=GIB), gpu(1)), {}, [1]),
        (GpuWish(max_memory=0.5), (gpu(0, memory_free_bytes=11 * GIB), gpu(1)), {}, [1]),
        (GpuWish(max_load=0.5), (gpu(0, utilisation=0.8), gpu(1)), {}, [1]),
        (GpuWish(max_load=0.5), (gpu(0, utilisation=None), gpu(1)), {}, [0]),
        (GpuWish(order="load"), (gpu(0, utilisation=0.3), gpu(1)), {}, [1]),
        (GpuWish(order="memory"), (gpu(0, memory_free_bytes=GIB), gpu(1)), {}, [1]),
        (GpuWish(required=False), (), {}, []),
        (GpuWish(required=False), TWO[:1], {"GPU-0": [Hold("A")]}, []),
        (GpuWish(required=False, count=3), TWO, {}, []),
    ],
)  # fmt: skip
def test_what_is_taken(wish, cards, held, chosen):
    assert taken(wish, cards, held) == chosen


def test_any_order_takes_a_card_that_is_free():
    assert taken(GpuWish(order="random"), held={"GPU-0": [Hold("A")]}) == [1]


@pytest.mark.parametrize(
    ("wish", "cards", "held", "promised", "reason"),
    [
        (GpuWish(), TWO[:1], {"GPU-0": [Hold("Segment")]}, (), "GPU 0 is held by Segment"),
        (GpuWish(count=2), TWO, {"GPU-1": [Hold("B")]}, (), "GPU 1 is held by B"),
        (GpuWish(), TWO[:1], {}, ("GPU-0",), "GPU 0 is for a plugin that came earlier"),
        (GpuWish(max_load=0.5), (gpu(0, utilisation=0.8),), {}, (),
         "others keep GPU 0 busy at 80%"),
        (GpuWish(max_memory=0.5), (gpu(0, memory_free_bytes=6 * GIB),), {}, (),
         "others use 75% of the memory of GPU 0"),
        (GpuWish(shared=True, memory_bytes=8 * GIB), TWO[:1], {"GPU-0": [SHARED]}, (),
         "GPU 0 has 4.3 GB that no plugin has set aside, 8.6 GB are wanted"),
        (GpuWish(), TWO[:1], {"GPU-0": [SHARED, Hold("B", shared=True)]}, (),
         "GPU 0 is held by A and B"),
    ],
)  # fmt: skip
def test_what_has_to_wait(wish, cards, held, promised, reason):
    assert decide(wish, GpuInventory(cards), held, promised) == Wait(reason)


@pytest.mark.parametrize(
    ("wish", "inventory", "message"),
    [
        (GpuWish(), GpuInventory(reason="No NVIDIA driver is installed."),
         "The plugin needs a GPU, and this machine has none. No NVIDIA driver is installed."),
        (GpuWish(count=3), GpuInventory(TWO),
         "The plugin needs 3 GPUs; this machine has 2 among its 2."),
        (GpuWish(uuids=("GPU-9",)), GpuInventory(TWO),
         "The plugin needs a GPU of these UUIDs; this machine has none among its 2."),
        (GpuWish(memory_bytes=80 * GIB), GpuInventory(TWO),
         "The plugin needs a GPU with 85.9 GB of memory; this machine has none among its 2."),
        (GpuWish(excluded=(0, 1)), GpuInventory(TWO),
         "The plugin needs a GPU beside those that it excludes; this machine has none "
         "among its 2."),
    ],
)  # fmt: skip
def test_what_waiting_would_never_help(wish, inventory, message):
    decision = decide(wish, inventory, {})
    assert isinstance(decision, Refuse)
    assert decision.message == message
    assert decision.hint

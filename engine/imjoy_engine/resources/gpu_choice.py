"""Which cards a plugin gets: decided from facts alone, so that every case is a row of a table.

What is not here: who waits in which order, and what is held (`leases.py`).
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from imjoy_engine.resources.gpus import Gpu, GpuInventory
from imjoy_engine.resources.quantities import bytes_in_words

__all__ = ["Decision", "GpuWish", "Hold", "Refuse", "Take", "Wait", "decide", "suitable"]


@dataclass(frozen=True, slots=True)
class GpuWish:
    """Which GPUs a plugin wants.

    `memory_bytes` must be free on each card, and is what a shared lease sets aside. `uuids`, when
    given, are the only cards that count; a short form counts for the whole. `excluded` holds
    indices and UUIDs. `max_load` and `max_memory` are fractions: a card that others, outside of any
    lease, keep busier or fuller does not count. One that is not `required` never waits: it gets
    what is free now, or nothing.
    """

    count: int = 1
    memory_bytes: int = 0
    uuids: tuple[str, ...] = ()
    excluded: tuple[int | str, ...] = ()
    max_load: float = 1.0
    max_memory: float = 1.0
    order: str = "first"
    shared: bool = False
    required: bool = True


@dataclass(frozen=True, slots=True)
class Hold:
    """One lease on one card."""

    holder: str
    shared: bool = False
    memory_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Take:
    """The cards to take now; none for a plugin that can do without."""

    gpus: tuple[Gpu, ...]


@dataclass(frozen=True, slots=True)
class Wait:
    """Why it has to wait."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """Why waiting would never help, and what would."""

    message: str
    hint: str


Decision = Take | Wait | Refuse


def decide(
    wish: GpuWish,
    inventory: GpuInventory,
    held: Mapping[str, Sequence[Hold]],
    promised: Collection[str] = (),
) -> Decision:
    """Return what to do about a wish; `promised` are the cards that earlier ones wait for."""
    fitting = suitable(wish, inventory)
    if len(fitting) < wish.count:
        return _refusal(wish, inventory, len(fitting)) if wish.required else Take(())
    obstacles = {gpu.uuid: _obstacle(wish, gpu, held.get(gpu.uuid, ())) for gpu in fitting}
    for gpu in fitting:
        if not obstacles[gpu.uuid] and gpu.uuid in promised:
            obstacles[gpu.uuid] = f"GPU {gpu.index} is for a plugin that came earlier"
    free = [gpu for gpu in fitting if not obstacles[gpu.uuid]]
    if len(free) >= wish.count:
        return Take(tuple(_ordered(free, wish.order)[: wish.count]))
    if not wish.required:
        return Take(())
    return Wait("; ".join(filter(None, obstacles.values())))


def suitable(wish: GpuWish, inventory: GpuInventory) -> list[Gpu]:
    """Return the cards that could ever fulfil the wish."""
    return [
        gpu
        for gpu in inventory.gpus
        if (not wish.uuids or any(_means(uuid, gpu) for uuid in wish.uuids))
        and gpu.index not in wish.excluded
        and not any(isinstance(name, str) and _means(name, gpu) for name in wish.excluded)
        and gpu.memory_total_bytes >= wish.memory_bytes
    ]


def _means(name: str, gpu: Gpu) -> bool:
    return gpu.uuid == name or gpu.uuid.removeprefix("GPU-").startswith(name.removeprefix("GPU-"))


def _obstacle(wish: GpuWish, gpu: Gpu, holds: Sequence[Hold]) -> str:
    """Return in words why the card cannot be taken now, or nothing."""
    if holds and not (wish.shared and all(hold.shared for hold in holds)):
        return f"GPU {gpu.index} is held by {' and '.join(hold.holder for hold in holds)}"
    if holds:
        left_bytes = gpu.memory_total_bytes - sum(hold.memory_bytes for hold in holds)
        if left_bytes < wish.memory_bytes:
            return (
                f"GPU {gpu.index} has {bytes_in_words(left_bytes)} that no plugin has set aside, "
                f"{bytes_in_words(wish.memory_bytes)} are wanted"
            )
        return ""
    used = 1 - gpu.memory_free_bytes / gpu.memory_total_bytes if gpu.memory_total_bytes else 0.0
    if gpu.memory_free_bytes < wish.memory_bytes or used > wish.max_memory:
        return f"others use {used:.0%} of the memory of GPU {gpu.index}"
    if gpu.utilisation is not None and gpu.utilisation > wish.max_load:
        return f"others keep GPU {gpu.index} busy at {gpu.utilisation:.0%}"
    return ""


def _ordered(gpus: list[Gpu], order: str) -> list[Gpu]:
    if order == "last":
        return gpus[::-1]
    if order == "load":
        return sorted(gpus, key=lambda gpu: gpu.utilisation or 0.0)
    if order == "memory":
        return sorted(gpus, key=lambda gpu: -gpu.memory_free_bytes)
    if order == "random":
        return random.sample(gpus, len(gpus))
    return gpus


def _refusal(wish: GpuWish, inventory: GpuInventory, fitting: int) -> Refuse:
    wanted = "a GPU" if wish.count == 1 else f"{wish.count} GPUs"
    if not inventory.gpus:
        return Refuse(
            f"The plugin needs {wanted}, and this machine has none. {inventory.reason}".strip(),
            "Run it on a machine with a GPU. If it can do without, let its config say "
            '"gpu": {"required": false}.',
        )
    said = ["of these UUIDs"] if wish.uuids else []
    if wish.memory_bytes:
        said.append(f"with {bytes_in_words(wish.memory_bytes)} of memory")
    if wish.excluded:
        said.append("beside those that it excludes")
    fit = " ".join(said)
    return Refuse(
        f"The plugin needs {wanted} {fit}".strip() + f"; this machine has {fitting or 'none'}"
        f" among its {len(inventory.gpus)}.",
        "Ask for less in the plugin's config, or run it on another machine. `imjoy-engine doctor` "
        "lists the GPUs.",
    )

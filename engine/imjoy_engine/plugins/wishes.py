"""What a plugin's config says of the machine: its GPUs and its limits. Pure, no machine is asked.

    "gpu": true                                     one card of its own, or wait for it
    "gpu": {"count": 2, "memory": "8 GB", "uuid": ["GPU-…"], "exclude": [0], "order": "memory",
            "shared": true, "required": false}
    "limits": {"memory": "16 GB", "cpus": 4, "idle_timeout": "30 min"}

The original engines' `env: {"type": "gputil", …}` is understood too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from imjoy_engine.config import Limits
from imjoy_engine.environments.spec import GpuRequest
from imjoy_engine.errors import ManifestError
from imjoy_engine.resources import GpuWish
from imjoy_engine.resources.quantities import parse_duration_s, parse_size_bytes

__all__ = ["PluginLimits", "gpu_wish", "plugin_limits", "usual_limits"]

_GPU_FIELDS = ("count", "memory", "uuid", "exclude", "order", "shared", "required")
_LIMIT_FIELDS = ("memory", "cpus", "idle_timeout")
_ORDERS = ("first", "last", "random", "load", "memory")
_MEBIBYTE = 1 << 20

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PluginLimits:
    """What one plugin may take of the machine; None is no limit."""

    memory_bytes: int | None = None
    cpus: int | None = None
    idle_timeout_s: float | None = None


def gpu_wish(config: Mapping[str, Any], legacy: GpuRequest | None) -> GpuWish | None:
    """Return which GPUs a plugin wants, or None when it asks for none.

    `legacy` is what its `env` asks for by gputil. Raises ManifestError naming the wrong field.
    """
    said = config.get("gpu")
    if said is None or said is False:
        return None if legacy is None else _from_gputil(legacy)
    if legacy is not None:
        raise ManifestError(
            "GPUs are asked for twice: by gpu and by an env of type gputil.", hint="Say it once."
        )
    if said is True:
        return GpuWish()
    if isinstance(said, int):
        return GpuWish(count=_count("gpu", said))
    if not isinstance(said, Mapping):
        raise ManifestError(
            f"gpu is {said!r}, where true, a number or an object belongs.",
            hint='Write "gpu": true for one card.',
        )
    _known("gpu", said, _GPU_FIELDS)
    order = said.get("order", "first")
    if order not in _ORDERS:
        raise ManifestError(f"gpu.order is {order!r}.", hint=f"Write one of {', '.join(_ORDERS)}.")
    return GpuWish(
        count=_count("gpu.count", said.get("count", 1)),
        memory_bytes=_read("gpu.memory", said.get("memory"), parse_size_bytes) or 0,
        uuids=tuple(map(str, _names("gpu.uuid", said.get("uuid"), str))),
        excluded=tuple(_names("gpu.exclude", said.get("exclude"), int | str)),
        order=order,
        shared=_flag("gpu.shared", said.get("shared", False)),
        required=_flag("gpu.required", said.get("required", True)),
    )


def usual_limits(limits: Limits) -> PluginLimits:
    """Return what holds for plugins that say nothing of limits."""
    return PluginLimits(limits.plugin_memory_bytes, limits.plugin_cpus, limits.idle_timeout_s)


def plugin_limits(config: Mapping[str, Any], defaults: PluginLimits) -> PluginLimits:
    """Return a plugin's limits: its own words, and the engine's where it says nothing.

    Raises ManifestError naming the wrong field.
    """
    said = config.get("limits")
    if said is None:
        return defaults
    if not isinstance(said, Mapping):
        raise ManifestError(
            f"limits is {said!r}, where an object belongs.",
            hint='Write it as "limits": {"memory": "8 GB"}.',
        )
    _known("limits", said, _LIMIT_FIELDS)
    memory_bytes = _read("limits.memory", said.get("memory"), parse_size_bytes)
    idle_s = _read("limits.idle_timeout", said.get("idle_timeout"), parse_duration_s)
    cpus = said.get("cpus")
    return PluginLimits(
        memory_bytes=defaults.memory_bytes if memory_bytes is None else memory_bytes,
        cpus=defaults.cpus if cpus is None else _count("limits.cpus", cpus),
        # 0 is a word too: never.
        idle_timeout_s=defaults.idle_timeout_s if idle_s is None else idle_s or None,
    )


def _from_gputil(legacy: GpuRequest) -> GpuWish:
    return GpuWish(
        count=legacy.limit,
        memory_bytes=legacy.memory_free_mib * _MEBIBYTE,
        excluded=legacy.excluded,
        max_load=legacy.max_load,
        max_memory=legacy.max_memory,
        order=legacy.order,
        required=legacy.required,
    )


def _known(where: str, said: Mapping[str, Any], fields: tuple[str, ...]) -> None:
    unknown = sorted(str(name) for name in said if name not in fields)
    if unknown:
        raise ManifestError(
            f"{where} has no field {unknown[0]!r}.", hint=f"Its fields are {', '.join(fields)}."
        )


def _count(where: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ManifestError(f"{where} is {value!r}.", hint="Write a whole number from 1.")
    return value


def _flag(where: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ManifestError(f"{where} is {value!r}.", hint="Write true or false.")
    return value


def _names(where: str, value: Any, kind: Any) -> list[Any]:
    names = [] if value is None else value if isinstance(value, list) else [value]
    if not all(isinstance(name, kind) and not isinstance(name, bool) for name in names):
        raise ManifestError(f"{where} is {value!r}.", hint="Write a list of UUIDs.")
    return names


def _read(where: str, value: Any, parse: Callable[[object], T]) -> T | None:
    if value is None:
        return None
    try:
        return parse(value)
    except ValueError as error:
        raise ManifestError(f"{where}: {error}.") from None

"""The golden vectors of `tests/vectors/`, which Python and JavaScript both pass."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).parent.parent / "vectors"


def load(name: str) -> dict[str, list[dict[str, Any]]]:
    """Return one file of vectors."""
    loaded: dict[str, list[dict[str, Any]]] = json.loads((VECTORS / f"{name}.json").read_bytes())
    return loaded


def build(described: dict[str, Any]) -> Any:
    """Return the value that a vector describes."""
    kind, value = described["t"], described.get("v")
    if kind in ("int", "bigint"):
        return int(value)
    if kind == "float":
        return float(value)
    if kind == "bytes":
        return bytes.fromhex(value)
    if kind == "list":
        return [build(item) for item in value]
    if kind == "dict":
        return {key: build(item) for key, item in value}
    if kind == "map":
        return {_key(key): build(item) for key, item in value}
    assert kind in ("null", "bool", "str")
    return value


def _key(described: dict[str, Any]) -> Any:
    if described["t"] == "list":
        return tuple(_key(item) for item in described["v"])
    return build(described)


def same(one: Any, other: Any) -> bool:
    """Tell whether two trees are equal in every type, NaN and the sign of zero included."""
    if isinstance(one, (bytes, bytearray, memoryview)):
        return isinstance(other, (bytes, bytearray, memoryview)) and bytes(one) == bytes(other)
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return repr(one) == repr(other)

"""Python values from their descriptions in `tests/vectors/`, beyond those of a codec's tree."""

from __future__ import annotations

import datetime
from collections import OrderedDict
from typing import Any

import numpy as np

from imjoy_wire.errors import RemoteError
from imjoy_wire.forms import File
from support import vectors


def build(described: dict[str, Any]) -> Any:
    """Return the value that a vector describes."""
    maker = MAKERS.get(described["t"])
    return vectors.build(described) if maker is None else maker(described)


def items(described: dict[str, Any]) -> list[Any]:
    return [build(item) for item in described["v"]]


def pairs(described: dict[str, Any]) -> list[tuple[Any, Any]]:
    made = [(build(key), build(item)) for key, item in described["v"]]
    return [(tuple(key) if isinstance(key, list) else key, item) for key, item in made]


def array(described: dict[str, Any]) -> Any:
    dtype = described["dtype"]
    if isinstance(dtype, list):
        dtype = [(field[0], field[1], *map(tuple, field[2:])) for field in dtype]
    data = bytearray.fromhex(described["v"])
    made = np.ndarray(described.get("shape", []), np.dtype(dtype), data)
    if "step" in described:
        made = made[:: described["step"]]
    return np.asfortranarray(made) if described.get("order") == "F" else made


def error(described: dict[str, Any]) -> BaseException:
    cause = described.get("cause")
    return RemoteError(described["v"], described["name"], "", error(cause) if cause else None)


def interface(described: dict[str, Any]) -> dict[str, Any]:
    return {"_rintf": described["id"], **dict.fromkeys(described["v"], print)}


MAKERS: dict[str, Any] = {
    "tuple": lambda described: tuple(items(described)),
    "list": items,
    "dict": lambda described: {key: build(item) for key, item in described["v"]},
    "map": lambda described: dict(pairs(described)),
    "ordered": lambda described: OrderedDict(pairs(described)),
    "set": lambda described: set(items(described)),
    "frozenset": lambda described: frozenset(items(described)),
    "bytearray": lambda described: bytearray.fromhex(described["v"]),
    "memoryview": lambda described: memoryview(bytes.fromhex(described["v"])),
    "date": lambda described: datetime.date.fromisoformat(described["v"]),
    "datetime": lambda described: datetime.datetime.fromisoformat(described["v"]),
    "ndarray": array,
    "scalar": lambda described: array(described)[()],
    "file": lambda described: File(
        bytes.fromhex(described["v"]), described["name"], described["mime"]
    ),
    "error": error,
    "function": lambda described: print,
    "generator": lambda described: (item for item in ()),
    "interface": interface,
}

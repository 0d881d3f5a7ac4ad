"""The peer's side of the encoding of values, written by hand: what was asked of it can be read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from imjoy_wire.codec import pack, unpack
from imjoy_wire.references import Codec
from imjoy_wire.streams import GENERATORS
from imjoy_wire.values import decode, encode


class Proxy:
    """A function of the other end."""

    def __init__(self, tree: dict[str, Any]) -> None:
        self.tree = tree

    def __call__(self, *arguments: Any) -> Any:
        raise AssertionError("nobody calls it")


class FakeReferences:
    """Numbers callbacks and objects from 1; a proxy is known by its tree."""

    def __init__(self, *codecs: Codec) -> None:
        self.codecs = {codec.name: codec for codec in codecs}
        self.callbacks: dict[str, Any] = {}
        self.exported: dict[str, Any] = {}
        self.objects: dict[str, Any] = {}

    def callback(self, function: Callable[..., Any]) -> dict[str, Any]:
        callback_id = f"c{len(self.callbacks) + 1}"
        self.callbacks[callback_id] = function
        return {"_rtype": "callback", "_rtarget_id": "us", "_rname": "f", "_rvalue": callback_id}

    def method(self, function: Callable[..., Any], object_id: str, path: str) -> dict[str, Any]:
        assert object_id in self.exported
        return {"_rtype": "interface", "_rtarget_id": "us", "_rintf": object_id, "_rvalue": path}

    def export(self, value: Any, object_id: str | None) -> str:
        object_id = object_id or f"o{len(self.exported) + 1}"
        self.exported[object_id] = value
        return object_id

    def remote(self, value: Any) -> dict[str, Any] | None:
        if isinstance(value, GENERATORS):
            step = {"_rtype": "interface", "_rtarget_id": "us", "_rintf": "s1"}
            steps = {name: {**step, "_rvalue": name} for name in ("next", "return")}
            return {"_rtype": "generator", "_rintf": "s1", **steps}
        return value.tree if isinstance(value, Proxy) else None

    def remote_callback(self, tree: dict[str, Any]) -> Callable[..., Any]:
        return Proxy(tree)

    def remote_method(self, tree: dict[str, Any]) -> Callable[..., Any]:
        return Proxy(tree)

    def remote_stream(self, tree: dict[str, Any]) -> Proxy:
        return Proxy(tree)

    def remote_object(self, value: Any, object_id: str) -> Any:
        self.objects[object_id] = value
        return value

    def found(self, object_id: str, path: str) -> Any:
        """Return what a method's path leads to, as a peer finds it."""
        value = self.exported[object_id]
        for step in path.split("."):
            if isinstance(value, dict):
                value = value[step]
            else:
                value = value[int(step)] if isinstance(value, list) else getattr(value, step)
        return value


def travelled(value: Any, references: FakeReferences | None = None) -> Any:
    """Return what a value arrives as, by way of a body and buffers as a decoder makes them."""
    references = references or FakeReferences()
    body, buffers = pack(encode(value, references))
    return decode(unpack(body, [bytearray(buffer) for buffer in buffers]), references)

"""Our trees and those of the unmodified `RPC` class of imjoy-rpc's Python end."""

from __future__ import annotations

import io
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
from imjoy_rpc import rpc

from imjoy_wire.codec import pack, unpack
from imjoy_wire.decoding import Decoder
from imjoy_wire.encoding import Encoder
from imjoy_wire.errors import RemoteError
from support.references import FakeReferences, Proxy


class Connection:
    peer_id = "original"

    def on(self, event: str, handler: Any) -> None: ...

    def emit(self, message: Any) -> None: ...


class Plugin:
    threshold = 7

    def run(self) -> None: ...


@pytest.fixture
async def original() -> Any:
    return rpc.RPC(Connection(), None)


def carried(tree: Any) -> Any:
    """Return a tree as it arrives; the original class wants bytes, nothing else."""
    body, buffers = pack(tree)
    return unpack(body, [bytes(buffer) for buffer in buffers])


def to_original(original: Any, value: Any) -> Any:
    return original._decode(carried(Encoder(FakeReferences()).encode(value)), True)


def from_original(original: Any, value: Any) -> Any:
    return Decoder(FakeReferences()).decode(carried(original._encode(value)))


async def test_the_original_end_understands_ours(original: Any) -> None:
    array = np.arange(6, dtype="int16").reshape(2, 3).T
    assert to_original(original, array).tolist() == array.tolist()
    assert to_original(original, {"a": [1, b"x", None, 2**70]}) == {"a": [1, b"x", None, 2**70]}
    assert to_original(original, {1, "a"}) == {1, "a"}
    assert to_original(original, OrderedDict(b=1, a=2)) == OrderedDict(b=1, a=2)
    assert to_original(original, {5: "five"}) == {5: "five"}
    assert to_original(original, memoryview(b"ab")).tobytes() == b"ab"
    assert str(to_original(original, ValueError("bad"))) == "bad"
    assert callable(to_original(original, [print])[0])
    plugin = to_original(original, Plugin())
    assert plugin.threshold == 7
    assert callable(plugin.run)


async def test_we_understand_the_original_end(original: Any) -> None:
    array = np.arange(6, dtype=">i2").reshape(2, 3).T
    assert from_original(original, array).tolist() == array.tolist()
    assert from_original(original, np.float32(1.5)).tolist() == 1.5
    assert from_original(original, {"a": [1, b"x", None, 2**70]}) == {"a": [1, b"x", None, 2**70]}
    assert from_original(original, {1, "a"}) == {1, "a"}
    assert from_original(original, OrderedDict(b=1, a=2)) == {"b": 1, "a": 2}
    assert from_original(original, memoryview(b"ab")).tobytes() == b"ab"
    error = from_original(original, ValueError("bad"))
    assert isinstance(error, RemoteError)
    assert str(error) == "bad"
    assert isinstance(from_original(original, [print])[0], Proxy)
    assert isinstance(from_original(original, Plugin()).run, Proxy)
    assert isinstance(from_original(original, io.BytesIO(b"x")).read, Proxy)

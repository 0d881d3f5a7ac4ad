"""torch, PIL and zarr are stood in for by the parts of them that are used: none is a dependency."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from imjoy_wire.arrays import decode_array
from imjoy_wire.encoding import Encoder
from imjoy_wire.errors import UnsupportedValueError
from imjoy_wire.interop import foreign_array, foreign_interface
from support.references import FakeReferences, Proxy, travelled


class Modules:
    """Puts modules of ours among the loaded ones."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def add(self, name: str, **members: Any) -> None:
        module = ModuleType(name)
        vars(module).update(members)
        self._monkeypatch.setitem(sys.modules, name, module)


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> Modules:
    return Modules(monkeypatch)


class Tensor:
    """A tensor on a device, one step from numpy at a time."""

    def __init__(self, array: Any, dtype: str = "torch.float32", steps: tuple[str, ...] = ()):
        self.array, self.dtype, self.steps = array, dtype, steps

    def _step(self, name: str) -> Tensor:
        return Tensor(self.array, self.dtype, (*self.steps, name))

    def detach(self) -> Tensor:
        return self._step("detach")

    def cpu(self) -> Tensor:
        return self._step("cpu")

    def float(self) -> Tensor:
        return Tensor(self.array, "torch.float32", self.steps)

    def resolve_conj(self) -> Tensor:
        return self._step("resolve_conj")

    def numpy(self) -> Any:
        if self.dtype == "torch.bfloat16" or self.steps[:2] != ("detach", "cpu"):
            raise TypeError("cannot be a numpy array")
        if self.array is None:
            raise RuntimeError("a sparse tensor has no numpy array")
        return self.array


def test_tensors_travel_as_arrays(modules: Modules) -> None:
    modules.add("torch", Tensor=Tensor)
    array = np.arange(6, dtype="float32").reshape(2, 3)
    for tensor in (Tensor(array), Tensor(array, "torch.bfloat16")):
        assert travelled(tensor).tolist() == array.tolist()
    with pytest.raises(UnsupportedValueError, match="a sparse tensor"):
        travelled(Tensor(None))


class Image:
    """An image of PIL: a mode, bytes row by row, and what a palette looks up."""

    def __init__(self, mode: str, data: bytes, palette: dict[str, Image] | None = None):
        self.mode, self.width, self.height = mode, 2, 1
        self.info: dict[str, Any] = {}
        self._data, self._palette = data, palette or {}

    def tobytes(self) -> bytes:
        return self._data

    def convert(self, mode: str) -> Image:
        return self._palette[mode]


@pytest.fixture
def _pil(modules: Modules) -> None:
    modules.add("PIL.Image", Image=Image)


@pytest.mark.usefixtures("_pil")
@pytest.mark.parametrize(
    ("mode", "data", "dtype", "value"),
    [
        ("L", b"\0\xff", "uint8", [[0, 255]]),
        ("RGB", bytes(range(6)), "uint8", [[[0, 1, 2], [3, 4, 5]]]),
        ("RGBA", bytes(range(8)), "uint8", [[[0, 1, 2, 3], [4, 5, 6, 7]]]),
        ("I;16", b"\1\0\2\1", "uint16", [[1, 258]]),
        ("I", b"\1\0\0\0\xff\xff\xff\xff", "int32", [[1, -1]]),
        ("F", b"\0\0\x80\x3f\0\0\0\x40", "float32", [[1, 2]]),
    ],
)
def test_images_travel_as_arrays(mode: str, data: bytes, dtype: str, value: Any) -> None:
    arrived = travelled(Image(mode, data))
    assert arrived.dtype == dtype
    assert arrived.tolist() == value


@pytest.mark.usefixtures("_pil")
def test_images_of_one_bit_and_of_palettes() -> None:
    black_and_white = Image("1", b"\x40", {"L": Image("L", b"\0\xff")})
    assert travelled(black_and_white).tolist() == [[False, True]]
    colours = {"RGB": Image("RGB", bytes(range(6))), "RGBA": Image("RGBA", bytes(range(8)))}
    palette = Image("P", b"\0\1", colours)
    assert travelled(palette).shape == (1, 2, 3)
    palette.info["transparency"] = 0
    assert travelled(palette).shape == (1, 2, 4)
    assert travelled(Image("PA", b"\0\1\1\1", colours)).shape == (1, 2, 4)
    with pytest.raises(UnsupportedValueError, match="mode XYZ"):
        travelled(Image("XYZ", b""))


def test_an_image_needs_no_numpy(modules: Modules, monkeypatch: pytest.MonkeyPatch) -> None:
    modules.add("PIL.Image", Image=Image)
    with monkeypatch.context() as without:
        without.delitem(sys.modules, "numpy")
        tree = foreign_array(Image("L", b"\0\xff"))
    assert tree is not None
    assert decode_array(tree).tolist() == [[0, 255]]


@pytest.mark.usefixtures("_pil")
def test_what_is_of_no_such_library_is_none_of_our_business() -> None:
    for value in (Tensor(None), object(), "torch"):
        assert foreign_array(value) is None
        assert foreign_interface(value) is None


def test_open_files_are_interfaces(tmp_path: Any) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("one\ntwo\n")
    references = FakeReferences()
    with path.open() as file:
        arrived = travelled(file, references)
        assert isinstance(arrived.read, Proxy)
        assert arrived.closed is False
        assert arrived.name == str(path)
        assert arrived["__enter__"].tree["_rvalue"] == "__enter__"
        assert references.found(arrived._rintf, "readline")() == "one\n"
    assert references.objects[arrived._rintf] is arrived
    assert set(travelled(io.BytesIO(b""))) >= {"read", "write", "seek", "tell", "close"}


class Array:
    """An array of zarr 2: a mapping of keys to bytes."""

    def __init__(self, store: Any, path: str = "") -> None:
        self.store, self.path = store, path
        self.shape, self.chunks, self.dtype = (4, 4), (2, 2), np.dtype("<u2")


class Group:
    def __init__(self, store: Any, path: str = "") -> None:
        self.store, self.path = store, path


class Store(dict[str, bytes]):
    """Tells which keys were read."""

    read: tuple[str, ...] = ()

    def __getitem__(self, key: str) -> bytes:
        self.read += (key,)
        return super().__getitem__(key)


def test_zarr_arrays_are_read_by_chunk(modules: Modules) -> None:
    modules.add("zarr", Array=Array, Group=Group)
    store = Store({"cells/.zarray": b"{}", "cells/0.0": b"chunk"})
    references = FakeReferences()
    arrived = travelled(Array(store, "cells"), references)
    assert store.read == ()
    assert (arrived._rtype, arrived.shape, arrived.chunks) == ("zarr-array", [4, 4], [2, 2])
    assert arrived.dtype == "uint16"
    exported = references.exported[arrived._rintf]
    assert exported["getItem"]("0.0") == b"chunk"
    assert store.read == ("cells/0.0",)
    assert exported["containsItem"](".zarray")
    assert not exported["containsItem"]("0.1")
    exported["setItem"]("0.1", b"new")
    assert store["cells/0.1"] == b"new"
    with pytest.raises(KeyError):
        exported["getItem"]("9.9")


class Buffer:
    def __init__(self, data: bytes) -> None:
        self._data = data

    @classmethod
    def from_bytes(cls, data: bytes) -> Buffer:
        return cls(data)

    def to_bytes(self) -> bytes:
        return self._data


class Prototype:
    buffer = Buffer


class AsyncStore:
    """A store of zarr 3."""

    def __init__(self) -> None:
        self.items: dict[str, Buffer] = {"zarr.json": Buffer(b"{}")}

    async def get(self, key: str, prototype: Prototype) -> Buffer | None:
        return self.items.get(key)

    async def set(self, key: str, value: Buffer) -> None:
        self.items[key] = value

    async def exists(self, key: str) -> bool:
        return key in self.items


def waited_for(coroutine: Any) -> Any:
    """What `zarr.core.sync.sync` does, for coroutines that never wait."""
    steps: Iterator[Any] = coroutine.__await__()
    with pytest.raises(StopIteration) as done:
        next(steps)
    return done.value.value


def test_zarr_groups_of_an_asynchronous_store(modules: Modules) -> None:
    modules.add("zarr", Array=Array, Group=Group)
    modules.add("zarr.core.sync", sync=waited_for)
    modules.add("zarr.core.buffer", default_buffer_prototype=Prototype)
    references = FakeReferences()
    arrived = travelled(Group(AsyncStore()), references)
    assert arrived._rtype == "zarr-group"
    exported = references.exported[arrived._rintf]
    assert exported["getItem"]("zarr.json") == b"{}"
    exported["setItem"]("c/0", b"x")
    assert exported["containsItem"]("c/0")
    assert exported["getItem"]("c/0") == b"x"
    with pytest.raises(KeyError):
        exported["getItem"]("c/1")


def test_a_library_half_loaded_has_no_values(modules: Modules) -> None:
    for name in ("torch", "PIL.Image", "zarr"):
        modules.add(name)
    assert Encoder(FakeReferences()).encode([1, {"a": "x"}]) == [1, {"a": "x"}]
    assert foreign_array(Tensor(None)) is None
    assert foreign_interface(Array({})) is None

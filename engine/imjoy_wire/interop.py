"""Values of other libraries, and open files, as what the dialect can say of them.

torch tensors and PIL images become arrays. Open files and zarr arrays become interfaces whose
functions the other end calls: nothing but what it asks for is read. A library that the program has
not loaded has no values here, and none is ever imported.
"""

from __future__ import annotations

import io
import sys
from typing import Any, Dict, Optional

from .arrays import ArrayData, encode_array, encode_array_data, loaded_numpy
from .errors import UnsupportedValueError

__all__ = ["foreign_array", "foreign_interface"]

IO_MEMBERS = (
    *("read", "read1", "readall", "readline", "readlines", "readable"),
    *("write", "writelines", "writable", "truncate", "flush"),
    *("seek", "tell", "seekable", "fileno", "isatty", "detach"),
    *("close", "closed", "name", "mode", "__enter__", "__exit__"),
)

# PIL's modes as dtype and number of bands, for programs without numpy.
_IMAGE_MODES = {
    "L": ("uint8", 1),
    "LA": ("uint8", 2),
    "RGB": ("uint8", 3),
    "RGBA": ("uint8", 4),
    "RGBX": ("uint8", 4),
    "CMYK": ("uint8", 4),
    "YCbCr": ("uint8", 3),
    "LAB": ("uint8", 3),
    "HSV": ("uint8", 3),
    "I;16": ("uint16", 1),
    "I": ("int32", 1),
    "F": ("float32", 1),
}
_BLACK_OR_WHITE_AS_BOOL = bytes(1 if code else 0 for code in range(256))


def _is_a(value: Any, module: str, *names: str) -> bool:
    """Tell whether a loaded module has a class of one of these names that the value is of."""
    classes = [getattr(sys.modules.get(module), name, None) for name in names]
    return any(isinstance(found, type) and isinstance(value, found) for found in classes)


def foreign_array(value: Any) -> Optional[Dict[str, Any]]:
    """Return the array form of a torch tensor or a PIL image, None for anything else."""
    if _is_a(value, "torch", "Tensor"):
        return _tensor(value)
    if _is_a(value, "PIL.Image", "Image"):
        return _image(value)
    return None


def _tensor(tensor: Any) -> Dict[str, Any]:
    """Return the form of a tensor, wherever it is; bfloat16, which numpy lacks, as float32."""
    plain = tensor.detach().cpu()
    if str(plain.dtype) == "torch.bfloat16":
        plain = plain.float()
    try:
        for name in ("resolve_conj", "resolve_neg"):  # younger than torch itself
            plain = getattr(plain, name, lambda same=plain: same)()
        return encode_array(plain.numpy(), loaded_numpy())
    except (RuntimeError, TypeError) as error:
        raise UnsupportedValueError("Tensor", f"a tensor cannot be sent: {error}") from error


def _image(image: Any) -> Dict[str, Any]:
    """Return rows, columns and bands of an image; colours of a palette are looked up."""
    if image.mode in ("P", "PA"):
        has_alpha = image.mode == "PA" or "transparency" in image.info
        image = image.convert("RGBA" if has_alpha else "RGB")
    if image.mode == "1":
        data, dtype, bands = image.convert("L").tobytes(), "bool", 1
        data = data.translate(_BLACK_OR_WHITE_AS_BOOL)
    elif image.mode in _IMAGE_MODES:
        data = image.tobytes()
        dtype, bands = _IMAGE_MODES[image.mode]
    else:
        raise UnsupportedValueError("Image", f"an image of mode {image.mode} cannot be sent")
    shape = (image.height, image.width) + ((bands,) if bands > 1 else ())
    return encode_array_data(ArrayData(shape, dtype, data))


def foreign_interface(value: Any) -> Optional[Dict[str, Any]]:
    """Return the members, functions among them, that stand for an open file or a zarr array.

    None for anything else. The dict is to be encoded as an interface.
    """
    if isinstance(value, io.IOBase):
        members = {name: getattr(value, name) for name in IO_MEMBERS if hasattr(value, name)}
        return {**members, "_rintf": True}
    if _is_a(value, "zarr", "Array"):
        return {**_zarr_store(value), **_zarr_facts(value), "_rtype": "zarr-array"}
    if _is_a(value, "zarr", "Group"):
        return {**_zarr_store(value), "_rtype": "zarr-group"}
    return None


def _zarr_facts(array: Any) -> Dict[str, Any]:
    return {
        "shape": [int(extent) for extent in array.shape],
        "chunks": [int(extent) for extent in array.chunks],
        "dtype": str(array.dtype),
    }


def _zarr_store(node: Any) -> Dict[str, Any]:
    """Return the functions by which zarr.js, or any reader of the format, reads and writes.

    Keys are those of the format below the node (".zarray", "0.0", "c/0/0"), values are bytes.
    """
    prefix = f"{node.path}/" if node.path else ""
    store = node.store
    if not hasattr(store, "__getitem__"):
        store = _BlockingStore(store)

    def get_item(key: str, options: Any = None) -> bytes:
        return bytes(store[prefix + key])

    def set_item(key: str, value: bytes) -> None:
        store[prefix + key] = value

    def contains_item(key: str, options: Any = None) -> bool:
        return prefix + key in store

    return {
        "_rintf": True,
        "getItem": get_item,
        "setItem": set_item,
        "containsItem": contains_item,
    }


class _BlockingStore:
    """The asynchronous store of zarr 3 as the mapping that it was in zarr 2."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self._wait = sys.modules["zarr.core.sync"].sync
        self._prototype = sys.modules["zarr.core.buffer"].default_buffer_prototype()

    def __getitem__(self, key: str) -> bytes:
        found = self._wait(self._store.get(key, self._prototype))
        if found is None:
            raise KeyError(key)
        return bytes(found.to_bytes())

    def __setitem__(self, key: str, value: bytes) -> None:
        self._wait(self._store.set(key, self._prototype.buffer.from_bytes(value)))

    def __contains__(self, key: str) -> bool:
        return bool(self._wait(self._store.exists(key)))

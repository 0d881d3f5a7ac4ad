"""Values without parts of their own: what each becomes in a tree, and what each form stands for."""

from __future__ import annotations

import datetime
from typing import Any, Callable, Dict

from .arrays import ArrayData, decode_array, encode_array, encode_array_data, loaded_numpy
from .buffers import flat_view
from .errors import DialectError
from .forms import (
    File,
    decode_datetime,
    decode_error,
    decode_file,
    encode_datetime,
    encode_error,
    encode_file,
)
from .interop import foreign_array

__all__ = ["LEAF_DECODERS", "NO_FORM", "encode_leaf"]

NO_FORM = object()
"""What `encode_leaf` returns for a value that is none of its own."""


def encode_leaf(value: Any) -> Any:
    """Return the tree of a number, text, moment, exception, array or file, else NO_FORM.

    Raises UnsupportedValueError for an array whose items cannot be sent.
    """
    if isinstance(value, (int, float, str, bytes, bytearray)):
        return _base(value)
    if isinstance(value, memoryview):
        return {"_rtype": "memoryview", "_rvalue": flat_view(value)}
    if isinstance(value, BaseException):
        return encode_error(value)
    if isinstance(value, datetime.date):
        return encode_datetime(value)
    if isinstance(value, File):
        return encode_file(value)
    if hasattr(type(value), "__fspath__"):
        return value.__fspath__()
    if isinstance(value, ArrayData):
        return encode_array_data(value)
    form = _numpy_form(value)
    if form is NO_FORM:
        form = foreign_array(value) or NO_FORM
    return form


def _base(value: Any) -> Any:
    """Return the plain value of an instance of a subclass, such as a member of an IntEnum."""
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    return str.__str__(value) if isinstance(value, str) else bytes(value)


def _numpy_form(value: Any) -> Any:
    """Return the tree of a numpy array or scalar, else NO_FORM."""
    numpy = loaded_numpy()
    if numpy is None:
        return NO_FORM
    if isinstance(value, numpy.ndarray):
        return encode_array(value, numpy)
    if isinstance(value, numpy.generic):
        return _scalar(value, numpy)
    return NO_FORM


def _scalar(value: Any, numpy: Any) -> Any:
    """Return a number where JavaScript has one for it, else an array of no dimension."""
    if isinstance(value, numpy.bool_):
        return bool(value)
    if isinstance(value, numpy.integer) and value.dtype.kind in "iu":
        return int(value)
    if isinstance(value, numpy.floating) and value.itemsize <= 8:
        return float(value)
    return encode_array(numpy.asarray(value), numpy)


def _decode_memoryview(tree: Dict[str, Any]) -> memoryview:
    value = tree.get("_rvalue")
    if not isinstance(value, (bytes, bytearray, memoryview)):
        raise DialectError("a memoryview without bytes")
    return memoryview(value)


LEAF_DECODERS: Dict[str, Callable[[Dict[str, Any]], Any]] = {
    "ndarray": decode_array,
    "typedarray": decode_array,
    "memoryview": _decode_memoryview,
    "error": decode_error,
    "datetime": decode_datetime,
    "file": decode_file,
    "blob": decode_file,
}
"""How the value of each such form is read; all raise DialectError."""

"""Arrays: numpy's when it is loaded or may be imported, `ArrayData` when it is not.

    {"_rtype": "ndarray", "_rvalue": bytes, "_rshape": [rows, columns], "_rdtype": "float32"}
    {"_rtype": "typedarray", "_rvalue": bytes, "_rdtype": "uint8"}        from JavaScript only

`_rvalue` holds the items in C order, each little-endian; an array that is laid out so is not
copied. `_rdtype` is numpy's name (`bool`, `int8` ... `complex128`, `datetime64[ns]`), a type string
for what has no name (`<U5`, `|S3`, `|V2`), or, for records, a list of `[field, type]` or
`[field, type, shape]`. Nothing is narrowed on the way: int64 and uint64 arrive in JavaScript as
eight bytes per item, to be read as BigInt64Array and BigUint64Array.
"""

from __future__ import annotations

import re
import sys
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, Union

from .buffers import Buffer
from .errors import DialectError, UnsupportedValueError

__all__ = [
    "ArrayData",
    "decode_array",
    "encode_array",
    "encode_array_data",
    "import_numpy_by",
    "loaded_numpy",
]

MAX_DIMENSIONS = 64
MAX_RECORD_LEVELS = 8

Dtype = Union[str, List[Any]]

_NAMED = r"(bool|(u?int|float|complex)([0-9]{1,3}))"
_TYPED = r"([<>|=]?)([biufcSUVmM])([0-9]{1,9})(\[[0-9]{0,9}[a-zA-Z]{1,2}\])?"
_TIMED = r"(datetime|timedelta)64(\[[0-9]{0,9}[a-zA-Z]{1,2}\])?"
_KINDS = {"bool": "b", "int": "i", "uint": "u", "float": "f", "complex": "c"}
_ITEM_BYTES = {
    "b": {1},
    "i": {1, 2, 4, 8},
    "u": {1, 2, 4, 8},
    "f": {2, 4, 8, 12, 16},
    "c": {8, 16, 24, 32},
    "m": {8},
    "M": {8},
}


class ArrayData:
    """An n-d array where numpy is not loaded: `shape`, `dtype` as above, `data` its bytes.

    `numpy.asarray` takes it, without a copy. Sent back it is an array again.
    """

    __slots__ = ("data", "dtype", "shape")

    def __init__(self, shape: Sequence[int], dtype: Dtype, data: Buffer) -> None:
        self.shape = tuple(shape)
        self.dtype = dtype
        self.data = memoryview(data).cast("B")

    @property
    def __array_interface__(self) -> Dict[str, Any]:
        interface = {"version": 3, "shape": self.shape, "data": self.data}
        if isinstance(self.dtype, str):
            return {**interface, "typestr": _type_string(self.dtype)[0]}
        descr = _record(self.dtype, 1)
        return {**interface, "typestr": f"|V{_record_bytes(descr)}", "descr": descr}

    def __repr__(self) -> str:
        return f"ArrayData(shape={self.shape}, dtype={self.dtype!r})"


def loaded_numpy() -> Any:
    """Return numpy when the program has loaded it, else None."""
    numpy = sys.modules.get("numpy")
    return numpy if hasattr(numpy, "ndarray") else None


_importers: List[Callable[[str], Any]] = []


def import_numpy_by(import_module: Optional[Callable[[str], Any]]) -> None:
    """Let the first array that arrives load numpy in this way; by None numpy is only looked up.

    The dialect imports nothing by itself: it is for a program to say so, by
    `importlib.import_module`. That numpy is absent is remembered.
    """
    _importers[:] = [] if import_module is None else [import_module]


def _found_numpy() -> Any:
    """Return numpy, loaded if it may be; None when it is not there, or cannot be loaded."""
    numpy = loaded_numpy()
    importers = tuple(_importers)
    if numpy is not None or not importers:
        return numpy
    try:
        # Threads that come here meanwhile wait: the import system has a lock for each module.
        importers[0]("numpy")
    except Exception:  # noqa: BLE001 - a numpy that cannot be loaded is none, for whatever reason
        import_numpy_by(None)
    return loaded_numpy()


def encode_array(array: Any, numpy: Any) -> Dict[str, Any]:
    """Return the form of a numpy array; `_rvalue` is a view of it unless it had to be rearranged.

    Raises UnsupportedValueError for items that are Python objects, or masked.
    """
    plain = numpy.asarray(array)
    _refuse_masked(array, numpy)
    little, dtype = _portable(plain.dtype, numpy)
    if little != plain.dtype:
        plain = plain.astype(little)
    data: Buffer = b""
    if plain.nbytes:
        flat = numpy.asarray(plain, order="C").reshape(-1)
        data = memoryview(flat.view(numpy.uint8))
    return _form(plain.shape, dtype, data)


def _refuse_masked(array: Any, numpy: Any) -> None:
    """Raise for what the receiver would take for valid items: it gets the data without the mask."""
    masked = sys.modules.get("numpy.ma")
    if masked is None or not isinstance(array, masked.MaskedArray):
        return
    mask = numpy.ascontiguousarray(masked.getmaskarray(array)).reshape(-1)
    if mask.view(bool).any():  # of records each field has its own
        raise UnsupportedValueError(
            "MaskedArray",
            "a masked array, whose mask would be lost; send .filled(value), or .data and .mask",
        )


def encode_array_data(array: ArrayData) -> Dict[str, Any]:
    """Return the form of an array that numpy had no hand in."""
    return _form(array.shape, array.dtype, array.data)


def _form(shape: Sequence[int], dtype: Dtype, data: Buffer) -> Dict[str, Any]:
    return {"_rtype": "ndarray", "_rvalue": data, "_rshape": list(shape), "_rdtype": dtype}


def _portable(dtype: Any, numpy: Any) -> Tuple[Any, Dtype]:
    """Return the little-endian dtype, without padding, and what `_rdtype` says of it."""
    if dtype.hasobject:
        raise UnsupportedValueError("ndarray", "an array of Python objects; send a list instead")
    if dtype.names is not None:
        fields = [(name, _portable_field(dtype[name], numpy)) for name in dtype.names]
        packed = numpy.dtype([(name, field) for name, field in fields])
        return packed, _listed(packed.descr)
    little = dtype.newbyteorder("<")
    name = dtype.name if dtype.kind in "biufcmM" else little.str
    try:
        _type_string(name)
    except DialectError:
        known = False
    else:
        known = dtype.kind != "V" or dtype.type is numpy.void
    if not known:
        raise UnsupportedValueError("ndarray", f"an array of dtype {dtype.name} cannot be sent")
    return little, name


def _portable_field(dtype: Any, numpy: Any) -> Any:
    """Return one field of a record, little-endian and packed; it may be an array in itself."""
    item, shape = dtype.subdtype or (dtype, ())
    little = _portable(item, numpy)[0]
    return numpy.dtype((little, shape)) if shape else little


def _listed(descr: Any) -> Any:
    """Return numpy's description of a record with lists for its tuples."""
    if isinstance(descr, (list, tuple)):
        return [_listed(part) for part in descr]
    return descr


def decode_array(tree: Dict[str, Any]) -> Any:
    """Return the array in a form, on the buffer itself, or on a copy where that is read-only.

    A numpy array when numpy is loaded or may be (`import_numpy_by`), else ArrayData. Raises
    DialectError.
    """
    data = memoryview(_joined(tree.get("_rvalue"))).cast("B")
    if data.readonly:  # part of a message of a WebSocket; whoever gets an array may change it
        data = memoryview(bytearray(data))
    dtype, item_bytes = _checked_dtype(tree.get("_rdtype"))
    shape = tree.get("_rshape") if tree["_rtype"] == "ndarray" else None
    if shape is None:
        shape = [len(data) // item_bytes] if item_bytes else [0]
    if type(shape) is not list or len(shape) > MAX_DIMENSIONS:
        raise DialectError("the shape of an array is not a list of sizes")
    items = 1
    for extent in shape:
        if type(extent) is not int or extent < 0:
            raise DialectError("the shape of an array is not a list of sizes")
        items *= extent
    if items * item_bytes != len(data):
        raise DialectError(f"{len(data)} bytes for {items} items of {item_bytes} bytes")
    numpy = _found_numpy()
    if numpy is None:
        return ArrayData(shape, tree["_rdtype"], data)
    try:
        return numpy.ndarray(tuple(shape), numpy.dtype(dtype), data)
    except (TypeError, ValueError, OverflowError) as error:
        raise DialectError(f"not an array for numpy: {error}") from error


def _joined(value: Any) -> Buffer:
    """Return the bytes of an array, which may come in pieces."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return value
    if isinstance(value, list) and all(
        isinstance(piece, (bytes, bytearray, memoryview)) for piece in value
    ):
        return bytearray().join(value)
    raise DialectError("an array without bytes")


def _checked_dtype(dtype: Any) -> Tuple[Any, int]:
    """Return what numpy may be told of the items, and their size in bytes."""
    if type(dtype) is str:
        return _type_string(dtype)
    if type(dtype) is list:
        descr = _record(dtype, 1)
        return descr, _record_bytes(descr)
    raise DialectError("an array without a dtype")


def _type_string(dtype: str) -> Tuple[str, int]:
    """Return numpy's type string and the size in bytes of the items that a name stands for."""
    named = re.fullmatch(_NAMED, dtype)
    typed = None if named else re.fullmatch(_TYPED, dtype)
    timed = None if named or typed else re.fullmatch(_TIMED, dtype)
    order, unit = "<", ""
    if named:
        kind = _KINDS[named[2] or "bool"]
        bits = int(named[3] or 8)
        size = bits // 8 if bits % 8 == 0 else 0
    elif typed:
        order, kind, size, unit = typed[1] or "<", typed[2], int(typed[3]), typed[4] or ""
    elif timed:
        kind, size, unit = ("M" if timed[1] == "datetime" else "m"), 8, timed[2] or ""
    else:
        raise DialectError(f"an array of unknown dtype {dtype[:40]!r}")
    if size not in _ITEM_BYTES.get(kind, {size}) or (unit and kind not in "mM"):
        raise DialectError(f"an array of unknown dtype {dtype[:40]!r}")
    if size == 1 or kind in "SV":
        order = "|"
    return f"{order}{kind}{size}{unit}", 4 * size if kind == "U" else size


def _record(fields: List[Any], level: int) -> List[Any]:
    """Return numpy's description of a record, checked."""
    if level > MAX_RECORD_LEVELS:
        raise DialectError("a record within too many others")
    checked: List[Any] = []
    for field in fields:
        if type(field) is not list or len(field) not in (2, 3) or type(field[0]) is not str:
            raise DialectError("a field of a record is not [name, type] or [name, type, shape]")
        kind = _record(field[1], level + 1) if type(field[1]) is list else _item_type(field[1])
        checked.append((field[0], kind, *_field_shape(field[2:])))
    return checked


def _item_type(dtype: Any) -> str:
    if type(dtype) is not str:
        raise DialectError("a field of a record has no type")
    return _type_string(dtype)[0]


def _field_shape(rest: List[Any]) -> List[Tuple[int, ...]]:
    if not rest:
        return []
    if type(rest[0]) is not list or not all(type(size) is int and size >= 0 for size in rest[0]):
        raise DialectError("the shape of a field is not a list of sizes")
    return [tuple(rest[0])]


def _record_bytes(descr: List[Any]) -> int:
    total = 0
    for _, kind, *shape in descr:
        size = _type_string(kind)[1] if isinstance(kind, str) else _record_bytes(kind)
        for extent in shape[0] if shape else ():
            size *= extent
        total += size
    return total

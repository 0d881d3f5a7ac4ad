from __future__ import annotations

import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imjoy_wire.arrays import (
    ArrayData,
    decode_array,
    encode_array,
    encode_array_data,
    import_numpy_by,
)
from imjoy_wire.errors import DialectError, UnsupportedValueError

DTYPES = [
    *("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"),
    *("float16", "float32", "float64", "longdouble", "complex64", "complex128", "clongdouble"),
    *("datetime64[ns]", "datetime64[D]", "timedelta64[s]", "U3", "S4", "V5"),
]


def some(dtype: Any, shape: tuple[int, ...]) -> Any:
    noise = np.random.default_rng(1).integers(0, 100, shape)
    if np.dtype(dtype).kind == "V":
        return np.zeros(shape, dtype)
    return noise.astype(dtype)


def received(tree: dict[str, Any], kind: Any = bytearray) -> dict[str, Any]:
    return {**tree, "_rvalue": kind(tree["_rvalue"])}


def assert_travels(array: Any) -> None:
    arrived = decode_array(received(encode_array(array, np)))
    assert arrived.dtype == array.dtype.newbyteorder("<")
    assert arrived.shape == array.shape
    assert arrived.tobytes() == array.astype(arrived.dtype).tobytes()
    assert arrived.flags.writeable


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3), (2, 0, 4), (1, 1, 1, 1)])
def test_arrays_of_every_dtype_and_shape(dtype: str, shape: tuple[int, ...]) -> None:
    assert_travels(some(dtype, shape))


@pytest.mark.parametrize("dtype", [">i2", ">f8", ">c16", ">U2", ">M8[s]"])
def test_big_endian_items_are_turned(dtype: str) -> None:
    tree = encode_array(some(dtype, (2, 3)), np)
    assert ">" not in str(tree["_rdtype"])
    assert_travels(some(dtype, (2, 3)))


@pytest.mark.parametrize(
    "view",
    [
        lambda a: np.asfortranarray(a),
        lambda a: a.T,
        lambda a: a[::2, ::-1],
        lambda a: a[:, 1],
        lambda a: np.broadcast_to(a[0, 0], (2, 2)),
    ],
)
def test_items_are_sent_in_c_order_however_they_lie(view: Any) -> None:
    array = view(np.arange(12, dtype="int32").reshape(3, 4))
    assert_travels(array)
    assert bytes(encode_array(array, np)["_rvalue"]) == array.tobytes("C")


@given(st.lists(st.integers(0, 4), max_size=4), st.permutations(range(4)), st.booleans())
def test_any_layout(shape: list[int], axes: list[int], is_backwards: bool) -> None:
    array = some("int64", tuple(shape)).transpose([axis for axis in axes if axis < len(shape)])
    assert_travels(array[::-1] if is_backwards and shape else array)


def test_an_array_in_order_is_not_copied() -> None:
    array = np.arange(6, dtype="float32").reshape(2, 3)
    tree = encode_array(array, np)
    array[0, 0] = 7
    assert np.frombuffer(tree["_rvalue"], "float32")[0] == 7
    buffer = bytearray(24)
    arrived = decode_array({**tree, "_rvalue": buffer})
    arrived[1, 2] = 1
    assert buffer[-4:] == b"\0\0\x80\x3f"


def test_an_array_may_be_changed_whatever_it_arrived_in() -> None:
    tree = received(encode_array(np.arange(3), np), bytes)
    arrived = decode_array(tree)
    arrived[0] = 7
    assert arrived.tolist() == [7, 1, 2]
    assert decode_array(tree).tolist() == [0, 1, 2]


def test_an_array_has_as_many_dimensions_as_numpy_allows() -> None:
    assert_travels(np.zeros((1,) * 64))


def test_the_names_are_those_that_javascript_knows() -> None:
    assert encode_array(np.zeros(2, "f4"), np)["_rdtype"] == "float32"
    assert encode_array(np.zeros(2, "longlong"), np)["_rdtype"] == "int64"
    assert encode_array(np.zeros(2, bool), np)["_rdtype"] == "bool"
    assert encode_array(np.zeros((2, 1)), np)["_rshape"] == [2, 1]


RECORDS = [
    np.dtype([("x", "<i4"), ("y", "<f8")]),
    np.dtype([("x", ">i4"), ("name", "U5"), ("rgb", "u1", (3,))]),
    np.dtype([("x", "i1"), ("y", "f8")], align=True),
    np.dtype([("at", [("x", "f4"), ("y", "f4")]), ("n", "i2")]),
    np.dtype({"names": ["late"], "formats": ["i2"], "offsets": [6], "itemsize": 12}),
]


@pytest.mark.parametrize("dtype", RECORDS, ids=str)
def test_records_keep_their_fields(dtype: Any) -> None:
    array = np.zeros((2, 2), dtype)
    first = array.dtype.names[0]
    if array.dtype[first].names is None:
        array[first] = [[1, 2], [3, 4]]
    arrived = decode_array(received(encode_array(array, np)))
    assert arrived.dtype.names == array.dtype.names
    assert arrived.tobytes() == array.astype(arrived.dtype).tobytes()


@pytest.mark.parametrize(
    "array",
    [
        np.array([None, "a"]),
        np.zeros(2, [("a", "i4"), ("b", "O")]),
        np.array(["a"], dtype=np.dtypes.StringDType()),
    ],
    ids=["objects", "objects in records", "strings of any length"],
)
def test_items_that_are_python_objects_are_refused(array: Any) -> None:
    with pytest.raises(UnsupportedValueError):
        encode_array(array, np)


@pytest.mark.parametrize(
    "array",
    [
        np.ma.masked_invalid([[1.0, np.nan], [3.0, 4.0]]),
        np.ma.array([(1, 2.0), (3, 4.0)], mask=[(0, 1), (0, 0)], dtype=[("a", "i4"), ("b", "f8")]),
        np.ma.masked,
    ],
)
def test_items_that_are_masked_are_refused_and_it_is_said_what_to_do(array: Any) -> None:
    with pytest.raises(UnsupportedValueError, match=r"masked.*\.filled\(.*\.data and \.mask"):
        encode_array(array, np)


@pytest.mark.parametrize("mask", [np.ma.nomask, [False, False]])
def test_a_masked_array_without_masked_items_is_its_data(mask: Any) -> None:
    plain = np.array([1.5, 2.5])
    assert received(encode_array(np.ma.array(plain, mask=mask), np)) == received(
        encode_array(plain, np)
    )
    assert encode_array(np.ma.zeros((0, 3)), np)["_rshape"] == [0, 3]


def test_a_dtype_that_no_one_else_knows_is_refused() -> None:
    class Float8:
        hasobject, names, kind, name, str = False, None, "f", "float8_e4m3", "<f1"

        def newbyteorder(self, order: str) -> Float8:
            return self

    library = SimpleNamespace(asarray=lambda array: array, void=np.void)
    with pytest.raises(UnsupportedValueError, match="dtype float8_e4m3 cannot be sent"):
        encode_array(SimpleNamespace(dtype=Float8()), library)


def test_a_typed_array_is_an_array_of_one_dimension() -> None:
    tree = {"_rtype": "typedarray", "_rvalue": bytearray(8), "_rdtype": "int64", "_rshape": [9]}
    assert decode_array(tree).tolist() == [0]


def test_the_bytes_may_come_in_pieces() -> None:
    tree = encode_array(np.arange(4, dtype="uint8"), np)
    tree["_rvalue"] = [b"\0\1", bytearray(b"\2"), memoryview(b"\3")]
    assert decode_array(tree).tolist() == [0, 1, 2, 3]
    assert decode_array(tree).flags.writeable
    assert decode_array({**tree, "_rvalue": [], "_rshape": [0]}).size == 0


def test_big_endian_items_from_imjoy_rpc_are_understood() -> None:
    tree = {"_rtype": "ndarray", "_rvalue": b"\0\1", "_rshape": [1], "_rdtype": ">i2"}
    assert decode_array(tree).tolist() == [1]


GOOD = {"_rtype": "ndarray", "_rvalue": bytearray(8), "_rshape": [2], "_rdtype": "float32"}


@pytest.mark.parametrize(
    "change",
    [
        {"_rvalue": None},
        {"_rvalue": "text"},
        {"_rvalue": [1]},
        {"_rvalue": [b"", "text"]},
        {"_rvalue": bytearray(7)},
        {"_rvalue": bytearray(16)},
        {"_rshape": [3]},
        {"_rshape": [-2]},
        {"_rshape": [2.0]},
        {"_rshape": [True, 2]},
        {"_rshape": ["2"]},
        {"_rshape": 2},
        {"_rshape": [1] * 64 + [2]},
        {"_rshape": [2**70, 0], "_rvalue": b""},
        {"_rshape": [2**62, 2**62]},
        {"_rdtype": None},
        {"_rdtype": 4},
        {"_rdtype": "object"},
        {"_rdtype": "O"},
        {"_rdtype": "|O8"},
        {"_rdtype": "array"},
        {"_rdtype": "float33"},
        {"_rdtype": "int0"},
        {"_rdtype": "i4,f8"},
        {"_rdtype": "<f4[ns]"},
        {"_rdtype": "T16"},
        {"_rdtype": "(2,)f4"},
        {"_rdtype": "U9999999999"},
        {"_rdtype": "datetime64[parsec]"},
        {"_rdtype": "M8[000000000000s]"},
        {"_rdtype": ["f4"]},
        {"_rdtype": [["a"]]},
        {"_rdtype": [[1, "f4"]]},
        {"_rdtype": [["a", "O"]]},
        {"_rdtype": [["a", None]]},
        {"_rdtype": [["a", "f4", 2]]},
        {"_rdtype": [["a", "f4", [-1]]]},
        {"_rdtype": [["a", "f4"], ["a", "f4"]], "_rshape": [1]},
        {"_rdtype": [["a", "f4", [2**40]]]},
        {
            "_rdtype": [
                ["a", [["a", [["a", [["a", [["a", [["a", [["a", [["a", [["a", "f4"]]]]]]]]]]]]]]]]]
            ]
        },
        {"_rdtype": {"names": ["a"]}},
    ],
    ids=str,
)
def test_what_is_no_array_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(DialectError):
        decode_array({**GOOD, **change})


def test_items_of_no_size_take_no_memory() -> None:
    for dtype in ("U0", "S0", "V0", []):
        for shape in ([2**40], [3], []):
            tree = {"_rtype": "ndarray", "_rvalue": b"", "_rshape": shape, "_rdtype": dtype}
            try:
                arrived = decode_array(tree)
            except DialectError:
                continue
            assert arrived.nbytes == 0


def test_a_missing_shape_is_one_dimension() -> None:
    tree = {key: GOOD[key] for key in GOOD if key != "_rshape"}
    assert decode_array(tree).shape == (2,)


def without_numpy(function: Callable[..., Any], *arguments: Any) -> Any:
    """Return what a function returns in a program that has not loaded numpy."""
    import_numpy_by(None)  # a client that this process was before may have said otherwise
    numpy = sys.modules.pop("numpy")
    try:
        return function(*arguments)
    finally:
        sys.modules["numpy"] = numpy


@pytest.mark.parametrize("dtype", [*DTYPES, *RECORDS], ids=str)
def test_without_numpy_arrays_arrive_as_their_parts_and_leave_as_arrays(dtype: Any) -> None:
    tree = received(encode_array(np.zeros((2, 3), dtype), np))
    arrived = without_numpy(decode_array, tree)
    assert isinstance(arrived, ArrayData)
    assert arrived.shape == (2, 3)
    assert arrived.dtype == tree["_rdtype"]
    assert arrived.data == tree["_rvalue"]
    assert received(without_numpy(encode_array_data, arrived)) == tree


def test_the_first_array_imports_numpy_where_that_is_allowed() -> None:
    asked = []

    def import_module(name: str) -> None:
        asked.append(name)
        sys.modules[name] = np

    tree = received(encode_array(np.arange(3), np))

    def decoded() -> list[Any]:
        import_numpy_by(import_module)
        return [decode_array(tree), decode_array(tree)]

    assert all(isinstance(array, np.ndarray) for array in without_numpy(decoded))
    assert asked == ["numpy"]


@pytest.mark.parametrize("reason", [ImportError("no numpy"), OSError("a broken library")])
def test_a_numpy_that_cannot_be_loaded_is_asked_for_once(reason: Exception) -> None:
    asked = []

    def import_module(name: str) -> None:
        asked.append(name)
        raise reason

    tree = received(encode_array(np.arange(3), np))

    def decoded() -> list[Any]:
        import_numpy_by(import_module)
        return [decode_array(tree), decode_array(tree)]

    assert all(isinstance(array, ArrayData) for array in without_numpy(decoded))
    assert asked == ["numpy"]


@pytest.mark.parametrize("dtype", [*DTYPES, *RECORDS], ids=str)
def test_numpy_loaded_later_takes_the_parts_without_a_copy(dtype: Any) -> None:
    array = np.zeros((2, 3), dtype)
    arrived = without_numpy(decode_array, received(encode_array(array, np)))
    loaded = np.asarray(arrived)
    assert loaded.tobytes() == array.astype(loaded.dtype).tobytes()
    assert np.shares_memory(loaded, np.frombuffer(arrived.data, "u1"))
    assert "ArrayData(shape=(2, 3)" in repr(arrived)


@pytest.mark.parametrize("change", [{"_rvalue": b"7"}, {"_rdtype": "O"}, {"_rshape": [-2]}])
def test_what_is_no_array_is_refused_without_numpy_as_well(change: dict[str, Any]) -> None:
    with pytest.raises(DialectError):
        without_numpy(decode_array, {**GOOD, **change})

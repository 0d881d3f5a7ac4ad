from __future__ import annotations

import datetime
import enum
import json
import os
import subprocess
import sys
from collections import OrderedDict, namedtuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imjoy_wire.arrays import ArrayData
from imjoy_wire.codec import pack, unpack
from imjoy_wire.dotdict import DotDict
from imjoy_wire.errors import RemoteError
from imjoy_wire.forms import File
from imjoy_wire.streams import GENERATORS
from imjoy_wire.values import decode, encode, encode_arguments
from support.described import build
from support.references import FakeReferences, Proxy, travelled
from support.vectors import load


class Level(enum.IntEnum):
    HIGH = 2


class Colour(enum.StrEnum):
    RED = "red"


Point = namedtuple("Point", "x y")
UTC = datetime.UTC


def described(name: str) -> Any:
    cases = load("values")[name]
    return pytest.mark.parametrize("case", cases, ids=lambda case: case["name"])


def shown(value: Any) -> str:
    """Name a value alike in every process of a run: the order in a set of strings differs."""
    return type(value).__name__ if isinstance(value, (set, frozenset)) else repr(value)


def received(case: dict[str, Any]) -> Any:
    return unpack(case["body"], [bytearray.fromhex(buffer) for buffer in case["buffers"]])


@described("from_python")
def test_the_form_of_a_value(case: dict[str, Any]) -> None:
    sent = build(case["value"])
    references = FakeReferences()
    body, buffers = pack(encode(sent, references))
    assert body.decode() == case["body"]
    assert [bytes(buffer).hex() for buffer in buffers] == case["buffers"]
    assert_same(decode(received(case), references), sent)


@described("from_javascript")
def test_what_the_page_sends(case: dict[str, Any]) -> None:
    assert_same(decode(received(case), FakeReferences()), build(case["value"]))


def assert_same(arrived: Any, sent: Any) -> None:
    if isinstance(sent, np.ndarray):
        sent = sent.astype(sent.dtype.newbyteorder("<"))
        assert (arrived.dtype, arrived.shape) == (sent.dtype, sent.shape)
        assert arrived.tobytes() == sent.tobytes()
    elif isinstance(sent, File):
        assert (arrived.read(), arrived.name, arrived.mime) == (sent.read(), sent.name, sent.mime)
    elif isinstance(sent, RemoteError):
        assert (str(arrived), arrived.name) == (str(sent), sent.name)
        assert (arrived.cause is None) == (sent.cause is None)
    elif callable(sent) or isinstance(sent, GENERATORS):
        assert isinstance(arrived, Proxy)
    elif isinstance(sent, dict) and "_rintf" in sent:
        assert set(arrived) == set(sent)
    else:
        assert arrived == (list(sent) if isinstance(sent, tuple) else sent)


@pytest.mark.parametrize(
    ("sent", "arrived"),
    [
        (None, None),
        (True, True),
        (2**100, 2**100),
        (-(2**53), -(2**53)),
        (1.5, 1.5),
        (float("-inf"), float("-inf")),
        ("ü\ud800", "ü\ud800"),
        (b"abc", b"abc"),
        (bytearray(b"abc"), b"abc"),
        ([1, (2, [3])], [1, [2, [3]]]),
        (Point(1, 2), [1, 2]),
        ({"a": {"b": None}}, DotDict(a=DotDict(b=None))),
        ({1: "a", None: "b", (1, (2,)): "c"}, DotDict({1: "a", None: "b", (1, (2,)): "c"})),
        ({datetime.date(2020, 1, 2): 1}, DotDict({datetime.date(2020, 1, 2): 1})),
        ({"$buf": 0, "$x": [b"y"]}, DotDict({"$buf": 0, "$x": [b"y"]})),
        ({1, "a", (2, 3)}, {1, "a", (2, 3)}),
        (frozenset({1}), {1}),
        ({frozenset({1, 2})}, {frozenset({1, 2})}),
        (OrderedDict([("b", 1), ("a", [2])]), OrderedDict([("b", 1), ("a", [2])])),
        (OrderedDict([(1, 2)]), DotDict({1: 2})),
        (
            datetime.datetime(2020, 1, 2, 3, tzinfo=UTC),
            datetime.datetime(2020, 1, 2, 3, tzinfo=UTC),
        ),
        (Level.HIGH, 2),
        (Colour.RED, "red"),
        (Path("cells.tif"), "cells.tif"),
        (np.bool_(True), True),
        (np.uint64(2**64 - 1), 2**64 - 1),
        (np.float16(0.5), 0.5),
        (np.float64(0.5), 0.5),
        (np.str_("x"), "x"),
    ],
    ids=shown,
)
def test_what_arrives(sent: Any, arrived: Any) -> None:
    result = travelled(sent)
    assert result == arrived
    assert type(result) is type(arrived)
    if isinstance(arrived, dict):
        assert list(result) == list(arrived)


def test_not_a_number_arrives() -> None:
    result = travelled([float("nan"), np.float32("nan")])
    assert [number != number for number in result] == [True, True]


def test_memoryviews_arrive_as_such_in_c_order() -> None:
    grid = memoryview(bytes(range(8))).cast("B", (2, 4))
    for view in (memoryview(b"abcd"), memoryview(b"abcd")[::2], grid, memoryview(b"")):
        arrived = travelled(view)
        assert isinstance(arrived, memoryview)
        assert arrived.tobytes() == view.tobytes()


def test_arrays_arrive_writable_on_the_buffer_they_came_in() -> None:
    arrived = travelled({"image": np.arange(6, dtype="uint16").reshape(2, 3)}).image
    assert arrived.tolist() == [[0, 1, 2], [3, 4, 5]]
    arrived += 1


def test_scalars_that_are_no_numbers_elsewhere_are_arrays_of_no_dimension() -> None:
    for scalar in (np.complex64(1j), np.datetime64("2020-01-01"), np.timedelta64(5, "s")):
        arrived = travelled(scalar)
        assert arrived.shape == ()
        assert arrived == scalar


def test_the_parts_of_an_array_arrive_as_an_array() -> None:
    assert travelled(ArrayData([2], "uint8", b"\1\2")).tolist() == [1, 2]


def test_files_and_exceptions_arrive() -> None:
    file, error = travelled([File(b"abc", "a.txt"), KeyError("a")])
    assert (file.read(), file.name) == (b"abc", "a.txt")
    assert isinstance(error, RemoteError)
    assert (error.name, str(error)) == ("KeyError", "'a'")


def test_a_thousand_small_arrays_arrive() -> None:
    outlines = [np.full((index % 7, 2), index, "int32") for index in range(1000)]
    arrived = travelled(outlines)
    assert all((one == other).all() for one, other in zip(arrived, outlines, strict=True))
    assert all(outline.flags.writeable for outline in arrived if outline.size)


def test_the_three_doors() -> None:
    references = FakeReferences()
    assert encode([print], references)[0]["_rtype"] == "callback"
    assert encode({"run": print}, references, as_interface=True)["run"]["_rtype"] == "interface"
    arguments = encode_arguments([1], {"a": 2}, references)
    assert decode(arguments, references) == [1, {"a": 2}]
    arguments = encode_arguments(["close", print], {}, references, as_interface=True)
    assert arguments[1]["_rtype"] == "interface"


keys = st.none() | st.integers() | st.text() | st.binary() | st.dates()
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.dates()
    | st.datetimes(timezones=st.just(UTC)),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=4), inner, max_size=4)
        | st.dictionaries(keys, inner, max_size=4)
        | st.sets(keys, max_size=4)
    ),
    max_leaves=20,
).filter(lambda value: not _has_form(value))


def _has_form(value: Any) -> bool:
    if isinstance(value, dict):
        return bool({"_rtype", "_rintf"} & set(value)) or any(map(_has_form, value.values()))
    return isinstance(value, list) and any(map(_has_form, value))


@given(values)
def test_values_come_back(value: Any) -> None:
    assert travelled(value) == value


def test_no_value_imports_anything() -> None:
    trees = [
        {"_rtype": name, "_rvalue": "os.system", "_rdtype": "float32", "_rshape": [0]}
        for name in ("ndarray", "error", "file", "zarr-array", "module", "pickle", "__import__")
    ]
    program = f"""
import json, sys
from imjoy_wire.values import decode, encode
from imjoy_wire.errors import WireError
class References:
    codecs = {{}}
    remote = lambda self, value: None
before = set(sys.modules)
for tree in json.loads({json.dumps(json.dumps(trees))}):
    try:
        encode(decode(tree, References()), References())
    except WireError:
        pass
print(sorted(set(sys.modules) - before))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.stdout.strip() == "[]"

"""Any value, from Python to JavaScript and back: each end's own code, joined by a pipe."""

from __future__ import annotations

import datetime
import json
import math
import subprocess
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imjoy_wire.codec import pack, unpack
from imjoy_wire.errors import RemoteError
from imjoy_wire.forms import File
from imjoy_wire.values import decode, encode
from support.node import node
from support.references import FakeReferences

SCRIPT = Path(__file__).parents[2] / "support" / "echo_values.mjs"
TYPED = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]
DTYPES = [*TYPED, "float32", "float64", "float16", "bool", "complex64", "complex128", ">i2", ">f8"]


class Page:
    """The other end, which sends back what it has received."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def echo(self, value: Any, *, typed: bool = False) -> Any:
        body, buffers = pack(encode(value, FakeReferences()))
        sent = {"body": body.decode(), "buffers": [bytes(each).hex() for each in buffers]}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({**sent, "asTyped": typed}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        arrived = [bytearray.fromhex(buffer) for buffer in answer["buffers"]]
        return decode(unpack(answer["body"], arrived), FakeReferences())


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    process = subprocess.Popen(
        [node(), SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        page = Page(process)
        page.echo(None)  # it has begun
        yield page
    finally:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        process.wait()
        process.stdout.close()


moments = st.datetimes(
    datetime.datetime(1971, 1, 1), datetime.datetime(2200, 1, 1), timezones=st.just(datetime.UTC)
).map(lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000))
plain = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(), max_size=20)
    | st.binary(max_size=20)
    | moments
)
names = st.text(max_size=8).filter(lambda name: not name.startswith("_") and name != "constructor")
# JavaScript's own objects order keys that look like numbers, and know 1.0, 1 and True apart.
keys = names | st.integers(-(2**53) + 1, 2**53 - 1) | st.none()
trees = st.recursive(
    plain,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(names, inner, max_size=4)
        | st.dictionaries(keys, inner, max_size=4)
        | st.builds(OrderedDict, st.lists(st.tuples(names, inner), max_size=4))
        | st.sets(st.integers() | st.text(max_size=4), max_size=4)
    ),
    max_leaves=12,
)


@st.composite
def arrays(draw: st.DrawFn, dtypes: list[str] = DTYPES) -> Any:
    """Arrays of every dtype, shape and layout."""
    shape = draw(st.lists(st.integers(0, 4), max_size=3))
    dtype = np.dtype(draw(st.sampled_from(dtypes)))
    size = math.prod(shape) * dtype.itemsize
    data = draw(st.binary(min_size=size, max_size=size))
    if dtype.kind == "b":
        data = bytes(byte & 1 for byte in data)
    array = np.frombuffer(bytearray(data), dtype).reshape(shape)
    layout = draw(st.sampled_from(["as it is", "F", "transposed", "backwards", "every second"]))
    if layout == "F":
        return np.asfortranarray(array)
    if layout == "transposed":
        return array.T
    if layout == "backwards" and array.ndim:
        return array[::-1]
    return array[..., ::2] if layout == "every second" and array.ndim else array


@given(trees)
@settings(max_examples=120)
def test_trees(page: Page, value: Any) -> None:
    assert page.echo(value) == value


@given(arrays())
@settings(max_examples=120)
def test_arrays(page: Page, array: Any) -> None:
    same_items(page.echo(array), array)


@given(arrays([*TYPED, "float32", "float64"]))
@settings(max_examples=100)
def test_typed_arrays_of_javascript(page: Page, array: Any) -> None:
    """64-bit integers are BigInts there, and lose nothing."""
    same_items(page.echo(array, typed=True), array.reshape(-1))


def same_items(arrived: Any, sent: Any) -> None:
    assert arrived.shape == sent.shape
    assert arrived.dtype == sent.dtype.newbyteorder("<")
    assert arrived.tobytes() == sent.astype(arrived.dtype).tobytes()


@given(st.floats())
def test_every_float(page: Page, number: float) -> None:
    assert repr(float(page.echo(number))) == repr(number)


@given(st.binary(max_size=50), st.text(st.characters(codec="utf-8"), min_size=1, max_size=20))
def test_files(page: Page, data: bytes, name: str) -> None:
    file = page.echo(File(data, name, "image/png"))
    assert (file.read(), file.mime) == (data, "image/png")
    assert file.name == name


@given(st.text(max_size=30), st.text(max_size=30))
def test_exceptions(page: Page, message: str, cause: str) -> None:
    error = RemoteError(message, "KeyError", "the trace", RemoteError(cause, "ValueError", "why"))
    arrived = page.echo(error)
    assert (arrived.name, arrived.trace) == ("KeyError", "the trace")
    assert str(arrived) == (message or "KeyError")
    assert (arrived.cause.name, str(arrived.cause)) == ("ValueError", cause or "ValueError")

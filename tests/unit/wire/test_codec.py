from __future__ import annotations

import contextlib
import enum
import random
import tracemalloc
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from imjoy_wire.codec import MAX_LOOSE_BUFFERS, MAX_SHARED_BYTES, pack, unpack
from imjoy_wire.errors import CodecError, UnsupportedValueError
from imjoy_wire.limits import MAX_BODY_BYTES, MAX_CONTAINERS, MAX_DEPTH, MAX_INT_DIGITS
from support.vectors import build, load, same

VECTORS = load("codec")

keys = st.recursive(
    st.none() | st.integers() | st.text() | st.binary() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3).map(tuple),
    max_leaves=4,
)
trees = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.text(st.characters(categories=["Cs", "Lu", "Cc"]))
    | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.text(max_size=3), inner, max_size=5)
        | st.dictionaries(st.sampled_from(["$buf", "$", "$x", "a", "_rtype"]), inner, max_size=3)
        | st.dictionaries(keys, inner, max_size=3)
    ),
    max_leaves=25,
)


def named(cases: list[dict[str, Any]]) -> Any:
    return pytest.mark.parametrize("case", cases, ids=lambda case: case["name"])


def hexes(buffers: Any) -> list[str]:
    return [bytes(buffer).hex() for buffer in buffers]


def received(case: dict[str, Any]) -> list[bytearray]:
    return [bytearray.fromhex(buffer) for buffer in case["buffers"]]


def nested(levels: int, leaf: Any = None) -> Any:
    for _ in range(levels):
        leaf = [leaf]
    return leaf


@named(VECTORS["both"])
def test_written_and_read(case: dict[str, Any]) -> None:
    value = build(case["value"])
    body, buffers = pack(value)
    assert body.decode() == case["body"]
    assert hexes(buffers) == case["buffers"]
    assert same(unpack(body, received(case)), value)
    assert same(unpack(bytearray(body), received(case)), value)
    assert same(unpack(case["body"], received(case)), value)


@named(VECTORS["read"])
def test_read(case: dict[str, Any]) -> None:
    assert same(unpack(case["body"], received(case)), build(case["value"]))


@named(VECTORS["refused"])
def test_refused(case: dict[str, Any]) -> None:
    body = bytes.fromhex(case["body_hex"]) if "body_hex" in case else case["body"].encode()
    with pytest.raises(CodecError):
        unpack(body, received(case))


@given(trees)
@example("\ud83d")
@example({"\udc00": "a\ud800b"})
def test_what_is_packed_comes_back(tree: Any) -> None:
    body, buffers = pack(tree)
    assert same(unpack(body, buffers), _joined(tree))


def _joined(node: Any) -> Any:
    """Two surrogates side by side arrive as the character that they stand for."""
    if isinstance(node, str):
        return node.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    if isinstance(node, dict):
        return {_joined(key): _joined(item) for key, item in node.items()}
    if isinstance(node, (list, tuple)):
        return type(node)(_joined(item) for item in node)
    return node


@given(trees, st.data())
@settings(max_examples=300)
def test_a_mutilated_body_is_read_or_refused(tree: Any, data: st.DataObject) -> None:
    body, buffers = pack(tree)
    mutilated = bytearray(body)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(mutilated)))
        mutilated[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    with contextlib.suppress(CodecError):
        unpack(mutilated, buffers[: data.draw(st.integers(0, len(buffers)))])


@given(st.binary() | st.text(st.sampled_from('{}[]$:",bufnmitojp0123456789.-eE \\udx')))
@settings(max_examples=300)
def test_any_bytes_are_read_or_refused(body: bytes | str) -> None:
    with contextlib.suppress(CodecError):
        unpack(body, [b"abc", bytearray(b"")])


def test_buffers_are_the_very_objects() -> None:
    sent = [b"abc", bytearray(3), memoryview(b"abcd")[1:]]
    _, buffers = pack(sent)
    assert all(one is other for one, other in zip(buffers, sent, strict=True))
    assert unpack('{"$buf":0}', buffers) is buffers[0]


def test_subclasses_are_written_as_what_they_extend() -> None:
    class Level(enum.IntEnum):
        HIGH = 2

    class Key(str):
        pass

    assert pack([Level.HIGH, {Key("a"): Key("b")}, (1,)])[0] == b'[2,{"a":"b"},[1]]'


def test_many_small_buffers_share_one() -> None:
    small = [bytes([number % 256]) * (number % 20) for number in range(MAX_LOOSE_BUFFERS)]
    large = bytes(MAX_SHARED_BYTES + 1)
    sent = [*small, large]
    body, buffers = pack(sent)
    assert len(buffers) == 2
    assert buffers[0] is large
    arrived = unpack(body, [bytearray(buffer) for buffer in buffers])
    assert [bytes(part) for part in arrived] == sent
    assert all(not part.readonly for part in arrived[:-1])


class Unknown:
    pass


@pytest.mark.parametrize("value", [Unknown(), {1, 2}, 1j, {"a": [Unknown()]}])
def test_what_has_no_form_is_refused(value: Any) -> None:
    with pytest.raises(UnsupportedValueError):
        pack(value)


def test_what_is_nested_too_deeply_is_refused_at_both_ends() -> None:
    body, buffers = pack(nested(MAX_DEPTH, b"x"))
    assert same(unpack(body, buffers), nested(MAX_DEPTH, b"x"))
    for too_deep in (nested(MAX_DEPTH + 1), nested(MAX_DEPTH + 1, b"x")):
        with pytest.raises(UnsupportedValueError, match="nested in more than 100 levels"):
            pack(too_deep)
    with pytest.raises(CodecError, match="levels"):
        unpack(b"[" + body + b"]", buffers)
    itself: list[Any] = []
    itself.append(itself)
    with pytest.raises(UnsupportedValueError, match="in itself"):
        pack(itself)


@pytest.mark.parametrize("opening", ["[", '{"a":', '{"$map":[[1,', '{"$map":[['])
def test_brackets_without_end_are_refused(opening: str) -> None:
    with pytest.raises(CodecError):
        unpack(opening * 100_000)


@pytest.mark.parametrize("depth", [50, 200, 2000])
def test_a_key_as_deep_as_its_text_is_read_or_refused(depth: int) -> None:
    body = '{"$map":[[' + "[" * depth + "]" * depth + ",1]]}"
    try:
        unpack(body)
    except CodecError:
        assert depth > MAX_DEPTH


def test_integers_of_as_many_digits_as_python_reads() -> None:
    largest = 10 ** (MAX_INT_DIGITS - 1)
    assert unpack(*pack(largest)) == largest
    with pytest.raises(UnsupportedValueError, match="an integer of"):
        pack(10**MAX_INT_DIGITS)


@pytest.mark.parametrize("digits", [MAX_INT_DIGITS + 1, 1_000_000])
def test_a_number_that_takes_long_to_read_is_refused(digits: int) -> None:
    with pytest.raises(CodecError):
        unpack("[" + "9" * digits + "]")


def test_a_text_of_digits_is_a_text() -> None:
    text = "7" * 100_000
    assert unpack(*pack({"a": text, "b": [1, 2**70, b"x"]})) == {
        "a": text,
        "b": [1, 2**70, b"x"],
    }


def test_a_body_over_the_limits_is_refused_at_both_ends() -> None:
    with pytest.raises(UnsupportedValueError, match="send large data as bytes or as arrays"):
        pack("x" * MAX_BODY_BYTES)
    with pytest.raises(CodecError, match="are allowed"):
        unpack(bytes(MAX_BODY_BYTES + 1))
    with pytest.raises(CodecError, match="objects and arrays"):
        unpack("[" + "{}," * MAX_CONTAINERS + "1]")


def test_few_bytes_cannot_stand_for_many() -> None:
    buffer = bytearray(1_000_000)
    mention = '{"$buf":0}'
    with pytest.raises(CodecError, match="mentioned twice"):
        unpack(f"[{','.join([mention] * 100)}]", [buffer])
    part = '{"$buf":[0,0,500001]}'
    tracemalloc.start()
    try:
        with pytest.raises(CodecError, match="too small for its parts"):
            unpack(f"[{','.join([part] * 100)}]", [buffer])
        assert tracemalloc.get_traced_memory()[1] < 200_000
    finally:
        tracemalloc.stop()


def test_memory_for_a_hostile_body_is_a_multiple_of_its_size() -> None:
    noise = random.Random(1)
    pieces = ["[]", "{}", '""', "0", '{"a":1}', '"ab"', '{"$map":[]}']
    body = "[" + ",".join(noise.choice(pieces) for _ in range(50_000)) + "]"
    tracemalloc.start()
    try:
        unpack(body)
        assert tracemalloc.get_traced_memory()[1] < 60 * len(body)
    finally:
        tracemalloc.stop()

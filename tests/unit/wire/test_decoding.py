from __future__ import annotations

import contextlib
from collections import OrderedDict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imjoy_wire.decoding import Decoder
from imjoy_wire.dotdict import DotDict
from imjoy_wire.errors import DialectError, RemoteError, WireError
from imjoy_wire.leaves import LEAF_DECODERS
from imjoy_wire.limits import MAX_DEPTH
from imjoy_wire.references import Codec
from support.references import FakeReferences, Proxy

METHOD = {"_rtype": "interface", "_rtarget_id": "them", "_rintf": "o1", "_rvalue": "a.run"}
CALLBACK = {"_rtype": "callback", "_rtarget_id": "them", "_rname": "f", "_rvalue": 0}


def decoded(tree: Any, *codecs: Codec) -> Any:
    return Decoder(FakeReferences(*codecs)).decode(tree)


def test_dicts_read_by_attribute_at_every_level() -> None:
    ctx = decoded([{"config": {"threshold": 7, "list": [{"a": 1}]}}])[0]
    assert type(ctx) is DotDict
    assert ctx.config.threshold == 7
    assert ctx.config.list[0].a == 1
    assert ctx.config.nothing is None


def test_bytes_are_bytes_whatever_they_came_in() -> None:
    for buffer in (b"abc", bytearray(b"abc"), memoryview(b"abc")):
        assert type(decoded({"a": buffer})["a"]) is bytes


def test_functions_are_proxies() -> None:
    for form in (
        METHOD,
        CALLBACK,
        {**CALLBACK, "_rvalue": "a-b"},
        {**CALLBACK, "_rtarget_id": None},
    ):
        function = decoded([form])[0]
        assert isinstance(function, Proxy)
        assert function.tree == form


def test_an_object_with_an_id_is_registered_with_its_functions() -> None:
    references = FakeReferences()
    tree = {"run": METHOD, "sub": {"go": METHOD, "_rintf": "o2"}, "_rintf": "o1"}
    value = Decoder(references).decode(tree)
    assert references.objects == {"o1": value, "o2": value.sub}
    assert isinstance(value.sub.go, Proxy)
    assert value._rintf == "o1"


@pytest.mark.parametrize("mark", [True, None, "", 5, ["o1"]])
def test_a_mark_that_is_no_id_registers_nothing(mark: Any) -> None:
    references = FakeReferences()
    assert Decoder(references).decode({"a": 1, "_rintf": mark}).a == 1
    assert references.objects == {}


def test_sets_and_maps_take_what_can_be_a_key() -> None:
    assert decoded({"_rtype": "set", "_rvalue": [1, [2, [3]], b"x"]}) == {1, (2, (3,)), b"x"}
    inner = {"_rtype": "set", "_rvalue": [1]}
    assert decoded({"_rtype": "set", "_rvalue": [inner]}) == {frozenset({1})}
    tree = {"_rtype": "orderedmap", "_rvalue": [["b", 1], [[1, 2], {"c": METHOD}]]}
    ordered = decoded(tree)
    assert type(ordered) is OrderedDict
    assert list(ordered) == ["b", (1, 2)]
    assert isinstance(ordered[1, 2].c, Proxy)


def test_a_dict_sent_as_a_map_is_a_dict() -> None:
    value = decoded({"_rtype": "orderedmap", "_rvalue": [[1, 2], [None, 3]], "_rdict": True})
    assert type(value) is DotDict
    assert value == {1: 2, None: 3}


def test_a_map_of_keys_alone_as_imjoy_rpc_writes_it() -> None:
    assert decoded({"_rtype": "orderedmap", "_rvalue": ["a", "b"]}) == {"a": None, "b": None}


def test_an_unknown_form_is_a_dict_with_its_members_decoded() -> None:
    references = FakeReferences()
    tree = {"_rtype": "zarr-array", "getItem": METHOD, "_rintf": "o1", "shape": [1]}
    value = Decoder(references).decode(tree)
    assert value._rtype == "zarr-array"
    assert isinstance(value.getItem, Proxy)
    assert references.objects == {"o1": value}


@pytest.mark.parametrize("name", [None, 5, ["set"], {"a": 1}, True])
def test_a_form_without_a_name_is_data(name: Any) -> None:
    assert decoded({"_rtype": name, "a": 1}).a == 1


def test_a_codec_decodes_its_form_and_no_other() -> None:
    cat = Codec("cat", None, None, lambda tree: ("cat", tree["name"], tree.coat))
    coat = {"_rtype": "memoryview", "_rvalue": b"x"}
    tree = [{"_rtype": "cat", "name": "Tom", "coat": coat}, {"_rtype": "dog"}]
    (_, name, view), dog = decoded(tree, cat)
    assert (name, view.tobytes(), dog._rtype) == ("Tom", b"x", "dog")
    assert decoded({"_rtype": "cat"}, Codec("cat"))._rtype == "cat"


def test_what_a_codec_makes_of_an_object_is_registered() -> None:
    references = FakeReferences(Codec("cat", None, None, lambda tree: tree["meow"]))
    value = Decoder(references).decode({"_rtype": "cat", "meow": METHOD, "_rintf": "o1"})
    assert isinstance(value, Proxy)
    assert references.objects == {"o1": value}


def test_a_codec_may_replace_a_form_of_ours() -> None:
    images = Codec("ndarray", None, None, lambda tree: tree["_rshape"])
    tree = {"_rtype": "ndarray", "_rvalue": b"ab", "_rshape": [2], "_rdtype": "uint8"}
    assert decoded(tree, images) == [2]


def test_errors_are_exceptions_that_are_not_raised() -> None:
    error = decoded([{"_rtype": "error", "_rvalue": "no", "_rname": "KeyError"}])[0]
    assert isinstance(error, RemoteError)
    assert error.name == "KeyError"


@pytest.mark.parametrize(
    "tree",
    [
        {"_rtype": "callback"},
        {"_rtype": "callback", "_rvalue": None},
        {"_rtype": "callback", "_rvalue": True},
        {"_rtype": "callback", "_rvalue": 1.5},
        {"_rtype": "callback", "_rvalue": ["a"]},
        {"_rtype": "callback", "_rvalue": 1, "_rtarget_id": 5},
        {"_rtype": "interface"},
        {"_rtype": "interface", "_rvalue": "run"},
        {"_rtype": "interface", "_rvalue": 1, "_rintf": "o1"},
        {"_rtype": "interface", "_rvalue": "run", "_rintf": True},
        {"_rtype": "interface", "_rvalue": "run", "_rintf": "o1", "_rtarget_id": []},
        {"_rtype": "set"},
        {"_rtype": "set", "_rvalue": "abc"},
        {"_rtype": "set", "_rvalue": {"a": 1}},
        {"_rtype": "set", "_rvalue": [{"_rtype": "memoryview", "_rvalue": bytearray(1)}]},
        {"_rtype": "set", "_rvalue": [[{"_rtype": "orderedmap", "_rvalue": []}]]},
        {"_rtype": "orderedmap"},
        {"_rtype": "orderedmap", "_rvalue": None},
        {"_rtype": "orderedmap", "_rvalue": [[{"_rtype": "orderedmap", "_rvalue": []}, 1]]},
        {"_rtype": "memoryview"},
        {"_rtype": "memoryview", "_rvalue": [1]},
        {"_rtype": "ndarray"},
        {"_rtype": "typedarray", "_rvalue": b"abc"},
        {"_rtype": "datetime"},
        {"_rtype": "file"},
        {"_rtype": "blob", "_rvalue": 5},
    ],
    ids=str,
)
def test_a_malformed_form_is_refused(tree: Any) -> None:
    for place in (tree, [tree], {"a": tree}, {"_rtype": "other", "a": tree}):
        with pytest.raises(DialectError):
            decoded(place)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda tree: [tree],
        lambda tree: {"a": tree},
        lambda tree: {"_rtype": "set", "_rvalue": [tree]},
        lambda tree: {"_rtype": "orderedmap", "_rvalue": [["a", tree]]},
        lambda tree: {"_rtype": "other", "a": tree},
    ],
)
def test_a_tree_too_deep_is_refused(wrap: Any) -> None:
    tree: Any = []
    for _ in range(MAX_DEPTH * 3):
        tree = wrap(tree)
    with pytest.raises(DialectError, match="levels"):
        decoded(tree)


leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.binary(max_size=9).map(bytearray)
    | st.sampled_from(["float32", "uint8", "U1", "2020-01-01", "o1", "run", "a.b"])
)
member_names = st.sampled_from(
    ["_rvalue", "_rshape", "_rdtype", "_rintf", "_rtarget_id", "_rname", "_rcause", "_rdict", "a"]
)
form_names = st.sampled_from([*LEAF_DECODERS, "callback", "interface", "set", "orderedmap", "cat"])
hostile = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(member_names, inner, max_size=5)
        | st.builds(
            lambda name, members: {**members, "_rtype": name},
            form_names,
            st.dictionaries(member_names, inner, max_size=5),
        )
    ),
    max_leaves=20,
)


@given(hostile)
@settings(max_examples=500)
def test_any_tree_is_decoded_or_refused(tree: Any) -> None:
    with contextlib.suppress(WireError):
        decoded(tree, Codec("cat", None, None, lambda members: members))

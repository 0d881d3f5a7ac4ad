from __future__ import annotations

import dataclasses
import datetime
import functools
import threading
from collections import OrderedDict
from typing import Any, ClassVar

import numpy as np
import pytest

import imjoy_wire.limits
from imjoy_wire.encoding import MAX_INSTANCE_MEMBERS, Encoder
from imjoy_wire.errors import UnsupportedValueError
from imjoy_wire.limits import MAX_DEPTH
from imjoy_wire.references import Codec
from support.references import FakeReferences, Proxy


@pytest.fixture
def references() -> FakeReferences:
    return FakeReferences()


def method(path: str, object_id: str = "o1") -> dict[str, Any]:
    return {"_rtype": "interface", "_rtarget_id": "us", "_rintf": object_id, "_rvalue": path}


def callback(callback_id: str) -> dict[str, Any]:
    return {"_rtype": "callback", "_rtarget_id": "us", "_rname": "f", "_rvalue": callback_id}


def remote(path: str) -> Proxy:
    return Proxy(
        {"_rtype": "interface", "_rtarget_id": "them", "_rintf": "theirs", "_rvalue": path}
    )


class Model:
    """What plugins export: attributes, methods and much that is private."""

    kind = "unet"
    _secret = "x"

    def __init__(self) -> None:
        self.layers = [1, 2]
        self._cache = object()

    def predict(self) -> None: ...

    def __enter__(self) -> None: ...

    def __exit__(self, *details: object) -> None: ...

    def _private(self) -> None: ...

    @staticmethod
    def version() -> str:
        return "1"

    @property
    def size(self) -> int:
        return 5

    @property
    def absent(self) -> int:
        raise AttributeError("not yet")


# Functions


def test_a_function_is_a_callback(references: FakeReferences) -> None:
    tree = Encoder(references).encode({"done": print, "then": [functools.partial(print, 1)]})
    assert tree == {"done": callback("c1"), "then": [callback("c2")]}
    assert references.callbacks["c1"] is print
    assert references.exported == {}


def test_a_proxy_goes_back_as_it_came(references: FakeReferences) -> None:
    tree = Encoder(references).encode([remote("run"), {"go": remote("go")}])
    assert tree == [remote("run").tree, {"go": remote("go").tree}]
    assert references.callbacks == {}


def test_a_class_among_values_is_the_function_that_makes_instances(
    references: FakeReferences,
) -> None:
    assert Encoder(references).encode({"Model": Model}) == {"Model": callback("c1")}


# Interfaces


def test_functions_of_a_marked_dict_are_methods(references: FakeReferences) -> None:
    api = {"_rintf": True, "run": print, "sub": {"stop": print}, "_hidden": 1, "name": "a"}
    tree = Encoder(references).encode([api])
    assert tree == [
        {
            "run": method("run"),
            "sub": {"stop": method("sub.stop"), "_rintf": "o1"},
            "name": "a",
            "_rintf": "o1",
        }
    ]
    assert references.exported == {"o1": api}
    assert references.found("o1", "sub.stop") is print


def test_a_custom_id_is_kept(references: FakeReferences) -> None:
    tree = Encoder(references).encode({"_rintf": "my-service", "run": print})
    assert tree == {"run": method("run", "my-service"), "_rintf": "my-service"}
    assert list(references.exported) == ["my-service"]


def test_a_marked_dict_within_another_is_an_object_of_its_own(references: FakeReferences) -> None:
    inner = {"_rintf": True, "go": print}
    tree = Encoder(references).encode({"_rintf": True, "inner": inner, "run": print})
    assert tree["inner"] == {"go": method("go", "o1"), "_rintf": "o1"}
    assert tree["run"] == method("run", "o2")
    assert references.exported["o1"] is inner


def test_what_has_no_functions_leaves_nothing_behind(references: FakeReferences) -> None:
    tree = Encoder(references).encode({"_rintf": True, "a": 1, "_b": 2})
    assert tree == {"a": 1}
    assert references.exported == {}


def test_a_remote_object_keeps_its_id_and_its_owner(references: FakeReferences) -> None:
    tree = Encoder(references).encode({"_rintf": "theirs", "run": remote("run"), "n": 1})
    assert tree == {"_rintf": "theirs", "run": remote("run").tree, "n": 1}
    assert references.exported == {}


def test_a_dict_is_exported_as_an_interface(references: FakeReferences) -> None:
    api = {"setup": print, "tools": [print, {"cut": print}], "n": 1}
    tree = Encoder(references).encode_interface(api)
    assert tree["setup"] == method("setup")
    assert tree["tools"] == [method("tools.0"), {"cut": method("tools.1.cut"), "_rintf": "o1"}]
    assert references.exported == {"o1": api}
    assert references.found("o1", "tools.1.cut") is print


def test_an_ordered_dict_of_functions_is_an_interface_too(references: FakeReferences) -> None:
    tree = Encoder(references).encode_interface(OrderedDict(run=print))
    assert tree == {"run": method("run"), "_rintf": "o1"}


def test_a_class_is_not_exported(references: FakeReferences) -> None:
    with pytest.raises(UnsupportedValueError, match="Model is a class: export an instance of it"):
        Encoder(references).encode_interface(Model)


def test_a_module_is_exported_and_is_no_value(references: FakeReferences) -> None:
    tree = Encoder(references).encode_interface(imjoy_wire.limits)
    assert tree["MAX_DEPTH"] == MAX_DEPTH
    with pytest.raises(UnsupportedValueError, match="module"):
        Encoder(references).encode(imjoy_wire.limits)


# Instances


def test_an_instance_is_its_public_attributes_and_methods(references: FakeReferences) -> None:
    model = Model()
    tree = Encoder(references).encode(model)
    methods = {name: method(name) for name in ("predict", "version", "__enter__", "__exit__")}
    assert tree == {"kind": "unet", "layers": [1, 2], "size": 5, "_rintf": "o1", **methods}
    assert references.exported == {"o1": model}


def test_an_instance_that_can_be_called_is_exported_with_its_methods(
    references: FakeReferences,
) -> None:
    class Network:
        def __call__(self) -> None: ...

        def train(self) -> None: ...

    assert Encoder(references).encode(Network()) == callback("c1")
    assert Encoder(references).encode_interface(Network()) == {
        "train": method("train"),
        "_rintf": "o1",
    }


def test_an_instance_has_its_own_id_if_it_likes(references: FakeReferences) -> None:
    model = Model()
    model._rintf = "model"  # type: ignore[attr-defined]
    assert Encoder(references).encode(model)["_rintf"] == "model"


def test_instances_of_data_are_dicts(references: FakeReferences) -> None:
    @dataclasses.dataclass
    class Point:
        x: int
        y: int = 2

    class Slotted:
        __slots__ = ("late", "z")

        def __init__(self) -> None:
            self.z = 3

    assert Encoder(references).encode([Point(1), Slotted()]) == [{"x": 1, "y": 2}, {"z": 3}]
    assert references.exported == {}


def test_attributes_that_cannot_be_sent_are_left_out(references: FakeReferences) -> None:
    model = Model()
    vars(model).update(
        lock=threading.Lock(), age=datetime.timedelta(1), objects=np.array([None]), ok=[1]
    )
    tree = Encoder(references).encode(model)
    assert tree["ok"] == [1]
    assert not {"lock", "age", "objects"} & set(tree)


def test_instances_within_instances_keep_their_place(references: FakeReferences) -> None:
    class Owner:
        def __init__(self) -> None:
            self.model = Model()
            self.model.owner = self  # type: ignore[attr-defined]
            self.many = [Model()]

    owner = Owner()
    tree = Encoder(references).encode(owner)
    assert tree["model"]["predict"] == method("model.predict")
    assert tree["many"][0]["predict"] == method("many.0.predict")
    assert "owner" not in tree["model"]
    assert references.found("o1", "many.0.predict") == owner.many[0].predict


def test_below_an_attribute_no_property_is_evaluated(references: FakeReferences) -> None:
    class Device:
        evaluated: ClassVar[list[int]] = []

        @property
        def temperature(self) -> int:
            self.evaluated.append(1)
            return 7

    class Owner:
        def __init__(self) -> None:
            self.device = Device()

    assert Encoder(references).encode(Owner()) == {"device": {"evaluated": []}}
    assert Device.evaluated == []
    assert Encoder(references).encode(Device())["temperature"] == 7


def test_a_property_that_fails_is_left_out(references: FakeReferences) -> None:
    class Device:
        size = 3

        @property
        def temperature(self) -> int:
            raise RuntimeError("not connected")

    assert Encoder(references).encode(Device()) == {"size": 3}


def test_an_attribute_that_opens_into_too_much_is_left_out(references: FakeReferences) -> None:
    class Node:
        def __init__(self, level: int) -> None:
            if level:
                self.left, self.right = Node(level - 1), Node(level - 1)

    class Owner:
        def __init__(self) -> None:
            self.small, self.huge, self.last = Node(2), Node(12), 1

    assert MAX_INSTANCE_MEMBERS < 2**12
    tree = Encoder(references).encode(Owner())
    assert tree == {"small": {"left": SMALL, "right": SMALL}, "last": 1}


SMALL: dict[str, Any] = {"left": {}, "right": {}}


# Arguments


def test_keyword_arguments_are_the_last_one(references: FakeReferences) -> None:
    encoder = Encoder(references)
    assert encoder.encode_arguments([1, "a"], {"x": 2}, False) == [1, "a", {"x": 2}]
    assert encoder.encode_arguments((), {}, False) == []


def test_arguments_that_outlive_the_call_are_interfaces(references: FakeReferences) -> None:
    service = {"type": "segmentation", "run": print}
    tree = Encoder(references).encode_arguments([service, print, 5], {"close": print}, True)
    assert tree[0] == {"type": "segmentation", "run": method("run", "o1"), "_rintf": "o1"}
    assert tree[1] == method("1", "o2")
    assert tree[2] == 5
    assert tree[3] == {"close": method("close", "o3"), "_rintf": "o3"}
    assert references.found("o2", "1") is print


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (object(), "argument 2: a value of type object cannot be sent"),
        ([0, {"im": 1j}], "argument 2, index 1, key 'im': a value of type complex cannot be sent"),
        ({1: {"a"}, 2: {object()}}, "argument 2, key 2, index 0: a value of type object"),
        (np.array([None]), "argument 2: an array of Python objects"),
        ({"_rintf": True, "a": [1, object()]}, "argument 2, key 'a', index 1: a value of"),
        (iter([]), "argument 2: a value of type list_iterator cannot be sent"),
    ],
    ids=["object", "nested", "pairs", "array", "interface", "iterator"],
)
def test_what_cannot_be_sent_is_named_with_its_place(value: Any, message: str) -> None:
    with pytest.raises(UnsupportedValueError) as refused:
        Encoder(FakeReferences()).encode_arguments([1, value], {}, False)
    assert str(refused.value).startswith(message)


def test_a_keyword_argument_is_named_by_its_name() -> None:
    with pytest.raises(UnsupportedValueError, match=r"^key 'image': a value of type object"):
        Encoder(FakeReferences()).encode_arguments([1], {"image": object()}, False)


async def test_what_must_be_awaited_is_refused_in_these_words() -> None:
    async def answer() -> int:
        return 5

    coroutine = answer()
    with pytest.raises(UnsupportedValueError, match="a coroutine must be awaited"):
        Encoder(FakeReferences()).encode(coroutine)
    assert await coroutine == 5


@pytest.mark.parametrize("wrap", [lambda x: [x], lambda x: {"a": x}, lambda x: {1: x}])
def test_what_contains_itself_is_refused(wrap: Any) -> None:
    value = wrap(None)
    value[next(iter(value)) if isinstance(value, dict) else 0] = value
    with pytest.raises(UnsupportedValueError, match="in itself"):
        Encoder(FakeReferences()).encode(value)


# Codecs


class Cat:
    def __init__(self, name: str) -> None:
        self.name = name


def cats(encoder: Any) -> FakeReferences:
    return FakeReferences(Codec("cat", Cat, encoder, None))


def test_a_codec_says_what_is_sent() -> None:
    references = cats(lambda cat: {"name": cat.name, "coat": np.zeros(2, "u1"), "tags": (1,)})
    tree = Encoder(references).encode({"pet": Cat("Tom")})
    assert tree["pet"]["_rtype"] == "cat"
    assert tree["pet"]["name"] == "Tom"
    assert tree["pet"]["coat"]["_rtype"] == "ndarray"
    assert tree["pet"]["tags"] == [1]


def test_a_codec_may_name_the_form_itself() -> None:
    assert Encoder(cats(lambda cat: {"_rtype": "animal"})).encode(Cat("")) == {"_rtype": "animal"}
    assert Encoder(cats(lambda cat: cat.name)).encode([Cat("Tom")]) == ["Tom"]


def test_a_codec_may_make_an_interface() -> None:
    references = cats(lambda cat: {"_rintf": True, "meow": print, "name": cat.name})
    tree = Encoder(references).encode(Cat("Tom"))
    assert tree == {"_rtype": "cat", "meow": method("meow"), "name": "Tom", "_rintf": "o1"}


def test_a_codec_comes_before_everything_but_plain_values() -> None:
    class Callable(Cat):
        def __call__(self) -> None: ...

    references = FakeReferences(
        Codec("cat", Cat, lambda cat: {"name": cat.name}),
        Codec("list", (list, np.ndarray), lambda items: {"n": len(items)}),
        Codec("str", str, lambda text: {"never": 1}),
        Codec("no type", None, lambda value: {}),
        Codec("no encoder", dict),
    )
    tree = Encoder(references).encode({"a": Callable("Tom"), "b": np.zeros(3), "c": "x"})
    assert tree == {
        "a": {"_rtype": "cat", "name": "Tom"},
        "b": {"_rtype": "list", "n": 3},
        "c": "x",
    }


def test_a_codec_that_turns_in_circles_is_refused() -> None:
    with pytest.raises(UnsupportedValueError, match="'cat' returns a value of its own type"):
        Encoder(cats(lambda cat: cat)).encode(Cat(""))
    with pytest.raises(UnsupportedValueError, match="in itself"):
        Encoder(cats(lambda cat: {"cat": cat})).encode(Cat(""))


def test_a_form_of_the_dialect_is_sent_as_it_is(references: FakeReferences) -> None:
    form = {"_rtype": "ndarray", "_rvalue": b"ab", "_rshape": (2,), "_rdtype": "uint8"}
    assert Encoder(references).encode([form]) == [{**form, "_rshape": [2]}]
    form["_rvalue"] = memoryview(bytes(8)).cast("d")
    assert Encoder(references).encode(form)["_rvalue"].format == "B"
    nested = {"_rtype": "mine", "image": np.zeros(1, "u1")}
    assert Encoder(references).encode(nested)["image"]["_rtype"] == "ndarray"


def test_values_that_a_peer_knows_itself_are_asked_of_it() -> None:
    class Streams(FakeReferences):
        def remote(self, value: Any) -> dict[str, Any] | None:
            return {"_rtype": "stream"} if isinstance(value, type(iter(""))) else None

    assert Encoder(Streams()).encode([iter("")]) == [{"_rtype": "stream"}]

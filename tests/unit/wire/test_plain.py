import pytest

from imjoy_wire import codec
from imjoy_wire.dotdict import DotDict, prefer_functions
from imjoy_wire.limits import MAX_SAFE_INT
from imjoy_wire.plain import PlainMessage, are_plain_values, is_plain_json

NESTED = [[[{"a": [1, 2.5, "x", None, True]}]]]


def nested(levels):
    value = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize("value", [None, True, "", "$x", 0, -MAX_SAFE_INT, 1.5, {}, NESTED])
def test_what_json_can_say_is_plain(value):
    assert are_plain_values((value,))
    assert is_plain_json([value])


@pytest.mark.parametrize(
    "value",
    [
        MAX_SAFE_INT + 1,
        float("nan"),
        float("-inf"),
        b"",
        (1,),
        {1: 2},
        {"$buf": 0},
        {"a": [{"b": object()}]},
        nested(100),
    ],
)
def test_what_needs_a_tag_is_not_plain(value):
    assert not are_plain_values((value,))
    assert not is_plain_json([value])


@pytest.mark.parametrize("key", ["_rtype", "_rintf", "_rkwargs"])
def test_values_that_look_like_forms_are_not_their_own_trees(key):
    assert not are_plain_values(({"a": {key: "x"}},))
    assert is_plain_json({"a": {key: "x"}})


def test_a_plain_message_is_believed_and_written_like_any_other():
    fields = {"type": "method", "args": [{"x": 1}]}
    assert codec.pack(PlainMessage(fields)) == codec.pack(dict(fields))


def test_a_dict_that_has_come_from_elsewhere_goes_back_as_plainly():
    value = DotDict({"a": [DotDict({"values": 1})]})
    assert are_plain_values((value,))
    assert codec.pack([value]) == codec.pack([{"a": [{"values": 1}]}])


def test_a_remote_object_is_not_plain_whatever_its_functions_are_called():
    value = DotDict({"values": print})
    prefer_functions(value)
    assert not are_plain_values((value,))

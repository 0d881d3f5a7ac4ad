from __future__ import annotations

import copy
import pickle

import pytest

from imjoy_wire.dotdict import DotDict


def test_keys_read_and_write_as_attributes() -> None:
    ctx = DotDict(config=DotDict(threshold=7))
    assert ctx.config.threshold == 7
    ctx.name = "run"
    assert ctx["name"] == "run"
    del ctx.name
    assert "name" not in ctx


def test_a_missing_attribute_is_none_but_a_missing_key_is_an_error() -> None:
    ctx = DotDict()
    assert ctx.nothing is None
    with pytest.raises(KeyError):
        ctx["nothing"]
    with pytest.raises(AttributeError):
        del ctx.nothing


def test_python_is_not_told_of_protocols_that_are_missing() -> None:
    assert not hasattr(DotDict(), "__array__")
    assert not hasattr(DotDict(__fspath__="x"), "__fspath__")


def test_copies_are_of_the_same_kind() -> None:
    original = DotDict(a=DotDict(b=[1]))
    for duplicate in (
        original.copy(),
        copy.copy(original),
        copy.deepcopy(original),
        pickle.loads(pickle.dumps(original)),
    ):
        assert type(duplicate) is DotDict
        assert duplicate == original
    assert copy.deepcopy(original).a.b is not original.a.b


def test_each_is_a_key_of_its_own() -> None:
    one, other = DotDict(a=[1]), DotDict(a=[1])
    assert one == other
    assert len({one, other, one}) == 2

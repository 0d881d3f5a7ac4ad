from __future__ import annotations

import pickle

import pytest

from imjoy_wire import errors
from imjoy_wire.errors import CallTimeoutError, RemoteError, UnsupportedValueError


def test_the_tree_of_the_docstring_is_the_tree_of_the_classes() -> None:
    assert errors.__doc__ is not None
    parents: list[str] = []
    for line in errors.__doc__.splitlines():
        name = next((word for word in line.split() if word.endswith("Error")), None)
        if name is None or "Error" not in line[: line.index(name) + len(name)]:
            continue
        if not line.lstrip("│├└─ ").startswith(name):
            continue
        level = (len(line) - len(line.lstrip("│├└─ "))) // 4
        parents[level:] = [name]
        error = getattr(errors, name)
        assert name in errors.__all__
        expected = parents[level - 1] if level > 0 else "Exception"
        assert error.__bases__[0].__name__ == expected, name


def test_a_call_out_of_time_is_a_timeout_and_survives_pickling() -> None:
    error = pickle.loads(pickle.dumps(CallTimeoutError("run", 2.5)))
    assert isinstance(error, TimeoutError)
    assert str(error) == "run has not answered within 2.5 s"
    assert (error.name, error.timeout_s) == ("CallTimeoutError", 2.5)


def test_an_unsupported_value_is_named_with_the_way_to_it() -> None:
    error = UnsupportedValueError("Thing")
    assert str(error) == "a value of type Thing cannot be sent"
    error.within("key 'image'")
    error.within("argument 2")
    assert str(error) == "argument 2, key 'image': a value of type Thing cannot be sent"


def test_a_long_way_is_shown_by_its_ends() -> None:
    error = UnsupportedValueError("Thing", "too deep")
    for index in range(20):
        error.within(f"index {index}")
    assert error.path == "index 19, index 18, index 17, ..., index 2, index 1, index 0"


def test_a_remote_error_keeps_what_it_knows_and_survives_pickling() -> None:
    cause = RemoteError("no such file", "FileNotFoundError")
    error = RemoteError("cannot load", "ValueError", "line 1\nline 2", cause)
    assert str(error) == "cannot load"
    assert error.__cause__ is cause
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.name, copy.trace) == ("cannot load", "ValueError", "line 1\nline 2")
    assert copy.cause.name == "FileNotFoundError"
    with pytest.raises(RemoteError, match="cannot load"):
        raise copy

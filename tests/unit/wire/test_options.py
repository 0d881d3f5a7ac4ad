"""What a caller may ask for beside the call."""

from __future__ import annotations

import pytest

from imjoy_wire.options import CallOptions


def test_a_limit_and_a_listener_are_kept():
    assert CallOptions.checked(None, None) == (None, None)
    assert CallOptions.checked(0.5, print) == (0.5, print)


@pytest.mark.parametrize("timeout_s", [0, -1, float("nan")])
def test_no_time_is_no_limit(timeout_s):
    with pytest.raises(ValueError, match="within"):
        CallOptions.checked(timeout_s, None)


def test_a_listener_is_a_function():
    with pytest.raises(TypeError, match="on_progress"):
        CallOptions.checked(None, 3)

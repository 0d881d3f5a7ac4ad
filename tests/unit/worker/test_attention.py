from __future__ import annotations

import time

import pytest

from imjoy_worker.attention import Attention


@pytest.fixture
def later(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def advance(seconds):
        now[0] += seconds

    return advance


def test_nothing_to_do_since(later):
    attention = Attention()
    later(5)
    assert attention.idle_s == 5
    attention.stir()
    later(2)
    assert attention.idle_s == 2


def test_what_is_under_way_is_no_idleness_however_long(later):
    attention = Attention()
    first, second = object(), object()
    attention.begin(first)
    attention.begin(second)
    later(1000)
    attention.end(first)
    assert attention.idle_s == 0
    attention.end(second)
    later(3)
    assert attention.idle_s == 3

"""What stands here for another peer's functions and objects."""

from __future__ import annotations

import gc

import pytest

from imjoy_wire.dotdict import DotDict
from imjoy_wire.proxies import Held, HeldObjects, Releases, RemoteFunction

METHOD = {"_rtype": "interface", "_rtarget_id": "w", "_rintf": "o1", "_rvalue": "run"}
CALLBACK = {"_rtype": "callback", "_rtarget_id": "w", "_rname": "step", "_rvalue": 3}


class Caller:
    def __init__(self):
        self.calls = []

    def call(self, function, args, kwargs):
        self.calls.append((function, args, kwargs))
        return "on its way"


@pytest.fixture
def releases():
    return Releases()


def proxy(tree, releases, caller=None):
    return RemoteFunction(tree, "w", Held("w", tree["_rvalue"], releases), caller or Caller())


def test_a_call_goes_to_the_peer(releases):
    caller = Caller()
    function = proxy(METHOD, releases, caller)
    assert function(1, b=2) == "on its way"
    assert caller.calls == [(function, (1,), {"b": 2})]


def test_a_function_says_what_and_whose_it_is(releases):
    method, callback = proxy(METHOD, releases), proxy(CALLBACK, releases)
    assert (method.__name__, callback.__name__) == ("run", "step")
    assert method.is_method
    assert not callback.is_method
    assert repr(method) == "<function run of w>"
    assert proxy({**CALLBACK, "_rname": 4}, releases).__name__ == "callback"


def test_two_proxies_of_one_function_are_equal(releases):
    assert proxy(METHOD, releases) == proxy(dict(METHOD), releases)
    assert len({proxy(METHOD, releases), proxy(dict(METHOD), releases)}) == 1
    assert proxy(METHOD, releases) != proxy({**METHOD, "_rvalue": "stop"}, releases)
    assert proxy(METHOD, releases) != "run"


def test_an_owner_is_told_when_the_last_reference_is_gone(releases):
    held = Held("w", "o1", releases)
    again = held
    del held
    assert releases.take("w") == []
    del again
    assert releases.take("other") == []
    assert releases.take("w") == ["o1"]
    assert releases.take("w") == []


def test_numbers_and_what_was_handed_on_are_not_told(releases):
    Held("w", 3, releases)
    shared = Held("w", "o1", releases)
    shared.is_shared = True
    del shared
    assert releases.take("w") == []


def test_who_has_left_is_not_told(releases):
    Held("w", "o1", releases)
    releases.forget("w")
    assert releases.take("w") == []


def test_a_decoded_object_is_known_until_it_is_collected(releases):
    objects = HeldObjects()
    value = DotDict(a=1)
    held = Held("w", "o1", releases)
    objects.add(value, held)
    assert objects.find(value) is held
    assert objects.find(DotDict(a=1)) is None
    del value
    gc.collect()
    assert len(objects) == 0


def test_a_value_that_cannot_be_watched_is_passed_over(releases):
    objects = HeldObjects()
    objects.add(3, Held("w", "o1", releases))
    assert objects.find(3) is None

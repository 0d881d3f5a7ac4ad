"""Everything of a peer's that waits for another."""

from __future__ import annotations

import pytest

from imjoy_wire.errors import RemoteError
from imjoy_wire.waiting import PendingCall, Waiting
from support.rpc import Outcome


@pytest.fixture
def waiting():
    return Waiting()


def test_a_call_is_taken_once(waiting):
    call = PendingCall("w", Outcome("echo"), ["f1"])
    waiting.add_call("p1", call)
    assert len(waiting) == 1
    assert waiting.target_of("p1") == "w"
    assert waiting.take_call("p1") is call
    assert waiting.take_call("p1") is None
    assert waiting.target_of("p1") is None


def test_who_waited_longest_is_served_first(waiting):
    first, second = Outcome("first"), Outcome("second")
    waiting.add_request("w", "executed", first)
    waiting.add_request("w", "executed", second)
    waiting.settle_request("w", "executed", 1)
    assert first.value == 1
    assert not second.is_settled
    waiting.settle_request("w", "executed", None, "line 3")
    assert isinstance(second.error, RemoteError)
    waiting.settle_request("w", "executed", 3)


def test_all_can_be_served_at_once(waiting):
    promises = [Outcome("a"), Outcome("b")]
    for promise in promises:
        waiting.add_request("", "interfaceSetAsRemote", promise)
    waiting.settle_requests("", "interfaceSetAsRemote", 5)
    assert [promise.value for promise in promises] == [5, 5]


def test_what_waits_for_a_peer_that_left_fails(waiting):
    call, request, other = Outcome("call"), Outcome("request"), Outcome("other")
    waiting.add_call("p1", PendingCall("w", call, []))
    waiting.add_call("p2", PendingCall("x", other, []))
    waiting.add_request("w", "executed", request)
    assert waiting.peers() == {"w", "x"}
    error = RemoteError("gone")
    waiting.fail("w", error)
    assert call.error is request.error is error
    assert not other.is_settled
    assert waiting.peers() == {"x"}

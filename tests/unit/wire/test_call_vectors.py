"""The messages of a call that is listened to and given up, as both languages have them."""

from __future__ import annotations

import contextvars
import json
from typing import Any

import pytest

from imjoy_wire.current import CALL, report
from support.rpc import Network
from support.vectors import load

VECTORS: dict[str, Any] = load("calls")
INTERFACE = {
    "run": {"_rtype": "interface", "_rtarget_id": "them", "_rintf": "i", "_rvalue": "run"},
}


@pytest.fixture
def network():
    network = Network()
    network.add("us")
    return network


def last(network: Network) -> dict[str, Any]:
    return network.sent[-1][2]


def from_them(part: str) -> dict[str, Any]:
    """Return what JavaScript sends when we are the other end: who is who changes places."""
    text = json.dumps(VECTORS["javascript"][part])
    swapped = text.replace('"them"', '"?"').replace('"us"', '"them"').replace('"?"', '"us"')
    message: dict[str, Any] = json.loads(swapped)
    return message


def test_the_messages_of_the_caller(network):
    us = network.peers["us"]
    us.receive("them", {"type": "setInterface", "api": INTERFACE})
    heard: list[Any] = []
    run = us.remotes["them"].interface.run
    answer = run.with_options(on_progress=lambda *values: heard.append(values))(1)
    assert last(network) == VECTORS["python"]["call"]
    us.receive("them", from_them("progress"))
    assert heard == [(0.5, "half")]
    other = run()
    us.cancel(answer.key)
    assert last(network) == VECTORS["python"]["cancel"]
    us.receive("them", from_them("answer"))  # too late: nobody waits
    assert not other.is_settled


def test_an_answer_that_it_was_cancelled_is_such_an_error(network):
    us = network.peers["us"]
    us.receive("them", {"type": "setInterface", "api": INTERFACE})
    answer = us.remotes["them"].interface.run()
    us.receive("them", from_them("answer"))
    assert type(answer.error).__name__ == "CallCancelledError"


def test_the_messages_of_the_end_that_is_called(network):
    us, host = network.peers["us"], network.hosts["us"]
    host.keeps_calls = True
    us.export({"_rintf": "i", "run": lambda value: value})
    us.receive("them", {"type": "getInterface"})
    call_message = from_them("call")
    call_message["object_id"] = us.interface_id
    us.receive("them", call_message)
    (call,) = host.calls
    context = contextvars.copy_context()
    context.run(CALL.set, call)
    context.run(report, 0.5, "half")
    assert last(network) == VECTORS["python"]["progress"]
    us.receive("them", from_them("cancel"))
    assert call.is_cancelled
    assert last(network) == VECTORS["python"]["answer"]

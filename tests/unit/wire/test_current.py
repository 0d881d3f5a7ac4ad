"""Which call is being run, for the code that runs in it."""

from __future__ import annotations

import contextvars
import threading

import pytest

from imjoy_wire.calls import IncomingCall
from imjoy_wire.current import CALL, current_call, is_cancelled, report
from imjoy_wire.errors import UnsupportedValueError
from imjoy_wire.host import ScriptRequest
from support.rpc import Network


@pytest.fixture
def call():
    """A call that listens, of a peer that is kept in `network`."""
    network = Network()
    network.add("page")
    network.add("plugin").export({"run": lambda: None})
    function = network.introduce("page", "plugin").run
    host = network.hosts["plugin"]
    host.keeps_calls = True
    heard = []
    function.with_options(on_progress=lambda *values: heard.append(values))()
    network.run()
    (call,) = host.calls
    return network, call, heard


def within(call, function, *args):
    context = contextvars.copy_context()
    context.run(CALL.set, call)
    return context.run(function, *args)


def test_outside_of_a_call_nothing_is_reported_or_cancelled():
    outside = contextvars.Context()
    outside.run(report, 1)
    assert outside.run(current_call) is None
    assert not outside.run(is_cancelled)


def test_a_script_is_no_call():
    assert within(ScriptRequest("page", {}, print), current_call) is None


def test_what_is_reported_is_heard_in_its_order(call):
    network, incoming, heard = call
    assert isinstance(incoming, IncomingCall)
    within(incoming, report, 0.5, "half")
    within(incoming, report)
    network.run()
    assert heard == [(0.5, "half"), ()]


def test_a_thread_with_the_context_reports_too(call):
    network, incoming, heard = call
    context = contextvars.copy_context()
    context.run(CALL.set, incoming)
    thread = threading.Thread(target=context.run, args=[report, 1])
    thread.start()
    thread.join()
    network.run()
    assert heard == [(1,)]


def test_after_the_answer_or_a_cancel_nothing_is_sent(call):
    network, incoming, _ = call
    incoming.is_cancelled = True
    before = len(network.sent)
    within(incoming, report, 1)
    assert within(incoming, is_cancelled)
    incoming.is_cancelled = False
    incoming.succeed(None)
    within(incoming, report, 2)
    assert len(network.sent) == before + 1


def test_what_cannot_be_sent_is_named(call):
    _, incoming, _ = call
    with pytest.raises(UnsupportedValueError, match="argument 2"):
        within(incoming, report, 1, object())

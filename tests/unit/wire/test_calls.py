"""A call that another peer makes of a function of ours."""

from __future__ import annotations

import pytest

from imjoy_wire import messages
from imjoy_wire.calls import IncomingCall
from imjoy_wire.errors import DialectError, UnsendableFrameError
from imjoy_wire.objects import ObjectStore
from imjoy_wire.proxies import HeldObjects, Releases
from imjoy_wire.references import Codec

RESOLVE = {"_rtype": "callback", "_rtarget_id": "them", "_rvalue": "p1:resolve"}
REJECT = {"_rtype": "callback", "_rtarget_id": "them", "_rvalue": "p1:reject"}


class Replier:
    """A peer as a call sees it."""

    def __init__(self):
        self.peer_id = "us"
        self.store = ObjectStore()
        self.releases = Releases()
        self.held_objects = HeldObjects()
        self.codecs = {}
        self.answers = []
        self.outliving = []
        self.refusals = 0

    def call(self, function, args, kwargs):
        raise AssertionError("nothing is called here")

    def send_answer(self, to, message):
        if self.refusals:
            self.refusals -= 1
            raise UnsendableFrameError("too large")
        self.answers.append((to, message["id"], message["args"][0]))

    def callbacks_outlive(self, callback_ids, holder):
        self.outliving += callback_ids


@pytest.fixture
def peer():
    return Replier()


def incoming(peer, args=(), with_kwargs=False, promise=(RESOLVE, REJECT), **fields):
    message = messages.method("us", "o1", "run", list(args), with_kwargs)
    message.update(fields)
    if promise is not None:
        message["promise"] = list(promise)
    return IncomingCall(peer, "them", len, messages.call_request(message), {})


def test_arguments_are_decoded_once(peer):
    call = incoming(peer, [1, {"a": 2}])
    assert call.arguments() == ([1, {"a": 2}], {})
    assert call.arguments() == ([], {})


def test_keywords_are_told_from_a_last_dict(peer):
    assert incoming(peer, [1, {"a": 2}], with_kwargs=True).arguments() == ([1], {"a": 2})
    assert incoming(peer, [{"a": 2, "_rkwargs": True}]).arguments() == ([], {"a": 2})
    assert incoming(peer, [{"_rkwargs": False}]).arguments() == ([{"_rkwargs": False}], {})


@pytest.mark.parametrize("args", [[], [1], [{"_rtype": "orderedmap", "_rvalue": [[1, 2]]}]])
def test_keywords_that_are_none_are_refused(peer, args):
    with pytest.raises(DialectError, match="keyword"):
        incoming(peer, args, with_kwargs=True).arguments()


def test_a_call_says_what_it_is(peer):
    call = incoming(peer)
    assert (call.label, call.sender, call.callback_id, call.is_awaited) == (
        "run",
        "them",
        None,
        True,
    )
    request = messages.call_request(messages.callback("us", "f1", [], False))
    callback = IncomingCall(peer, "them", test_a_call_says_what_it_is, request, {})
    assert callback.callback_id == "f1"
    assert callback.label == "test_a_call_says_what_it_is"
    assert not callback.is_awaited


def test_a_result_goes_to_resolve_and_an_error_to_reject(peer):
    incoming(peer).succeed(5)
    incoming(peer).fail(ValueError("no"))
    (to, first, value), (_, second, error) = peer.answers
    assert (to, first, value) == ("them", "p1:resolve", 5)
    assert second == "p1:reject"
    assert (error["_rvalue"], error["_rname"]) == ("no", "ValueError")


def test_nobody_waits_nothing_is_sent(peer):
    call = incoming(peer, promise=None)
    call.succeed(1)
    call.fail(ValueError())
    assert peer.answers == []


def test_a_promise_that_names_no_peer_is_the_senders(peer):
    incoming(peer, promise=({"_rvalue": 0}, {"_rvalue": 1})).succeed(1)
    assert peer.answers == [("them", 0, 1)]


def test_a_result_that_cannot_be_sent_is_an_error_there(peer):
    incoming(peer).succeed(object())
    ((_, answered, error),) = peer.answers
    assert answered == "p1:reject"
    assert error["_rname"] == "UnsupportedValueError"


class Broken:
    """Something whose sending runs code that fails."""

    def __str__(self):
        raise KeyError("no text")


def fails(value):
    raise KeyError("no code")


def test_a_result_whose_codec_fails_is_an_error_there(peer):
    peer.codecs["broken"] = Codec("broken", Broken, fails, None)
    incoming(peer).succeed([Broken()])
    ((_, answered, error),) = peer.answers
    assert answered == "p1:reject"
    assert (error["_rname"], error["_rvalue"]) == ("KeyError", "'no code'")


def test_an_error_that_cannot_be_sent_is_told_in_short(peer):
    peer.codecs["errors"] = Codec("errors", Exception, fails, None)
    incoming(peer).fail(ValueError("no such file"))
    ((_, answered, error),) = peer.answers
    assert answered == "p1:reject"
    assert (error["_rname"], error["_rvalue"]) == ("ValueError", "no such file")
    peer.codecs.clear()
    peer.refusals = 1
    incoming(peer).fail(ValueError("x" * 100_000))
    assert peer.answers[1][2]["_rname"] == "ValueError"
    assert len(peer.answers[1][2]["_rvalue"]) < 2000


def test_a_result_that_is_too_large_leaves_nothing_behind(peer):
    peer.refusals = 1
    incoming(peer).succeed(lambda: 1)
    assert peer.answers[0][1] == "p1:reject"
    assert len(peer.store) == 0


def test_functions_in_a_result_outlive_the_call_where_nobody_tells(peer):
    incoming(peer).succeed(lambda: 1)
    assert len(peer.outliving) == 1
    incoming(peer, released=[]).succeed(lambda: 1)
    assert len(peer.outliving) == 1
    assert len(peer.store) == 2


def test_only_the_first_answer_is_sent(peer):
    call = incoming(peer)
    call.succeed(1)
    call.fail(ValueError())
    call.end_cancelled()
    assert peer.answers == [("them", "p1:resolve", 1)]


def test_a_cancelled_call_answers_so_whatever_it_returns(peer):
    call = incoming(peer)
    call.is_cancelled = True
    call.succeed(bytes(1_000_000))
    ((_, answered, error),) = peer.answers
    assert answered == "p1:reject"
    assert (error["_rname"], error["_rvalue"]) == ("CancelledError", "run was cancelled")


def test_it_is_known_as_running_until_it_is_answered(peer):
    running = {}
    message = {**messages.method("us", "o1", "run", [], False), "promise": [RESOLVE, REJECT]}
    call = IncomingCall(peer, "them", len, messages.call_request(message), running)
    assert running == {"p1:resolve": call}
    call.succeed(1)
    assert running == {}


def test_it_reports_while_somebody_listens(peer):
    call = incoming(peer, progress={"_rtarget_id": "them", "_rvalue": "p1:progress"})
    assert call.is_listened_to
    call.report([0.5])
    assert peer.answers == [("them", "p1:progress", 0.5)]
    assert not incoming(peer).is_listened_to
    incoming(peer).report([1])
    assert len(peer.answers) == 1

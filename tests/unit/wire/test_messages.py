"""The messages of the dialect, built and read."""

from __future__ import annotations

import pytest

from imjoy_wire import messages
from imjoy_wire.errors import DialectError

REFERENCE = {"_rtype": "callback", "_rtarget_id": "b", "_rvalue": 0}


def test_a_method_call_is_read_as_it_was_built():
    message = messages.method("w", "o1", "a.run", [1], with_kwargs=True)
    request = messages.call_request({**message, "promise": [REFERENCE, REFERENCE]})
    assert (request.object_id, request.name, request.args) == ("o1", "a.run", [1])
    assert request.with_kwargs
    assert request.promise == (REFERENCE, REFERENCE)
    assert not request.says_releases


def test_a_callback_is_read_as_it_was_built():
    message = messages.callback("b", 0, [], with_kwargs=False)
    request = messages.call_request({**message, "released": []})
    assert (request.object_id, request.name, request.promise) == (None, 0, None)
    assert request.says_releases


def test_javascript_leaves_out_what_is_undefined():
    request = messages.call_request({"type": "callback", "id": "f1"})
    assert (request.args, request.with_kwargs) == ([], False)


def test_an_answer_is_a_callback_of_the_promise():
    assert messages.answer(REFERENCE, 5) == {
        "type": "callback",
        "target_id": "b",
        "id": 0,
        "args": [5],
        "with_kwargs": False,
    }


def test_a_script_says_where_it_stands():
    code = messages.execute("a = 1", "My.imjoy.html", 12)["code"]
    assert code == {
        "type": "script",
        "content": "a = 1",
        "lang": "python",
        "attrs": {"lang": "python"},
        "filename": "My.imjoy.html",
        "first_line": 12,
    }


def test_answers_with_and_without_an_error():
    assert messages.executed() == {"type": "executed"}
    assert messages.executed("no")["error"] == "no"
    assert messages.disposed("o1") == {"type": "disposed", "object_id": "o1"}
    assert messages.disposed("o1", "no")["error"] == "no"
    assert messages.dispose_object("w", "o1")["target_id"] == "w"


@pytest.mark.parametrize("message", [None, "x", {}, {"type": None}])
def test_what_has_no_type_is_no_message(message):
    with pytest.raises(DialectError, match="no type"):
        messages.type_of(message)


@pytest.mark.parametrize("released", ["f1", [1], {"f1": 1}, ["f"] * 100_001])
def test_releases_are_a_list_of_ids(released):
    with pytest.raises(DialectError, match="released"):
        messages.released_ids({"released": released})


def test_no_releases_are_none():
    assert list(messages.released_ids({})) == []
    assert list(messages.released_ids({"released": ["f1"]})) == ["f1"]


def test_a_greeting_without_a_config_has_an_empty_one():
    assert messages.configuration({"config": {"a": 1}}) == {"a": 1}
    assert messages.configuration({"config": None}) == {}


def test_a_log_is_text_whatever_was_put_there():
    assert messages.text_of({"message": "a"}) == "a"
    assert messages.text_of({"message": {"a": 1}}) == "{'a': 1}"
    assert messages.text_of({}) == ""


def test_a_cancel_names_the_call():
    message = messages.cancel("w", "p1:resolve")
    assert messages.cancelled_call(message) == "p1:resolve"
    assert messages.cancelled_call({"type": "cancel", "call": 7}) == 7
    for call in (None, [1], {}):
        with pytest.raises(DialectError, match="cancel"):
            messages.cancelled_call({"type": "cancel", "call": call})


def test_a_listener_is_a_function_like_those_of_a_promise():
    message = messages.callback("b", 0, [], with_kwargs=False)
    assert messages.call_request(message).progress is None
    assert messages.call_request({**message, "progress": REFERENCE}).progress == REFERENCE
    with pytest.raises(DialectError):
        messages.call_request({**message, "progress": {"_rvalue": None}})

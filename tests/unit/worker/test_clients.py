from __future__ import annotations

from imjoy_wire.errors import PeerGoneError
from imjoy_worker.clients import MAX_WAITING, Clients, WaitingCall
from imjoy_worker.promise import Promise


def call(path: str = "log", caller: str = "") -> WaitingCall:
    promise = Promise(path, lambda function, *args: function(*args))
    return WaitingCall(path, {}, (), {}, promise, caller)


def test_code_works_for_its_caller_else_for_who_came_first():
    clients = Clients()
    assert clients.serving("a") == ""
    clients.ready("a")
    clients.ready("b")
    assert [clients.serving(caller) for caller in ("a", "b", "c", "")] == ["a", "b", "a", "a"]
    clients.gone("a")
    assert clients.serving("a") == "b"


def test_who_comes_in_the_place_of_a_caller_is_waited_for():
    clients = Clients()
    for client in ("a", "other"):
        clients.ready(client)
    clients.gone("a")
    clients.joined("a2", ["a"])
    assert clients.serving("a") == ""
    assert clients.serving("other") == "other"
    waiting = call(caller="a")
    assert not clients.wait(waiting)
    assert clients.ready("elsewhere") == []
    assert clients.ready("a2") == [waiting]
    clients.gone("a2")
    clients.joined("a3", ["a", "a2"])
    clients.ready("a3")
    assert clients.serving("a") == "a3"


def test_a_call_that_need_not_wait_does_not():
    clients = Clients()
    clients.ready("a")
    assert clients.wait(call())


def test_of_progress_the_last_waits_and_those_before_are_settled():
    clients = Clients()
    first, between, last = call("progress"), call("log"), call("progress")
    for each in (first, between, last):
        assert not clients.wait(each)
    assert first.promise.result(0) is None
    assert clients.ready("a") == [between, last]


def test_what_waits_is_bounded_and_ends_with_the_plugin():
    clients = Clients()
    calls = [call() for _ in range(MAX_WAITING)]
    for each in calls:
        clients.wait(each)
    refused = call()
    clients.wait(refused)
    assert isinstance(refused.promise.exception(0), PeerGoneError)
    assert not calls[0].promise.done()
    clients.close()
    assert isinstance(calls[0].promise.exception(0), PeerGoneError)
    late = call()
    clients.wait(late)
    assert "ending" in str(late.promise.exception(0))


def test_a_page_that_is_loaded_anew_is_waited_for_and_one_that_left_is_not():
    clients = Clients()
    for client in ("a", "b", "c"):
        clients.ready(client)
    clients.gone("a", returns=True)
    clients.gone("b")
    assert [clients.is_left(caller) for caller in ("a", "b", "c")] == [False, True, False]
    assert [clients.serving(caller) for caller in ("a", "b", "c")] == ["", "c", "c"]
    clients.gone("c")
    assert not clients.is_left("b")
    clients.joined("d", [])
    clients.ready("d")
    assert [clients.serving(caller) for caller in ("a", "b", "c")] == ["d", "d", "d"]

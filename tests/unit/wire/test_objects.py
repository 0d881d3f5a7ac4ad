"""What a peer has handed out, to whom, and until when."""

from __future__ import annotations

import pytest

from imjoy_wire.objects import MAX_ENDED, MAX_UNTOLD, ObjectStore


def one():
    return 1


def two():
    return 2


@pytest.fixture
def store():
    return ObjectStore("-salt-")


def test_ids_are_new_and_salted(store):
    ids = {store.new_id("f") for _ in range(100)}
    assert len(ids) == 100
    assert all(each.startswith("f-salt-") for each in ids)
    assert not ids & {ObjectStore("-other-").new_id("f") for _ in range(100)}


def test_a_callback_is_found_by_its_id_only(store):
    store.add_callback("f1", one, "page")
    assert store.callback("f1", "page") is one
    assert store.callback("f2", "page") is None
    assert store.callback(3, "page") is None
    assert store.method("f1", "run", "page") is None


def test_an_object_has_the_functions_it_was_given(store):
    store.add_object("o1", {"run": one, "a.b": two}, "page", lasting=False)
    assert store.method("o1", "run", "page") is one
    assert store.method("o1", "a.b", "page") is two
    assert store.method("o1", "__init__", "page") is None
    assert store.paths("o1") == ["a.b", "run"]
    assert store.paths("nothing") == []
    assert store.holds_object("o1")


def test_what_is_released_is_gone_when_nobody_else_holds_it(store):
    for holder in ("page", "other"):
        store.add_callback("f1", one, holder)
    store.release(["f1", "unknown"], "page")
    assert store.callback("f1", "other") is one
    store.release(["f1"], "other")
    assert len(store) == 0


def test_who_calls_a_function_holds_it(store):
    store.add_callback("f1", one, "page")
    store.callback("f1", "third")
    store.release(["f1"], "page")
    assert store.callback("f1", "third") is one


def test_a_lasting_object_does_not_end_by_a_release(store):
    store.add_object("viewer", {"show": one}, "page", lasting=True)
    store.release(["viewer"], "page")
    assert store.holds_object("viewer")
    store.add_object("viewer", {"show": two}, "other", lasting=True)
    assert store.method("viewer", "show", "page") is two
    store.holder_left("page")
    assert store.holds_object("viewer")
    store.holder_left("other")
    assert len(store) == 0


def test_an_object_is_disposed_of_once(store):
    store.add_object("o1", {"run": one}, "page", lasting=True)
    assert store.dispose("o1")
    assert not store.dispose("o1")


def test_what_came_home_is_held_by_us(store):
    store.add_callback("f1", one, "page")
    store.hold("f1", "us")
    store.hold("unknown", "us")
    store.hold(4, "us")
    store.release(["f1"], "page")
    assert store.callback("f1", "us") is one


def test_of_ended_calls_the_last_callbacks_stay(store):
    for number in range(MAX_UNTOLD + 10):
        store.add_callback(f"f{number}", one, "old")
        store.call_ended([f"f{number}"], "old")
    assert len(store) == MAX_UNTOLD
    assert store.callback("f9", "old") is None
    assert store.callback("f10", "old") is one
    store.holder_left("old")
    assert len(store) == 0


def test_everything_can_be_forgotten(store):
    store.add_callback("f1", one, "page")
    store.add_object("o1", {"run": one}, "page", lasting=True)
    store.clear()
    assert len(store) == 0


def test_the_last_generators_that_have_ended_are_known(store):
    for number in range(MAX_ENDED + 10):
        store.add_stream(f"s{number}", {"next": one}, "page", lambda: None)
        store.dispose(f"s{number}")
    assert not store.has_ended("s9")
    assert store.has_ended("s10")
    store.add_object("o1", {"run": one}, "page", lasting=True)
    store.dispose("o1")
    assert not store.has_ended("o1")
    store.clear()
    assert not store.has_ended("s10")

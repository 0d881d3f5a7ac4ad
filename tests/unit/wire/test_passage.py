"""The references of one message."""

from __future__ import annotations

import pytest

from imjoy_wire.dotdict import DotDict
from imjoy_wire.errors import DialectError
from imjoy_wire.objects import ObjectStore
from imjoy_wire.passage import Passage
from imjoy_wire.proxies import HeldObjects, Releases, RemoteFunction


class Keeper:
    """A peer as a passage sees it."""

    def __init__(self):
        self.peer_id = "us"
        self.store = ObjectStore()
        self.releases = Releases()
        self.held_objects = HeldObjects()
        self.codecs = {}

    def call(self, function, args, kwargs):
        raise AssertionError("nothing is called here")


@pytest.fixture
def keeper():
    return Keeper()


@pytest.fixture
def passage(keeper):
    return Passage(keeper, "them")


def run():
    return 1


def method(target="them", object_id="o1", path="run"):
    return {"_rtype": "interface", "_rtarget_id": target, "_rintf": object_id, "_rvalue": path}


def test_nothing_is_kept_before_the_commit(keeper, passage):
    tree = passage.callback(run)
    object_id = passage.export({"run": run}, None)
    passage.method(run, object_id, "run")
    assert len(keeper.store) == 0
    assert passage.commit("them") == [tree["_rvalue"]]
    assert keeper.store.callback(tree["_rvalue"], "them") is run
    assert keeper.store.method(object_id, "run", "them") is run


def test_the_form_of_a_callback(passage):
    tree = passage.callback(run)
    assert tree == {
        "_rtype": "callback",
        "_rtarget_id": "us",
        "_rname": "run",
        "_rvalue": tree["_rvalue"],
    }
    nameless = passage.callback(type("Nameless", (), {"__call__": run})())
    assert nameless["_rname"] == nameless["_rvalue"]


def test_the_first_object_of_a_root_has_its_id(keeper):
    passage = Passage(keeper, "", root="interface")
    closed = []
    assert passage.export({"on": lambda *args: closed.append(args)}, None) == "interface"
    assert passage.export({}, None) != "interface"
    passage.commit("them")
    assert closed == []


def test_an_object_with_on_is_forgotten_when_it_closes(keeper, passage):
    handlers = {}
    object_id = passage.export({"on": handlers.__setitem__}, None)
    passage.method(run, object_id, "run")
    passage.commit("them")
    passage.commit("others")
    handlers["close"]("now")
    assert not keeper.store.holds_object(object_id)


def test_a_named_object_lasts(keeper, passage):
    passage.method(run, passage.export({}, "viewer"), "show")
    passage.commit("them")
    keeper.store.release(["viewer"], "them")
    assert keeper.store.holds_object("viewer")


def test_only_proxies_have_a_form_of_their_own(passage):
    assert passage.remote(run) is None
    proxy = passage.remote_method(method())
    assert passage.remote(proxy) == method()
    assert not proxy.held.is_shared


def test_a_proxy_that_goes_to_a_third_peer_is_never_let_go(keeper):
    proxy = Passage(keeper, "them").remote_method(method())
    assert Passage(keeper, "third").remote(proxy) == method()
    assert proxy.held.is_shared


def test_functions_of_one_object_share_one_mark(keeper, passage):
    first, second = passage.remote_method(method()), passage.remote_method(method(path="b"))
    assert first.held is second.held
    assert passage.remote_method(method(object_id="o2")).held is not first.held
    value = passage.remote_object(DotDict(), "o1")
    assert keeper.held_objects.find(value) is first.held


def test_an_object_without_functions_is_the_senders(keeper, passage):
    value = passage.remote_object(DotDict(), "o7")
    held = keeper.held_objects.find(value)
    assert (held.owner, held.object_id) == ("them", "o7")
    assert passage.remote_object(5, "o8") == 5


def test_a_function_that_names_no_target_is_the_senders(passage):
    tree = {"_rtype": "callback", "_rvalue": 0}
    proxy = passage.remote_callback(tree)
    assert isinstance(proxy, RemoteFunction)
    assert proxy.target == proxy.tree["_rtarget_id"] == "them"


def test_what_comes_home_is_held_by_us(keeper, passage):
    tree = passage.callback(run)
    passage.commit("them")
    home = passage.remote_callback(tree)
    keeper.store.release([tree["_rvalue"]], "them")
    assert keeper.store.callback(home.tree["_rvalue"], "us") is run


@pytest.mark.parametrize("tree", [{}, {"_rvalue": None}, {"_rvalue": [1]}])
def test_a_callback_without_an_id_is_refused(passage, tree):
    with pytest.raises(DialectError):
        passage.remote_callback(tree)


@pytest.mark.parametrize("tree", [{"_rintf": 1, "_rvalue": "a"}, {"_rintf": "o1", "_rvalue": 2}])
def test_a_method_without_object_or_name_is_refused(passage, tree):
    with pytest.raises(DialectError):
        passage.remote_method(tree)

"""One end of the RPC: two and three of them joined in memory."""

from __future__ import annotations

import gc

import numpy as np
import pytest

from imjoy_wire import values
from imjoy_wire.errors import DialectError, PeerGoneError, RemoteError, UnsupportedValueError
from imjoy_wire.objects import MAX_UNTOLD
from imjoy_wire.passage import Passage
from imjoy_wire.references import Codec
from support.rpc import Network, gone


class Calculator:
    """What a plugin exports: functions, values, and things that are nobody's business."""

    def __init__(self) -> None:
        self.version = "1.0"
        self._secret = 1
        self.kept = []
        self.seen = {}

    def add(self, a, b=0):
        return a + b

    def describe(self, *args, **kwargs):
        return {"args": list(args), "kwargs": kwargs}

    def fail(self):
        raise KeyError("no such cell")

    def call_back(self, function, times=1):
        for number in range(times):
            function(number)
        return times

    def keep(self, function):
        self.kept.append(function)

    def _hidden(self):
        return self._secret


@pytest.fixture
def network():
    return Network()


@pytest.fixture
def ends(network):
    """A page and a plugin whose interface the page has."""
    page, plugin = network.add("page"), network.add("plugin")
    plugin.export(Calculator())
    return network, page, plugin, network.introduce("page", "plugin")


def test_a_method_returns_its_result(ends):
    network, _, _, calc = ends
    answer = calc.add(2, 3)
    assert not answer.is_settled
    network.run()
    assert answer.value == 5


def test_an_interface_has_public_functions_and_values_only(ends):
    *_, calc = ends
    assert calc.version == "1.0"
    assert callable(calc["add"])
    assert "_hidden" not in calc
    assert "_secret" not in calc


@pytest.mark.parametrize(
    "name", ["_hidden", "__init__", "add.__globals__", "kept.append", "version"]
)
def test_only_what_was_exported_can_be_called(ends, name):
    network, page, _, calc = ends
    forged = calc.add.tree | {"_rvalue": name}
    answer = page.call(type(calc.add)(forged, "plugin", calc.add.held, page), (), {})
    network.run()
    assert "no function" in str(answer.error)


def test_keywords_arrive_as_keywords(ends):
    network, _, _, calc = ends
    answer = calc.describe(1, kind="a", size=2)
    network.run()
    assert answer.value == {"args": [1], "kwargs": {"kind": "a", "size": 2}}


def test_a_javascript_object_marked_with_rkwargs_arrives_as_keywords(ends):
    network, _, _, calc = ends
    answer = calc.describe(1, {"kind": "a", "_rkwargs": True})
    network.run()
    assert answer.value == {"args": [1], "kwargs": {"kind": "a"}}


def test_an_object_with_the_methods_of_a_dict_is_an_argument_like_any_other(ends):
    network, _, _, calc = ends
    asked = []
    cache = {"_rintf": True, "get": asked.append, "items": asked.append, "size": 3}
    answer = calc.describe(1, cache)
    network.run()
    assert answer.value["kwargs"] == {}
    assert answer.value["args"][1]["size"] == 3
    assert asked == []


def test_an_error_keeps_its_type_message_and_traceback(ends):
    network, _, _, calc = ends
    answer = calc.fail()
    network.run()
    assert isinstance(answer.error, RemoteError)
    assert answer.error.name == "KeyError"
    assert "no such cell" in str(answer.error)
    assert "in fail" in answer.error.trace


def test_an_answer_whose_codec_fails_ends_the_call_with_its_error(ends):
    network, page, _, calc = ends

    def decode(tree):
        raise ValueError("no cell is so small")

    page.codecs["cell"] = Codec("cell", decoder=decode)
    answer = calc.describe({"_rtype": "cell"})
    network.run()
    assert str(answer.error) == "no cell is so small"


def test_a_callback_can_be_called_as_often_as_one_likes(ends):
    network, _, _, calc = ends
    seen = []
    keeper = calc.call_back(seen.append, 3)
    network.run()
    assert seen == [0, 1, 2]
    assert keeper.value == 3


def test_a_kept_callback_works_after_the_call_that_brought_it(network):
    page, plugin = network.add("page"), network.add("plugin")
    calculator = Calculator()
    plugin.export(calculator)
    calc = network.introduce("page", "plugin")
    seen = []
    calc.keep(seen.append)
    network.run()
    for number in range(5):
        calculator.kept[0](number)
    network.run()
    assert seen == [0, 1, 2, 3, 4]
    before = len(page.store)
    calculator.kept.clear()
    gc.collect()
    calc.add(1)
    network.run()
    assert len(page.store) == before - 1


def test_arrays_travel_both_ways(ends):
    network, _, _, calc = ends
    image = np.arange(12, dtype="float32").reshape(3, 4)
    answer = calc.add(image, 1)
    network.run()
    np.testing.assert_array_equal(answer.value, image + 1)
    assert answer.value.dtype == image.dtype


def test_an_argument_that_cannot_be_sent_is_named_and_leaves_nothing_behind(ends):
    _network, page, _, calc = ends
    before = len(page.store)
    with pytest.raises(UnsupportedValueError, match=r"argument 2.*key 'it'"):
        calc.add(lambda: None, {"it": object()})
    assert len(page.store) == before
    assert page.waiting == 0


def test_a_result_that_cannot_be_sent_is_an_error_at_the_caller(network):
    network.add("page")
    network.add("plugin").export({"give": object})
    answer = network.introduce("page", "plugin").give()
    network.run()
    assert answer.error.name == "UnsupportedValueError"


def test_a_function_of_a_third_peer_is_called_where_it_lives(network):
    one, two, three = network.add("one"), network.add("two"), network.add("three")
    three.export({"where": lambda: "three"})
    two.export({"hand": lambda: {"it": network.introduce("two", "three").where}})
    handed = network.introduce("one", "two").hand()
    network.run()
    function = handed.value["it"]
    assert function.target == "three"
    answer = function()
    network.run()
    assert answer.value == "three"
    assert ("one", "three") in {(source, to) for source, to, _ in network.sent}
    assert one.waiting == two.waiting == 0


def test_a_callback_handed_on_survives_its_first_holder(network):
    network.add("page")
    second = network.add("second")
    kept = []
    second.export({"take": kept.append})
    first = network.add("first")
    first.export({"pass_on": lambda f: network.introduce("first", "second").take(f) and None})
    network.introduce("page", "first").pass_on(lambda: "still here")
    network.run()
    gc.collect()
    network.run()
    answer = kept[0]()
    network.run()
    assert answer.value == "still here"


def test_a_function_that_comes_home_can_be_called_like_any_other(network):
    network.add("page")
    network.add("plugin").export({"echo": lambda value: value})
    echo = network.introduce("page", "plugin").echo
    answer = echo(lambda number: number * 2)
    network.run()
    doubled = answer.value(21)
    network.run()
    assert doubled.value == 42


def test_an_instance_in_a_result_is_an_object_until_it_is_disposed_of(network):
    page, plugin = network.add("page"), network.add("plugin")
    plugin.export({"make": Calculator})
    made = network.introduce("page", "plugin").make()
    network.run()
    calc, known = made.value, len(plugin.store)
    added = calc.add(1, 1)
    network.run()
    assert added.value == 2
    disposed = page.dispose(calc)
    network.run()
    assert disposed.value is None
    assert len(plugin.store) == known - 1
    late = calc.add(1, 1)
    network.run()
    assert "no function 'add'" in str(late.error)
    again = page.dispose(calc)
    network.run()
    assert "not found" in str(again.error)


def test_an_object_is_released_when_its_proxy_is_collected(network):
    network.add("page")
    plugin = network.add("plugin")
    plugin.export({"make": Calculator, "noop": lambda: None})
    api = network.introduce("page", "plugin")
    known = len(plugin.store)
    made = api.make()
    network.run()
    assert len(plugin.store) == known + 1
    method = made.value.add
    del made
    gc.collect()
    api.noop()
    network.run()
    assert len(plugin.store) == known + 1, "its method is still held"
    del method
    gc.collect()
    api.noop()
    network.run()
    assert len(plugin.store) == known


def test_only_remote_objects_can_be_disposed_of(ends):
    _, page, _, _ = ends
    with pytest.raises(ValueError, match="not an object"):
        page.dispose({"add": 1})


def test_a_remote_function_wins_over_a_dicts_method_and_the_object_can_be_handed_back(network):
    network.add("page")
    plugin = network.add("plugin")
    names = {"get": lambda: "got", "items": lambda: "items", "update": lambda text: text}
    plugin.export({**names, "echo": lambda value: value})
    api = network.introduce("page", "plugin")
    answers = [api.get(), api.items(), api.update("updated"), api.echo({"it": api})]
    network.run()
    assert [answer.value for answer in answers[:3]] == ["got", "items", "updated"]
    home = answers[3].value["it"].get()
    network.run()
    assert home.value == "got"
    assert sorted(dict(api)) == ["_rintf", "echo", "get", "items", "update"]


def test_a_custom_object_id_is_kept_and_outlives_its_proxies(network):
    network.add("page")
    plugin = network.add("plugin")
    plugin.export({"viewer": lambda: {"_rintf": "the-viewer", "show": lambda: "shown"}})
    api = network.introduce("page", "plugin")
    for _ in range(3):
        made = api.viewer()
        network.run()
        assert made.value["_rintf"] == "the-viewer"
        del made
        gc.collect()
    assert plugin.store.holds_object("the-viewer")
    assert len(plugin.store) == 2


def test_an_object_with_on_ends_when_it_closes(network):
    network.add("page")
    plugin = network.add("plugin")
    handlers = {}
    window = {"_rintf": True, "on": handlers.__setitem__, "show": lambda: None}
    plugin.export({"open": lambda: window})
    opened = network.introduce("page", "plugin").open()
    network.run()
    known = len(plugin.store)
    assert opened.value["_rintf"]
    handlers["close"](None)
    assert len(plugin.store) == known - 1


def test_an_interface_asked_for_early_is_sent_when_it_is_there(network):
    page, plugin = network.add("page"), network.add("plugin")
    page.send("plugin", "getInterface")
    network.run()
    assert "plugin" not in page.remotes
    plugin.export({"run": lambda: 1})
    network.run()
    assert list(page.remotes["plugin"].interface) == ["run", "_rintf"]
    plugin.export({"run": lambda: 2, "more": lambda: 3})
    network.run()
    answer = page.remotes["plugin"].interface.run()
    network.run()
    assert answer.value == 2
    assert len(plugin.store) == 1


def test_functions_given_to_register_and_on_are_members_of_an_interface(network):
    network.add("plugin")
    got = []
    network.add("page").export(
        {"registerService": got.append, "on": lambda *args: got.append(args)}
    )
    api = network.introduce("plugin", "page")
    api.registerService({"type": "operator", "run": lambda: "ran"})
    api.on("close", lambda: "closed")
    network.run()
    assert got[0]["run"].is_method
    assert got[1][1].is_method
    answers = [got[0].run(), got[1][1]()]
    network.run()
    assert [answer.value for answer in answers] == ["ran", "closed"]


def test_a_codec_is_used_on_both_ends(network):
    class Cat:
        def __init__(self, name):
            self.name = name

    page, plugin = network.add("page"), network.add("plugin")
    cat = Codec("cat", Cat, lambda cat: {"name": cat.name}, lambda tree: Cat(tree["name"]))
    page.codecs["cat"] = plugin.codecs["cat"] = cat
    plugin.export({"wash": lambda cat: Cat(cat.name + ", clean")})
    answer = network.introduce("page", "plugin").wash(Cat("boboshu"))
    network.run()
    assert isinstance(answer.value, Cat)
    assert answer.value.name == "boboshu, clean"


def test_a_peer_that_leaves_ends_every_call_that_waits_for_it(ends):
    network, page, _, calc = ends
    network.hosts["plugin"].keeps_calls = True
    waiting = [calc.add(1), calc.add(2)]
    dispose = page.expect("plugin", "executed", "script")
    network.run()
    reason = {
        "message": "It was killed.",
        "exit_code": -9,
        "signal": "SIGKILL",
        "last_lines": ["a"],
    }
    page.peer_gone("plugin", reason)
    for outcome in [*waiting, dispose]:
        error = gone(outcome)
        assert "It was killed." in str(error)
        assert str(error).endswith("a")
        assert error.exit_code == -9
    assert page.waiting == 0


def test_a_call_to_a_peer_that_has_left_fails_at_once(ends):
    _network, page, _, calc = ends
    page.peer_gone("plugin")
    assert gone(calc.add(1)).peer_id == "plugin"


def test_an_answer_after_the_end_of_its_call_is_passed_over(ends):
    network, page, _, calc = ends
    answer = calc.add(1)
    page.fail_calls("plugin")
    network.run()
    assert isinstance(answer.error, PeerGoneError)


def test_an_answer_counts_only_from_the_peer_that_was_asked(ends):
    network, _page, _, calc = ends
    network.hosts["plugin"].keeps_calls = True
    answer = calc.add(1)
    network.run()
    reference = network.sent[-1][2]["promise"][0]
    thief = network.add("thief")
    thief.send("page", "callback", id=reference["_rvalue"], target_id="page", args=["stolen"])
    network.run()
    assert not answer.is_settled


def test_what_only_a_gone_peer_held_is_forgotten(network):
    plugin = network.add("plugin")
    plugin.export({"make": Calculator})
    network.add("page")
    network.add("other")
    first = network.introduce("page", "plugin").make()
    network.introduce("other", "plugin")
    network.run()
    assert first.value
    assert len(plugin.store) == 2
    plugin.peer_gone("page")
    assert len(plugin.store) == 1


def test_an_interface_of_its_own_stays_for_whom_it_was_handed_on_to(network):
    plugin = network.add("plugin")
    plugin.export({"add": lambda a, b: a + b})
    network.add("page")
    calc = network.introduce("page", "plugin")
    handed = []
    network.add("other").export({"take": handed.append})
    network.introduce("page", "other").take(calc)
    network.run()
    plugin.peer_gone("page")
    answer = handed[0].add(1, 2)
    network.run()
    assert answer.value == 3


def test_closing_ends_everything(ends):
    _network, page, _plugin, calc = ends
    answer = calc.add(1)
    page.close({"message": "The link is down."})
    assert "link is down" in str(answer.error)
    assert len(page.store) == 0


def test_a_peer_that_returns_is_a_new_one(ends):
    network, page, _, calc = ends
    page.peer_gone("plugin")
    assert network.introduce("page", "plugin") is not None
    answer = calc.add(1)
    network.run()
    assert answer.value == 1


def test_the_greeting(network):
    page, plugin = network.add("page"), network.add("plugin")
    ready = page.expect("plugin", "imjoyRPCReady", "greeting")
    plugin.greet("page")
    network.run()
    assert ready.value["config"]["api_version"] == "0.2.3"
    assert ready.value["peer_id"] == "plugin"
    page.send("plugin", "initialize", config={"name": "the page"})
    initialized = page.expect("plugin", "initialized", "greeting")
    network.run()
    assert initialized.value["config"]["name"] == "plugin"
    assert plugin.remotes["page"].config == {"name": "the page"}


def test_scripts_are_run_by_the_host_and_answered_in_order(network):
    page = network.add("page")
    network.add("plugin")
    good = page.execute("plugin", "a = 1", "plugin.imjoy.html", 12)
    bad = page.execute("plugin", "b = ", "plugin.imjoy.html", 40)
    network.run()
    first, second = network.hosts["plugin"].scripts
    assert (first.code["content"], first.code["first_line"]) == ("a = 1", 12)
    first.done()
    second.done("SyntaxError in line 40")
    network.run()
    assert good.value == {"type": "executed"}
    assert "line 40" in str(bad.error)


@pytest.mark.parametrize(
    "message",
    [
        None,
        [],
        {},
        {"type": 3},
        {"type": "method"},
        {"type": "method", "object_id": "o", "name": 3},
        {"type": "callback"},
        {"type": "callback", "id": "x", "args": 3},
        {"type": "callback", "id": "x", "args": [], "promise": [1, 2]},
        {"type": "callback", "id": "x", "args": [], "promise": [{}]},
        {"type": "setInterface", "api": [1]},
        {"type": "log", "released": "all"},
        {"type": "log", "released": [1]},
    ],
)
def test_a_malformed_message_is_one_clear_error(network, message):
    peer = network.add("plugin")
    with pytest.raises(DialectError):
        peer.receive("page", message)


def test_an_unknown_message_is_passed_over(network):
    peer = network.add("plugin")
    peer.receive("page", {"type": "dance"})
    assert network.hosts["plugin"].heard_kinds == ["dance"]


def test_arguments_that_cannot_be_read_fail_the_call(ends):
    network, page, _, calc = ends
    broken = {"_rtype": "ndarray", "_rvalue": b"123", "_rshape": [7], "_rdtype": "float32"}
    page.codecs.clear()
    reference = {"_rtype": "callback", "_rtarget_id": "page", "_rvalue": "p0:resolve"}
    plugin = network.peers["plugin"]
    plugin.receive(
        "page",
        {
            "type": "method",
            "object_id": calc.add.tree["_rintf"],
            "name": "add",
            "args": [broken],
            "promise": [reference, reference | {"_rvalue": "p0:reject"}],
        },
    )
    sent = network.sent[-1][2]
    assert sent["id"] == "p0:reject"
    assert sent["args"][0]["_rname"] == "DialectError"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, ""),
        ("no luck", "no luck"),
        (0, "0"),
        (np.zeros(2), "[0. 0.]"),
        ({"a": 1}, "{'a': 1}"),
    ],
)
def test_a_rejection_with_whatever_value_ends_the_call(ends, value, words):
    network, page, _, calc = ends
    answer = calc.add(1)
    (_, _, call) = network.sent[-1]
    reject = call["promise"][1]["_rvalue"]
    tree = values.encode(value, Passage(network.peers["plugin"], "page"))
    message = {"type": "callback", "id": reject, "args": [tree], "target_id": "page"}
    page.receive("plugin", message)
    assert str(answer.error) == words


def test_two_thousand_calls_with_callbacks_leave_nothing_behind(ends):
    network, page, plugin, calc = ends
    calc.call_back(lambda number: number)
    network.run()
    before = len(page.store), len(plugin.store), len(plugin.held_objects)
    for _ in range(2000):
        answer = calc.call_back(lambda number: {"again": lambda: number}, 2)
        network.run()
        assert answer.is_settled
        del answer
        network.sent.clear()
    gc.collect()
    calc.add(1)
    network.run()
    assert (len(page.store), len(plugin.store), len(plugin.held_objects)) == before
    assert page.waiting == plugin.waiting == 0


def test_callbacks_of_an_end_that_never_lets_go_are_bounded(network):
    plugin = network.add("plugin")
    plugin.receive("old", {"type": "setInterface", "api": _old_interface()})
    store = plugin.remotes["old"].interface.store
    for number in range(MAX_UNTOLD + 200):
        answer = store(lambda: None)
        reference = network.sent[-1][2]["promise"][0]
        plugin.receive("old", {"type": "callback", "id": reference["_rvalue"], "args": [number]})
        assert answer.value == number
    assert len(plugin.store) == MAX_UNTOLD


def _old_interface():
    method = {"_rtype": "interface", "_rtarget_id": "old", "_rintf": "i", "_rvalue": "store"}
    return {"store": method, "_rintf": "i"}


def test_a_call_that_is_given_up_is_told_of_and_its_answer_not_waited_for(ends):
    network, page, plugin, calc = ends
    network.hosts["plugin"].keeps_calls = True
    answer = calc.add(1, 2)
    page.cancel(answer.key)
    page.cancel(answer.key)
    network.run()
    (call,) = network.hosts["plugin"].calls
    assert call.is_cancelled
    assert network.kinds("page").count("cancel") == 1
    assert not answer.is_settled
    assert page.waiting == 0
    assert plugin.remotes["page"].running == {}


def test_a_cancel_that_comes_too_late_or_from_a_stranger_does_nothing(ends):
    network, page, plugin, calc = ends
    answer = calc.add(1, 2)
    network.run()
    page.cancel(answer.key)
    plugin.receive("page", {"type": "cancel", "call": f"{answer.key}:resolve"})
    network.hosts["plugin"].keeps_calls = True
    answer = calc.add(1, 2)
    network.run()
    plugin.receive("stranger", {"type": "cancel", "call": f"{answer.key}:resolve"})
    (call,) = network.hosts["plugin"].calls
    assert not call.is_cancelled
    call.succeed(3)
    network.run()
    assert answer.value == 3


def test_what_a_late_answer_brings_is_let_go_of(network):
    page, plugin = network.add("page"), network.add("plugin")
    plugin.export({"give": lambda: {"f": lambda: 1, "array": np.zeros(3)}, "add": lambda: 1})
    calc = network.introduce("page", "plugin")
    calc.add()
    network.run()
    before = len(plugin.store)
    answer = calc.give()
    network.hosts["plugin"].keeps_calls = True
    network.run()
    (call,) = network.hosts["plugin"].calls
    page._waiting.take_call(answer.key)  # given up, while the answer is on its way
    call.succeed({"f": lambda: 1})
    assert len(plugin.store) == before + 1
    gc.collect()
    network.run()
    assert len(plugin.store) == before


def test_callbacks_of_a_call_given_up_stay_as_those_of_an_ended_one(network):
    plugin = network.add("plugin")
    plugin.receive("old", {"type": "setInterface", "api": _old_interface()})
    store = plugin.remotes["old"].interface.store
    for _ in range(MAX_UNTOLD + 10):
        plugin.cancel(store(lambda: None).key)
    assert len(plugin.store) == MAX_UNTOLD


def test_options_go_with_a_function(ends):
    network, page, _, calc = ends
    heard = []
    slow = calc.add.with_options(timeout_s=2, on_progress=heard.append)
    assert slow == calc.add
    answer = slow(1, 2)
    assert answer.limit_s == 2
    assert network.sent[-1][2]["progress"]["_rvalue"] == f"{answer.key}:progress"
    network.run()
    assert answer.value == 3
    assert calc.add(1).limit_s is None
    assert "progress" not in network.sent[-1][2]
    # Progress of a call that is over, or of somebody else's, is passed over.
    page.receive("plugin", {"type": "callback", "id": f"{answer.key}:progress", "args": [1]})
    assert heard == []

"""Generators of one peer from which another draws, joined in memory."""

from __future__ import annotations

import asyncio
import gc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imjoy_wire.errors import DialectError, PeerGoneError, RemoteError
from imjoy_wire.streams import MAX_AHEAD, OwnStream, RemoteStream, StreamStep
from support.rpc import Network


@pytest.fixture(scope="module", autouse=True)
def what_is_loaded_is_not_looked_at():
    """Keep collections quick: each looks through all that the tests of this process have loaded."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


class Source:
    """What exports generators: it knows what was computed, and whether it was closed."""

    def __init__(self):
        self.computed = []
        self.closed = 0

    def count(self, upto, step=1):
        try:
            for number in range(0, upto, step):
                self.computed.append(number)
                yield number
        finally:
            self.closed += 1

    def fail_after(self, upto):
        yield from self.count(upto)
        raise ValueError("no more")

    def items(self, values):
        return (value for value in values)

    def several(self):
        return {"a": self.count(2), "b": [self.count(3)]}

    def take(self, stream):
        return list(stream)

    def keep(self, stream):
        self.kept = stream


class Ends:
    """A page that has the interface of a plugin."""

    def __init__(self):
        self.network = Network()
        self.page, self.plugin = self.network.add("page"), self.network.add("plugin")
        self.source = Source()
        self.plugin.export(self.source)
        self.api = self.network.introduce("page", "plugin")

    def stream(self, name, *args):
        answer = getattr(self.api, name)(*args)
        self.network.run()
        return answer.value

    @property
    def objects(self):
        """How many objects each end keeps for the other, beside the interface."""
        return len(self.page.store), len(self.plugin.store) - 1


@pytest.fixture
def ends():
    return Ends()


def test_what_is_yielded_arrives_in_order_and_nothing_stays(ends):
    stream = ends.stream("count", 20)
    assert isinstance(stream, RemoteStream)
    assert repr(stream) == "<generator of plugin>"
    assert list(stream) == list(range(20))
    assert list(stream) == []
    ends.network.run()
    assert ends.source.closed == 1
    assert ends.objects == (0, 0)
    assert ends.page.waiting == 0
    assert ends.plugin.remotes["page"].running == {}


@given(st.lists(st.one_of(st.integers(), st.text(), st.lists(st.booleans()), st.none())))
def test_whatever_is_yielded_arrives(values):
    assert list(Ends().stream("items", values)) == values


@given(st.integers(0, 60), st.integers(0, 60))
def test_it_runs_ahead_by_a_few_items_and_is_closed_where_it_is_left(length, taken):
    ends = Ends()
    stream = ends.stream("count", length)
    got = [number for _, number in zip(range(taken), stream, strict=False)]
    ends.network.run()
    assert got == list(range(min(length, taken)))
    assert len(ends.source.computed) <= taken + MAX_AHEAD
    if taken == 0:
        assert ends.source.computed == []
    del stream
    gc.collect()
    ends.network.run()
    assert ends.objects == (0, 0)
    if ends.source.computed:
        assert ends.source.closed == 1


def test_whoever_wants_the_first_item_has_no_others_computed(ends):
    stream = ends.stream("count", 1000)
    assert next(stream) == 0
    assert ends.source.computed == [0]


def test_an_error_is_raised_after_the_items_before_it(ends):
    stream = ends.stream("fail_after", 3)
    assert [next(stream) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(RemoteError, match="no more") as caught:
        next(stream)
    assert caught.value.name == "ValueError"
    assert list(stream) == []
    ends.network.run()
    assert ends.objects == (0, 0)


@pytest.mark.parametrize("length", [0, 2, 20])
def test_what_was_asked_for_after_the_last_item_is_no_error(ends, length):
    assert list(ends.stream("count", length)) == list(range(length))
    ends.network.run()
    answers = [
        message["id"] if "id" in message else message["name"]
        for sender, _, message in ends.network.sent
        if sender == "plugin" and message["type"] == "callback"
    ]
    assert len(answers) > length
    assert not [answer for answer in answers if str(answer).endswith(":reject")]


def test_one_that_was_let_go_of_has_not_ended(ends):
    stream = ends.stream("count", 5)
    step = stream._next
    assert next(stream) == 0
    ends.plugin.store.release([step.tree["_rintf"]], "page")
    ends.network.run()
    answer = step()
    ends.network.run()
    assert "there is no function 'next' here" in str(answer.error)


def test_generators_travel_inside_of_other_values(ends):
    value = ends.stream("several")
    assert list(value["b"][0]) == [0, 1, 2]
    assert list(value["a"]) == [0, 1]


def test_a_generator_may_be_an_argument(ends):
    closed = []

    def ours():
        try:
            yield from "abc"
        finally:
            closed.append(1)

    # The plugin draws while its call runs, which in one thread means: by running the network.
    answer = ends.api.take(ours())
    ends.network.run()
    assert answer.value == ["a", "b", "c"]
    assert closed == [1]
    assert ends.objects == (0, 0)


def test_closing_it_is_waited_for(ends):
    stream = ends.stream("count", 1000)
    assert next(stream) == 0
    asyncio.run(stream.aclose())
    assert ends.source.closed == 1
    assert ends.objects == (0, 0)
    asyncio.run(stream.aclose())
    assert list(stream) == []


def test_closing_it_without_waiting(ends):
    stream = ends.stream("count", 1000)
    assert next(stream) == 0
    stream.close()
    stream.close()
    ends.network.run()
    assert ends.source.closed == 1
    assert ends.objects == (0, 0)
    assert ends.page.waiting == 0


def test_a_consumer_that_leaves_closes_it(ends):
    stream = ends.stream("count", 1000)
    assert next(stream) == 0
    ends.plugin.peer_gone("page")
    assert ends.source.closed == 1
    assert ends.objects[1] == 0


def test_an_owner_that_leaves_ends_it_with_an_error(ends):
    stream = ends.stream("count", 1000)
    assert [next(stream), next(stream)] == [0, 1]
    ends.page.peer_gone("plugin", {"message": "It crashed.", "exit_code": 7})
    got = []
    with pytest.raises(PeerGoneError, match="It crashed") as caught:
        got.extend(stream)
    assert caught.value.exit_code == 7
    assert list(stream) == []


def test_it_is_drawn_from_where_it_lives_when_it_is_handed_on(ends):
    network = ends.network
    third = network.add("third")
    third.export(taker := Source())
    stream = ends.stream("count", 5)
    kept = network.introduce("page", "third").keep(stream)
    network.run()
    assert kept.value is None
    assert taker.kept.held.owner == "plugin"
    del stream, kept
    gc.collect()
    network.run()
    assert list(taker.kept) == [0, 1, 2, 3, 4]
    assert {to for sender, to, _ in network.sent if sender == "third"} == {"page", "plugin"}


async def test_async_for_draws_from_it(ends):
    assert [number async for number in ends.stream("count", 12)] == list(range(12))
    async for number in ends.stream("count", 12):
        if number == 3:
            break
    ends.network.run()
    assert ends.source.closed == 2
    assert ends.objects == (0, 0)


@pytest.mark.parametrize(
    "broken", [{"next": 1}, {"next": {}, "return": {}}, {"next": {"_rvalue": "next"}}]
)
def test_a_form_that_is_none_is_refused(ends, broken):
    ends.network.hosts["page"].keeps_calls = True
    message = {"type": "setInterface", "api": {"s": {"_rtype": "generator", **broken}}}
    with pytest.raises(DialectError):
        ends.page.receive("plugin", message)


def test_a_step_that_is_none_ends_it(ends):
    stream = ends.stream("count", 5)
    promise = stream._ask()
    stream._asked.append(promise)
    promise.resolve("nonsense")
    with pytest.raises(DialectError):
        next(stream)
    assert list(stream) == []


def test_a_step_is_nothing_to_call():
    with pytest.raises(TypeError, match="not called"):
        StreamStep(OwnStream(iter(())), "next")()


async def test_an_asynchronous_generator_steps_and_ends():
    async def numbers():
        yield 1
        raise KeyError("gone")

    forgotten = []
    stream = OwnStream(numbers())
    stream.forget = lambda: forgotten.append(1)
    assert stream.is_async
    assert await stream.advance_async() == {"value": 1, "done": False}
    with pytest.raises(KeyError):
        await stream.advance_async()
    assert await stream.advance_async() == {"done": True}
    assert (stream.is_over, forgotten) == (True, [1])
    other = OwnStream(numbers())
    await other.aclose()
    assert await other.advance_async() == {"done": True}

"""Our end of the RPC joined with the unmodified `RPC` class of imjoy-rpc, in memory."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from imjoy_rpc import rpc, utils

from imjoy_wire import codec
from imjoy_wire.errors import RemoteError
from imjoy_wire.objects import MAX_UNTOLD
from imjoy_wire.peer import Peer
from support.rpc import MemoryHost, Outcome


class Connection(utils.MessageEmitter):
    """What the original class talks through: hands messages to a peer of ours and back."""

    def __init__(self) -> None:
        super().__init__(None)
        self.peer_id = "original"
        self.peer = Peer("ours", _Host(self), {"name": "ours"})

    def emit(self, message) -> None:
        loop = asyncio.get_running_loop()
        if message.get("target_id") == self.peer_id:  # as a frame would, it goes where it says
            loop.call_soon(self._fire, message["type"], message)
        else:
            loop.call_soon(self._arrive, *codec.pack(message))

    def _arrive(self, body, buffers) -> None:
        self.peer.receive("original", codec.unpack(body, [bytes(part) for part in buffers]))

    def disconnect(self) -> None:
        self.peer.peer_gone("original")


class _Host(MemoryHost):
    def __init__(self, connection: Connection) -> None:
        super().__init__(self, "ours")
        self._connection = connection

    def put(self, sender, to, message) -> None:
        assert to == "original"
        body, buffers = codec.pack(message)
        arrived = codec.unpack(body, [bytes(part) for part in buffers])
        loop = asyncio.get_running_loop()
        loop.call_soon(self._connection._fire, arrived["type"], arrived)


class Context:
    """The part of imjoy-rpc that remembers whose API is the current one."""

    api = None

    def run_with_context(self, _context_id, function, *args, **kwargs) -> None:
        function(*args, **kwargs)


class Plugin:
    """The interface that the original end exports."""

    def __init__(self) -> None:
        self.kept = []

    def add(self, a, b=0):
        return a + b

    def fail(self):
        raise ValueError("too small")

    def keep(self, function):
        self.kept.append(function)

    async def ask(self, function):
        return await function(21)

    def make(self):
        return {"_rintf": True, "size": lambda: 3}


@pytest.fixture
async def ends():
    """The original end, its API class, and our peer, each with the other's interface."""
    connection = Connection()
    original = rpc.RPC(connection, Context(), {"name": "original", "allow_execution": True})
    plugin = Plugin()
    original.set_interface(plugin)
    connection.peer.export(Ours())
    connection.peer.send("original", "getInterface")
    original.request_remote()
    await until(lambda: original.get_remote() and connection.peer.remotes["original"].interface)
    return original, plugin, connection.peer


class Ours:
    """What our end exports."""

    def __init__(self) -> None:
        self.seen = []

    def see(self, value):
        self.seen.append(value)
        return len(self.seen)

    def echo(self, value):
        return value

    def fail(self):
        raise KeyError("nothing there")

    def describe(self, *args, **kwargs):
        return [list(args), kwargs]

    def call_three_times(self, function):
        for number in range(3):
            function(number)


async def until(fact) -> None:
    async with asyncio.timeout(10):
        while not fact():
            await turn()


async def turn() -> None:
    """Let everything that is on its way make one step."""
    future = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(future.set_result, None)
    await future


async def answered(outcome: Outcome):
    await until(lambda: outcome.is_settled)
    return outcome.value


async def test_we_call_the_original(ends):
    _, _, peer = ends
    api = peer.remotes["original"].interface
    assert await answered(api.add(1, 2)) == 3
    assert await answered(api.add(1, b=5)) == 6
    image = np.arange(6, dtype="uint8").reshape(2, 3)
    np.testing.assert_array_equal(await answered(api.add(image, 1)), image + 1)
    with pytest.raises(RemoteError, match="too small"):
        await answered(api.fail())


async def test_the_original_calls_us(ends):
    original, _, _ = ends
    api = original.get_remote()
    assert await api.echo({"a": [1, None, "x"]}) == {"a": [1, None, "x"]}
    assert await api.describe(1, kind="a") == [[1], {"kind": "a"}]
    image = np.arange(6, dtype="float64").reshape(2, 3)
    np.testing.assert_array_equal(await api.echo(image), image)
    with pytest.raises(Exception, match="nothing there"):
        await api.fail()


async def test_the_original_keeps_a_callback_of_ours(ends):
    _, plugin, peer = ends
    api = peer.remotes["original"].interface
    seen = []
    await answered(api.keep(seen.append))
    for number in range(3):
        await plugin.kept[0](number)
    assert seen == [0, 1, 2]
    assert await answered(api.ask(lambda number: number * 2)) == 42


async def test_a_callback_of_the_original_works_once(ends):
    original, _, _ = ends
    seen = []
    api = original.get_remote()
    await api.call_three_times(seen.append)
    await api.echo(1)
    assert seen == [0]


async def test_objects_are_disposed_of_both_ways(ends):
    original, _, peer = ends
    api = peer.remotes["original"].interface
    made = await answered(api.make())
    assert await answered(made.size()) == 3
    assert await answered(peer.dispose(made)) is None
    with pytest.raises(RemoteError):
        await answered(made.size())

    mine = await original.get_remote().echo({"_rintf": True, "size": lambda: 7})
    assert await mine.size() == 7
    await peer_object(original, peer)


async def peer_object(original, peer) -> None:
    peer.export({"make": lambda: {"_rintf": True, "size": lambda: 9}})
    await until(lambda: "make" in original.get_remote())
    made = await original.get_remote().make()
    known = len(peer.store)
    assert await made.size() == 9
    await original.dispose_object(made)
    assert len(peer.store) == known - 1


async def test_two_disposals_at_once_are_told_apart_by_their_order(ends):
    _, _, peer = ends
    api = peer.remotes["original"].interface
    made = await answered(api.make())
    other = await answered(api.make())
    first, again, second = peer.dispose(made), peer.dispose(made), peer.dispose(other)
    await until(lambda: second.is_settled)
    assert first.value is None
    assert "not found" in str(again.error)
    assert second.value is None


async def test_a_script_of_ours_runs_there(ends):
    _, _, peer = ends
    await answered(peer.execute("original", "value = 1", "script.py"))
    with pytest.raises(RemoteError, match="ZeroDivisionError"):
        await answered(peer.execute("original", "1 / 0", "script.py"))


async def test_an_original_end_that_leaves_ends_the_calls(ends):
    original, plugin, peer = ends
    waiting = peer.remotes["original"].interface.ask(lambda _: plugin)
    original.disconnect()
    await until(lambda: waiting.is_settled)
    assert waiting.error is not None


async def test_calls_with_callbacks_leave_a_bounded_store(ends):
    _, _, peer = ends
    api = peer.remotes["original"].interface
    sizes = []
    for number in range(2000):
        assert await answered(api.ask(lambda value: value)) == 21
        if number >= 1500:
            sizes.append(len(peer.store))
    assert sizes[0] == sizes[-1] <= MAX_UNTOLD + 1

"""Generators of a plugin and of the program, with `await` and without."""

from __future__ import annotations

import pytest

import imjoy_client
from imjoy_client import sync
from imjoy_wire.errors import CallTimeoutError, RemoteError
from support.small_engine import TOKEN

CONFIG = {"name": "Trial"}
SCRIPT = "api.export(Plugin())"


class Source:
    def __init__(self):
        self.closed = 0

    def count(self, upto):
        try:
            for number in range(upto):
                yield {"number": number, "double": lambda number=number: 2 * number}
        finally:
            self.closed += 1

    def fail(self):
        yield 1
        raise KeyError("no such cell")

    def echo(self, value):
        return value

    def quick(self, value):
        return value


@pytest.fixture
def exported():
    return Source()


def test_a_for_loop_draws_and_functions_in_items_return_their_results(engine, exported):
    with sync.connect(engine.url, TOKEN) as client:
        plugin = client.start_plugin(CONFIG, script=SCRIPT)
        stream = plugin.count(20)
        assert repr(stream).startswith("<generator of ")
        assert [item.double() for item in stream] == [2 * number for number in range(20)]
        assert list(stream) == []
        stream = plugin.count(1000)
        assert next(stream).number == 0
        stream.close()
        assert exported.closed == 2
        failing = plugin.fail()
        assert next(failing) == 1
        with pytest.raises(RemoteError, match="no such cell"):
            next(failing)
        home = plugin.echo(plugin.count(3))
        assert [item.number for item in home] == [0, 1, 2]


async def test_async_for_draws(engine, exported):
    async with imjoy_client.connect(engine.url, TOKEN) as client:
        plugin = await client.start_plugin(CONFIG, script=SCRIPT)
        assert [item.number async for item in await plugin.count(20)] == list(range(20))
        stream = await plugin.count(1000)
        async for _ in stream:
            break
        await stream.aclose()
        assert exported.closed == 2


async def test_generators_of_the_program_are_drawn_from(engine):
    closed = []

    async def letters():
        try:
            for letter in "abc":
                yield letter
        finally:
            closed.append(1)

    async with imjoy_client.connect(engine.url, TOKEN) as client:
        plugin = await client.start_plugin(CONFIG, script=SCRIPT)
        # There and back: what comes home is drawn from in the same way.
        assert [item async for item in await plugin.echo(letters())] == ["a", "b", "c"]
        assert [item async for item in await plugin.echo(n for n in range(3))] == [0, 1, 2]
        stream = await plugin.echo(letters())
        assert await anext(stream) == "a"
        await stream.aclose()
        assert closed == [1, 1]


def test_a_call_out_of_time_is_given_up_and_told(engine):
    with sync.connect(engine.url, TOKEN) as client:
        plugin = client.start_plugin(CONFIG, script=SCRIPT)
        (worker,) = engine.workers.values()
        worker.unanswered.add("echo")
        with pytest.raises(CallTimeoutError, match="echo has not answered"):
            plugin.echo(1, timeout_s=0.01)
        with pytest.raises(TimeoutError):
            plugin.echo.with_options(timeout_s=0.01)(1)
        heard = []
        assert plugin.quick.with_options(on_progress=heard.append)(1) == 1
        assert [(call.label, call.is_cancelled) for call in worker.running[-3:]] == [
            ("echo", True),
            ("echo", True),
            ("quick", False),
        ]

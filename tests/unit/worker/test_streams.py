"""Generators of plugins, and those that plugins draw from, in real workers."""

from __future__ import annotations

import asyncio

import pytest

from imjoy_wire.errors import PeerGoneError, RemoteError
from imjoy_wire.streams import MAX_AHEAD
from support.plugin_process import DEADLINE_S, running_worker

SCRIPT = """
import asyncio, threading
computed = []
main = threading.main_thread()

def plain(upto):
    try:
        for number in range(upto):
            computed.append(number)
            yield number
    finally:
        print('plain closed')

async def asynchronous(upto):
    try:
        for number in range(upto):
            computed.append(number)
            await asyncio.sleep(0)
            yield number
    finally:
        print('asynchronous closed')

def failing():
    yield 1
    raise ValueError('no more')

def asking():
    for number in range(20):
        yield api.echo(number).result(20)

async def forever():
    try:
        yield 'first'
        print('waiting')
        await asyncio.Event().wait()
    finally:
        print('forever closed', api.is_cancelled())

def where():
    yield threading.current_thread() is main

async def where_async():
    yield threading.current_thread() is main

async def coroutine(upto):
    return asynchronous(upto)

def takes(stream):
    return list(stream)

async def takes_async(stream):
    return [item async for item in stream]

async def takes_some(stream):
    async for item in stream:
        if item == 3:
            return item

api.export({name: value for name, value in globals().items() if callable(value) and name != 'api'}
           | {'computed': lambda: len(computed)}
           if hasattr(dict, '__or__') else
           {'plain': plain, 'asynchronous': asynchronous, 'takes': takes,
            'takes_async': takes_async})
"""


async def drawn(stream):
    async with asyncio.timeout(DEADLINE_S):
        return [item async for item in stream]


async def test_generators_of_both_kinds_stream(started):
    async with started() as engine:
        api = await engine.clients["browser"].start(SCRIPT)
        for name in ("plain", "asynchronous", "coroutine"):
            assert await drawn(await api[name](300)) == list(range(300))
        await engine.printed("plain closed")
        await engine.printed("asynchronous closed")
        stream = await api.failing()
        assert await anext(stream) == 1
        with pytest.raises(RemoteError, match="no more") as caught:
            await anext(stream)
        assert "in failing" in caught.value.trace
        assert await api.computed() == 900
        assert engine.err == []
        raised = [body["text"] for kind, body in engine.told if kind == "raised"]
        assert [text.splitlines()[-1] for text in raised] == ["ValueError: no more"]


async def test_they_run_where_functions_of_their_kind_run(started):
    async with started() as engine:
        api = await engine.clients["browser"].start(SCRIPT)
        assert await drawn(await api.where()) == [False]
        assert await drawn(await api.where_async()) == [True]
    async with started(plugin={"executor": "main-thread"}) as engine:
        api = await engine.clients["browser"].start(SCRIPT)
        assert await drawn(await api.where()) == [True]
    async with started(plugin={"executor": "process"}) as engine:
        api = await engine.clients["browser"].start(SCRIPT)
        assert await drawn(await api.where()) == [False]
        assert await drawn(await api.where_async()) == [True]


@pytest.mark.parametrize("name", ["plain", "asynchronous"])
async def test_one_that_is_left_is_closed_and_has_not_run_far_ahead(started, name):
    async with started() as engine:
        client = engine.clients["browser"]
        api = await client.start(SCRIPT)
        stream = await api[name](1_000_000)
        async with asyncio.timeout(DEADLINE_S):
            async for number in stream:
                if number == 20:
                    break
        assert await api.computed() <= 21 + MAX_AHEAD
        del stream
        await engine.printed(f"{name} closed")


async def test_one_that_waits_is_woken_by_its_closing(started):
    async with started() as engine:
        api = await engine.clients["browser"].start(SCRIPT)
        stream = await api.forever()
        assert await anext(stream) == "first"
        waiting = asyncio.ensure_future(anext(stream))
        await engine.printed("waiting")
        waiting.cancel()
        await engine.printed("forever closed True")
        with pytest.raises(asyncio.CancelledError):
            await waiting
        stream = await api.forever()
        assert await anext(stream) == "first"
        await stream.aclose()
        assert engine.err == []


async def test_one_that_waits_for_a_call_is_not_entered_twice(started):
    async with started() as engine:
        api = await engine.clients["browser"].start(SCRIPT)
        assert await drawn(await api.asking()) == list(range(20))


async def test_a_client_that_leaves_has_its_generators_closed(started):
    async with started() as engine:
        engine.clients["browser"]
        api = await engine.clients["browser"].start(SCRIPT)
        streams = [await api.forever(), await api.plain(1000)]
        waiting = [asyncio.ensure_future(anext(stream)) for stream in streams]
        assert await asyncio.gather(*waiting) == ["first", 0]
        del engine.clients["browser"]
        engine.control("peer_gone", {"peer": "browser"})
        await engine.printed("forever closed")
        await engine.printed("plain closed")
        assert engine.err == []


async def test_a_worker_that_dies_ends_what_is_drawn_from_it(started):
    async with started() as engine:
        client = engine.clients["browser"]
        api = await client.start(SCRIPT)
        stream = await api.forever()
        assert await anext(stream) == "first"
        waiting = asyncio.ensure_future(anext(stream))
        await engine.printed("waiting")
        client.peer.peer_gone("worker", {"message": "It died.", "exit_code": -9})
        with pytest.raises(PeerGoneError, match="It died") as caught:
            await waiting
        assert caught.value.exit_code == -9


async def test_a_plugin_draws_from_generators_of_others(short_dir, program, interpreter):
    closed = []

    def numbers(upto):
        try:
            yield from range(upto)
        finally:
            closed.append("plain")

    async def letters():
        try:
            for letter in "abcdefghijklmnop":
                yield letter
        finally:
            closed.append("asynchronous")

    command = [interpreter, "-s", "-u", str(program)]
    async with running_worker(short_dir, command) as engine:
        api = await engine.clients["browser"].start(SCRIPT)
        assert await api.takes(numbers(50)) == list(range(50))
        assert await api.takes_async(letters()) == list("abcdefghijklmnop")
        assert await drawn(await api.plain(50)) == list(range(50))
        assert await drawn(await api.asynchronous(50)) == list(range(50))
        assert closed == ["plain", "asynchronous"]


async def test_a_plugin_that_stops_drawing_closes_it(started):
    closed = asyncio.Event()

    def numbers():
        try:
            yield from range(1000)
        finally:
            closed.set()

    async with started() as engine:
        api = await engine.clients["browser"].start(SCRIPT)
        assert await api.takes_some(numbers()) == 3
        async with asyncio.timeout(DEADLINE_S):
            await closed.wait()
        assert engine.err == []

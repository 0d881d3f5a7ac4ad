"""What can be awaited: told as `inspect` tells it."""

from __future__ import annotations

import asyncio
import functools
import inspect
import types

import pytest

from imjoy_worker.coroutines import gives_coroutine, gives_generator, is_awaitable


class Both:
    def plain(self): ...

    async def coroutine(self): ...

    async def __call__(self): ...

    @classmethod
    async def of_class(cls): ...


async def coroutine(): ...


async def generator():
    yield 1


def steps():
    yield 1


FUNCTIONS = {
    "plain": lambda: 1,
    "coroutine": coroutine,
    "asynchronous generator": generator,
    "generator": steps,
    "method": Both().plain,
    "coroutine method": Both().coroutine,
    "class method": Both.of_class,
    "function of a class": Both.coroutine,
    "partial": functools.partial(coroutine),
    "partial of a method": functools.partial(Both().coroutine),
    "method of a method": types.MethodType(Both().coroutine, 1),
    "built in": print,
    "built-in method": [].append,
    "descriptor": str.upper,
    "call of a function": type(coroutine).__call__,
    "bound call of a function": coroutine.__call__,
    "class": Both,
    "callable": Both(),
    "text": "coroutine",
    "nothing": None,
    "marked": inspect.markcoroutinefunction(lambda: 1)
    if hasattr(inspect, "markcoroutinefunction")
    else coroutine,
}


@pytest.mark.parametrize("kind", FUNCTIONS)
def test_what_gives_a_coroutine_is_told_as_inspect_does(kind):
    assert gives_coroutine(FUNCTIONS[kind]) is inspect.iscoroutinefunction(FUNCTIONS[kind])


async def test_what_can_be_awaited_is_told_as_inspect_does():
    running = coroutine()
    values = [
        running,
        types.coroutine(lambda: (yield))(),
        asyncio.get_running_loop().create_future(),
        steps(),
        generator(),
        coroutine,
        1,
        None,
        [],
    ]
    assert [is_awaitable(value) for value in values] == list(map(inspect.isawaitable, values))
    assert [is_awaitable(value) for value in values].count(True) == 3
    await running


def test_functions_that_yield_are_told_apart():
    def plain():
        yield 1

    class Owner:
        def method(self):
            yield 1

    for function in (plain, generator, Owner().method):
        assert gives_generator(function)
    for function in (coroutine, len, Owner, functools.partial(plain), Both().plain):
        assert not gives_generator(function)

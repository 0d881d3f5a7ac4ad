from __future__ import annotations

import asyncio

import pytest

from imjoy_engine.processes import outlast


async def test_a_result_passes_through():
    future = asyncio.get_running_loop().create_future()
    future.set_result(7)

    assert await outlast(future) == 7


async def test_an_error_passes_through():
    future = asyncio.get_running_loop().create_future()
    future.set_exception(KeyError("x"))

    with pytest.raises(KeyError):
        await outlast(future)


async def test_a_cancelled_wait_ends_only_with_the_future():
    future = asyncio.get_running_loop().create_future()
    hurried = asyncio.Event()
    waiting = asyncio.create_task(outlast(future, on_cancel=hurried.set))
    await asyncio.wait((waiting,), timeout=0)
    waiting.cancel()
    await hurried.wait()
    waiting.cancel()
    await asyncio.wait((waiting,), timeout=0)
    assert not waiting.done()

    future.set_exception(KeyError("nobody hears this"))

    with pytest.raises(asyncio.CancelledError):
        await waiting

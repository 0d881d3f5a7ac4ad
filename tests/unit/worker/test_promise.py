"""What a call of another peer's function returns."""

from __future__ import annotations

import asyncio
import gc
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from imjoy_wire.errors import PeerGoneError
from imjoy_worker.promise import Promise

DEADLINE_S = 10


def now(function, *args):
    """Run in the loop, when there is only this thread."""
    function(*args)


@pytest.fixture
async def promise():
    return Promise("api.ask", asyncio.get_running_loop().call_soon_threadsafe)


async def test_it_is_awaited(promise):
    promise.resolve(3)
    assert await promise == 3
    assert await promise == 3


async def test_it_is_awaited_before_it_is_settled_from_another_thread(promise):
    threading.Timer(0, promise.resolve, [3]).start()
    async with asyncio.timeout(DEADLINE_S):
        assert await promise == 3


async def test_its_error_is_raised_where_it_is_awaited(promise):
    promise.reject(ValueError("no"))
    with pytest.raises(ValueError, match="no"):
        await promise


async def test_only_the_first_outcome_counts(promise):
    promise.resolve(1)
    promise.reject(ValueError("late"))
    promise.resolve(2)
    assert await promise == 1


async def test_gather_wait_and_wait_for_take_it():
    schedule = asyncio.get_running_loop().call_soon_threadsafe
    promises = [Promise(str(number), schedule) for number in range(3)]
    gathered = asyncio.gather(*promises)
    for number, promise in enumerate(promises):
        promise.resolve(number)
    assert await gathered == [0, 1, 2]
    done, pending = await asyncio.wait(promises)
    assert done == set(promises)
    assert pending == set()
    assert await asyncio.wait_for(promises[2], DEADLINE_S) == 2


async def test_wait_for_gives_up_on_it(promise):
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(promise, 0)
    promise.resolve(1)
    assert await promise == 1


async def test_asyncio_wait_sees_the_first(promise):
    other = Promise("never", now)
    waiting = asyncio.ensure_future(
        asyncio.wait([promise, other], return_when=asyncio.FIRST_COMPLETED)
    )
    threading.Timer(0, promise.resolve).start()
    async with asyncio.timeout(DEADLINE_S):
        done, pending = await waiting
    assert (done, pending) == ({promise}, {other})


def test_it_is_awaited_in_another_loop_of_another_thread():
    promise = Promise("api.ask", now)

    async def ask():
        return await promise

    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(asyncio.run, ask())
        promise.resolve("there")
        assert asked.result(DEADLINE_S) == "there"


def test_a_thread_waits_for_it():
    promise = Promise("api.ask", now)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(promise.result, DEADLINE_S)
        promise.resolve("there")
        assert asked.result(DEADLINE_S) == "there"
    assert promise.done()
    assert not promise.cancelled()
    assert promise.exception() is None


def test_a_thread_waits_no_longer_than_it_said():
    promise = Promise("api.ask", now)
    with pytest.raises(TimeoutError, match=r"api\.ask has not answered within 0\.001 s"):
        promise.result(0.001)


def test_then_catch_and_finally_make_a_chain():
    promise = Promise("api.ask", now)
    seen = []
    ended = promise.then(lambda value: value + 1).finally_(lambda: seen.append("end"))
    promise.resolve(1)
    assert ended.result() == 2
    assert seen == ["end"]


def test_an_error_passes_then_and_is_caught():
    promise = Promise("api.ask", now)
    seen = []
    ended = promise.then(seen.append).catch(lambda error: f"caught {error}")
    promise.reject(ValueError("no"))
    assert ended.result() == "caught no"
    assert seen == []


def test_an_error_of_a_handler_is_the_outcome_of_the_chain():
    promise = Promise("api.ask", now)
    ended = promise.then(lambda value: value / 0)
    promise.resolve(1)
    assert isinstance(ended.exception(), ZeroDivisionError)


def test_finally_keeps_the_error():
    promise = Promise("api.ask", now)
    ended = promise.finally_(lambda: None)
    promise.reject(ValueError("no"))
    assert isinstance(ended.exception(), ValueError)


async def test_handlers_may_be_coroutines(promise):
    async def double(value):
        return value * 2

    async def fail(value):
        raise ValueError(value)

    doubled, failed = promise.then(double), promise.then(fail)
    promise.resolve(4)
    async with asyncio.timeout(DEADLINE_S):
        assert await doubled == 8
        with pytest.raises(ValueError, match="4"):
            await failed


def test_done_callbacks_are_called_and_taken_back():
    promise = Promise("api.ask", now)
    seen, unwanted = [], []
    promise.add_done_callback(seen.append)
    promise.add_done_callback(unwanted.append)
    assert promise.remove_done_callback(unwanted.append) == 1
    promise.resolve(1)
    assert seen == [promise]
    assert unwanted == []


def test_an_outcome_is_passed_on():
    first, second = Promise("first", now), Promise("second", now)
    first.pass_on(second)
    first.reject(ValueError("no"))
    assert isinstance(second.exception(), ValueError)


def test_an_error_that_nobody_looks_at_is_one_line(capsys):
    promise = Promise("api.showDialog", now)
    promise.reject(ValueError("the dialog was cancelled"))
    del promise
    gc.collect()
    assert capsys.readouterr().err == (
        "api.showDialog failed and nobody looked: the dialog was cancelled\n"
    )


@pytest.mark.parametrize("error", [None, PeerGoneError("left")])
def test_what_is_no_news_is_not_told(capsys, error):
    promise = Promise("api.log", now)
    if error is None:
        promise.resolve()
    else:
        promise.reject(error)
    del promise
    gc.collect()
    assert capsys.readouterr().err == ""


async def test_a_remote_object_is_disposed_of_at_the_end_of_async_with():
    disposed = []

    async def dispose(value):
        disposed.append(value)

    schedule = asyncio.get_running_loop().call_soon_threadsafe
    entered = {"_rintf": "o1", "name": "inner"}

    async def enter():
        return entered

    async def leave():
        disposed.append("left")

    entered["__exit__"] = leave
    promise = Promise("api.open", schedule, dispose)
    promise.resolve({"_rintf": "o1", "__enter__": enter})
    async with promise as opened:
        assert opened is entered
    assert disposed == ["left", entered]


def test_a_loop_that_is_closed_is_left_alone():
    promise = Promise("api.ask", now)

    async def ask():
        task = asyncio.ensure_future(_awaited(promise))
        await asyncio.wait([task], timeout=0)
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(ask())
    promise.resolve(1)
    assert promise.result() == 1


async def _awaited(promise):
    return await promise


def test_it_says_what_it_is():
    promise = Promise("api.ask", now)
    assert repr(promise) == "<Promise of api.ask pending>"
    promise.resolve()
    assert repr(promise) == "<Promise of api.ask resolved>"

"""What a call of another peer's function returns."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from imjoy_wire import messages
from imjoy_wire.calls import IncomingCall
from imjoy_wire.current import CALL
from imjoy_wire.errors import CallTimeoutError, PeerGoneError
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


@pytest.fixture
def given_up():
    return []


@pytest.fixture
async def call(given_up):
    schedule = asyncio.get_running_loop().call_soon_threadsafe
    return Promise("api.ask", schedule, None, given_up.append, "p1")


async def test_wait_for_gives_the_call_up(call, given_up):
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(call, 0.001)
    assert given_up == ["p1"]
    call.resolve(1)
    assert call.cancelled()
    with pytest.raises(asyncio.CancelledError):
        await call


async def test_a_shield_keeps_it(call, given_up):
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(asyncio.shield(call), 0.001)
    call.resolve(1)
    assert await call == 1
    assert given_up == []


async def test_a_task_that_is_cancelled_cancels_what_it_awaits(call, given_up):
    async def work():
        return await call

    task = asyncio.create_task(work())
    await asyncio.wait([task], timeout=0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert given_up == ["p1"]


async def test_cancelling_ends_whoever_waits_once(call, given_up):
    waiting = asyncio.ensure_future(asyncio.wait([call]))
    assert call.cancel()
    assert not call.cancel()
    async with asyncio.timeout(DEADLINE_S):
        await waiting
    assert given_up == ["p1"]
    assert repr(call) == "<Promise of api.ask rejected>"


async def test_cancelling_what_follows_cancels_the_call(call, given_up):
    call.then(str).finally_(print).cancel()
    assert given_up == ["p1"]


async def test_a_settled_promise_cannot_be_cancelled(call, given_up):
    call.resolve(1)
    assert not call.cancel()
    assert await call == 1
    assert given_up == []


async def test_a_call_out_of_time_is_given_up(call, given_up):
    call.expire_after(0.001)
    async with asyncio.timeout(DEADLINE_S):
        with pytest.raises(CallTimeoutError, match=r"api\.ask has not answered within 0\.001 s"):
            await call
    assert given_up == ["p1"]


async def test_an_answer_in_time_stops_the_clock(call, given_up):
    """The timer is gone from the loop: nothing is left to fire, and nothing is held by it."""
    call.expire_after(1000)
    await asyncio.to_thread(lambda: None)
    await asyncio.get_running_loop().run_in_executor(None, call.resolve, 1)
    assert await call == 1
    timer = call._timer
    async with asyncio.timeout(DEADLINE_S):
        while not timer.cancelled():
            await asyncio.to_thread(lambda: None)
    assert given_up == []


def test_a_thread_that_waits_is_woken_when_its_own_call_is_cancelled(given_up):
    promise = Promise("api.ask", now, None, given_up.append, "p1")
    call = running_call()
    with ThreadPoolExecutor() as pool:
        context = contextvars.copy_context()
        context.run(CALL.set, call)
        result = pool.submit(context.run, promise.result)
        deadline = time.monotonic() + DEADLINE_S
        while call.interrupt is None and time.monotonic() < deadline:
            threading.Event().wait(0.001)
        call.is_cancelled = True
        call.interrupt()
        with pytest.raises(asyncio.CancelledError):
            result.result(DEADLINE_S)
    assert given_up == ["p1"]
    assert call.interrupt is None


def test_a_call_that_is_cancelled_waits_for_nothing_more(given_up):
    promise = Promise("api.ask", now, None, given_up.append, "p1")
    context = contextvars.copy_context()
    call = running_call()
    call.is_cancelled = True
    context.run(CALL.set, call)
    with pytest.raises(asyncio.CancelledError):
        context.run(promise.result)
    assert given_up == ["p1"]


def running_call():
    request = messages.call_request(messages.method("us", "o1", "run", [], False))
    return IncomingCall(None, "them", len, request, {})


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
        promise.add_done_callback(lambda _: None)

    asyncio.run(ask())
    promise.resolve(1)
    assert promise.result() == 1


def test_it_says_what_it_is():
    promise = Promise("api.ask", now)
    assert repr(promise) == "<Promise of api.ask pending>"
    promise.resolve()
    assert repr(promise) == "<Promise of api.ask resolved>"

"""Calls that are given up, timed and listened to, in real workers."""

from __future__ import annotations

import asyncio

import pytest

from imjoy_wire.current import report
from imjoy_wire.errors import CallCancelledError
from support.plugin_process import DEADLINE_S


async def test_a_cancelled_coroutine_sees_it_and_the_caller_is_told(started):
    script = """
import asyncio
async def work(way):
    print('begun', way)
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        print('cancelled', way, api.is_cancelled())
        if way == 'stubborn':
            return 'done all the same'
        raise
async def inner():
    await work('inner')
api.export({'work': work, 'plain': lambda: inner(), 'echo': lambda value: value})
"""
    async with started() as engine:
        client = engine.clients["browser"]
        api = await client.start(script)
        calls = {"ready": api.work("ready"), "stubborn": api.work("stubborn"), "inner": api.plain()}
        for way, call in calls.items():
            await engine.printed(f"begun {way}")
            cancel(client, call)
            await engine.printed(f"cancelled {way} True")
            with pytest.raises(CallCancelledError, match="was cancelled"):
                await call
        assert await api.echo(1) == 1


async def test_a_coroutine_that_is_cancelled_before_it_begins_never_does(started):
    """The loop is busy while call and cancel arrive."""
    script = """
import threading
release = threading.Event()
async def compute():
    print('computing')
    assert release.wait(20)
async def work():
    print('begun')
def free():
    release.set()
api.export({'compute': compute, 'work': work, 'free': free})
"""
    async with started() as engine:
        client = engine.clients["browser"]
        api = await client.start(script)
        computing = api.compute()
        await engine.printed("computing")
        call = api.work()
        cancel(client, call)
        await api.free()
        await computing
        with pytest.raises(CallCancelledError, match="work was cancelled"):
            await call
        assert engine.out == ["computing\n"]


async def test_a_thread_is_marked_and_ends_when_it_looks(started):
    script = """
def work():
    print('begun')
    while not api.is_cancelled():
        threading.Event().wait(0.001)
    print('ending')
    return 'nobody wants it'
import threading
api.export({'work': work, 'asks': lambda: api.is_cancelled()})
"""
    async with started() as engine:
        client = engine.clients["browser"]
        api = await client.start(script)
        call = api.work()
        await engine.printed("begun")
        cancel(client, call)
        await engine.printed("ending")
        with pytest.raises(CallCancelledError):
            await call
        assert await api.asks() is False


async def test_a_thread_that_waits_for_another_call_is_woken(started):
    script = """
def work():
    try:
        api.never().result()
    except BaseException as error:
        print('woken by', type(error).__name__)
        raise
api.export({'work': work})
"""
    async with started(core={"never": forever}) as engine:
        client = engine.clients["browser"]
        api = await client.start(script)
        call = api.work()
        async with asyncio.timeout(DEADLINE_S):
            while not client.peer.remotes["worker"].running:
                await asyncio.to_thread(lambda: None)
        cancel(client, call)
        await engine.printed("woken by CancelledError")
        with pytest.raises(CallCancelledError):
            await call
        async with asyncio.timeout(DEADLINE_S):
            while client.peer.remotes["worker"].running:
                await asyncio.to_thread(lambda: None)


async def test_queued_calls_of_a_callback_that_are_cancelled_are_not_run(started):
    script = """
import threading
gate, seen = threading.Event(), []
def callback(number):
    print('at', number)
    assert gate.wait(20)
    seen.append(number)
api.export({'give': lambda: callback, 'open': gate.set, 'seen': lambda: seen})
"""
    async with started() as engine:
        client = engine.clients["browser"]
        api = await client.start(script)
        callback = await api.give()
        first, second, third = (callback(number) for number in range(3))
        await engine.printed("at 0")
        cancel(client, second)
        await api.open()
        with pytest.raises(CallCancelledError):
            await second
        await asyncio.gather(first, third)
        assert await api.seen() == [0, 2]


async def test_progress_reaches_the_caller_that_listens(started):
    script = """
import asyncio
from concurrent.futures import ThreadPoolExecutor
async def helper():
    api.report(3)
async def coroutine():
    for number in range(3):
        api.report(number, 'of three')
    await asyncio.ensure_future(helper())
    await asyncio.get_running_loop().run_in_executor(None, api.report, 4)
    return 'done'
def thread():
    api.report(0.5)
    return [api.report(lambda: None), api.is_cancelled()]
api.report('from the script, to nobody')
api.export({'coroutine': coroutine, 'thread': thread})
"""
    async with started() as engine:
        api = await engine.clients["browser"].start(script)
        heard = []
        listened = api.coroutine.with_options(on_progress=lambda *values: heard.append(values))
        assert await listened() == "done"
        assert heard == [(0, "of three"), (1, "of three"), (2, "of three"), (3,), (4,)]
        assert await api.coroutine() == "done"
        assert await api.thread.with_options(on_progress=heard.append)() == [None, False]
        assert heard[5] == 0.5
        assert callable(heard[6])


async def test_an_answer_comes_when_all_progress_before_it_was_heard(started):
    script = """
import threading
gate = threading.Event()
async def hears():
    heard = []
    def hear(value):
        gate.wait()
        heard.append(value)
    return [await api.tells.with_options(on_progress=hear)(), heard]
async def nothing():
    pass
api.export({'hears': hears, 'nothing': nothing, 'open': gate.set})
"""
    told = asyncio.Event()

    async def tells_and_says_so():
        await tells()
        told.set()

    async with started(core={"tells": tells_and_says_so}) as engine, asyncio.timeout(DEADLINE_S):
        api = await engine.clients["browser"].start(script)
        listening = api.hears()
        await told.wait()
        await api.nothing()  # behind the answer: that has come when this is answered
        await api.open()
        assert await listening == [None, [0, 1, 2]]


async def test_a_call_of_another_plugin_is_cancelled_and_timed_from_within(started):
    script = """
import asyncio
async def cancels():
    call = api.never()
    call.cancel()
    try:
        await call
    except asyncio.CancelledError:
        return call.cancelled()
async def times_out():
    try:
        await api.never.with_options(timeout_s=0.01)()
    except TimeoutError as error:
        return [type(error).__name__, str(error)]
def in_a_thread():
    try:
        api.never.with_options(timeout_s=0.01)().result()
    except TimeoutError as error:
        return [type(error).__name__, str(error)]
async def listens():
    heard = []
    await api.tells.with_options(on_progress=heard.append)()
    while len(heard) < 3:
        await asyncio.sleep(0)
    return heard
api.export({'cancels': cancels, 'times_out': times_out, 'in_a_thread': in_a_thread,
            'listens': listens})
"""
    async with started(core={"never": forever, "tells": tells}) as engine:
        client = engine.clients["browser"]
        api = await client.start(script)
        late = ["CallTimeoutError", "never has not answered within 0.01 s"]
        assert await api.cancels() is True
        assert await api.times_out() == late
        assert await api.in_a_thread() == late
        assert await api.listens() == [0, 1, 2]
        async with asyncio.timeout(DEADLINE_S):
            while client.peer.remotes["worker"].running:
                await asyncio.to_thread(lambda: None)


async def forever():
    await asyncio.Event().wait()


async def tells():
    for number in range(3):
        report(number)


def cancel(client, call):
    """Give a call up as a caller does, and hear all the same what becomes of it."""
    client.peer.send("worker", "cancel", call=f"{call.key}:resolve")

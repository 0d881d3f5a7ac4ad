"""The plugin's event loop, its pool, and order where order is expected."""

from __future__ import annotations

import asyncio
import contextvars
import threading

import pytest

from imjoy_worker.executors import Lanes, PluginLoop, PluginPool, step_aside
from imjoy_worker.promise import Promise

DEADLINE_S = 10


@pytest.fixture
def loop():
    loop = PluginLoop()
    runner = threading.Thread(target=loop.run_forever)
    runner.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    runner.join(DEADLINE_S)
    loop.close()


@pytest.fixture
def pool(loop):
    pool = PluginPool(loop)
    yield pool
    pool.shutdown()


def in_pool(pool, function, *args):
    return pool.submit(function, *args).result(DEADLINE_S)


def test_the_loop_of_a_pool_thread_is_the_plugins(loop, pool):
    assert in_pool(pool, asyncio.get_event_loop) is loop


def test_it_still_is_after_asyncio_run(loop, pool):
    async def nothing():
        return 1

    for _ in range(5):
        assert in_pool(pool, asyncio.run, nothing()) == 1
        assert in_pool(pool, asyncio.get_event_loop) is loop


@pytest.mark.parametrize("start", ["ensure_future", "create_task"])
def test_a_task_started_in_a_pool_thread_runs_in_the_loop(loop, pool, start):
    ran_in, done = [], threading.Event()

    async def work():
        ran_in.append(asyncio.get_running_loop())
        await asyncio.wait([loop.create_future()], timeout=0)
        done.set()

    def begin():
        begin = asyncio.ensure_future if start == "ensure_future" else loop.create_task
        return begin(work())

    in_pool(pool, begin)
    assert done.wait(DEADLINE_S)
    assert ran_in == [loop]


def test_run_until_complete_waits_in_a_pool_thread(loop, pool):
    async def answer():
        return 42

    assert in_pool(pool, lambda: asyncio.get_event_loop().run_until_complete(answer())) == 42
    promise = Promise("api.ask", loop.call_soon_threadsafe)
    waiting = pool.submit(lambda: asyncio.get_event_loop().run_until_complete(promise))
    promise.resolve("there")
    assert waiting.result(DEADLINE_S) == "there"


def test_run_coroutine_threadsafe_works_as_ever(loop, pool):
    async def answer():
        return 42

    def ask():
        return asyncio.run_coroutine_threadsafe(answer(), loop).result(DEADLINE_S)

    assert in_pool(pool, ask) == 42


def test_a_timer_set_in_a_pool_thread_fires_in_the_loop(loop, pool):
    fired, threads = threading.Event(), []

    def fire():
        threads.append(threading.get_ident())
        fired.set()

    stopped = in_pool(pool, lambda: loop.call_later(0.001, fired.set))
    stopped.cancel()
    in_pool(pool, lambda: loop.call_later(0.002, fire))
    assert fired.wait(DEADLINE_S)
    assert len(threads) == 1
    assert threads[0] != threading.get_ident()


def test_run_in_executor_uses_the_pool(loop, pool):
    loop.set_default_executor(pool)

    async def name():
        return await loop.run_in_executor(None, lambda: threading.current_thread().name)

    ran_in = asyncio.run_coroutine_threadsafe(name(), loop).result(DEADLINE_S)
    assert ran_in.startswith("plugin")


def test_a_job_sees_the_context_of_who_gave_it(pool):
    variable = contextvars.ContextVar("variable", default=0)
    variable.set(7)
    assert in_pool(pool, variable.get) == 7


def test_a_lane_keeps_the_order(pool):
    lanes, seen, done = Lanes(pool), [], threading.Event()
    for number in range(200):
        lanes.submit("key", lambda number=number: seen.append(number))
    lanes.submit("key", done.set)
    assert done.wait(DEADLINE_S)
    assert seen == list(range(200))


def test_lanes_do_not_wait_for_each_other(pool):
    lanes, passed, ended = Lanes(pool), threading.Event(), threading.Event()

    def wait():
        assert passed.wait(DEADLINE_S)
        ended.set()

    lanes.submit("first", wait)
    lanes.submit("second", passed.set)
    assert ended.wait(DEADLINE_S)


def test_a_job_that_waits_lets_the_next_begin(pool):
    lanes, promise = Lanes(pool), Promise("api.ask", lambda *_: None)
    ended = threading.Event()

    def wait():
        promise.result(DEADLINE_S)
        ended.set()

    lanes.submit("key", wait)
    lanes.submit("key", promise.resolve)
    assert ended.wait(DEADLINE_S)


def test_a_lane_goes_on_after_a_job_has_failed(pool):
    lanes, done = Lanes(pool), threading.Event()
    lanes.submit("key", lambda: 1 / 0)
    lanes.submit("key", done.set)
    assert done.wait(DEADLINE_S)


def test_nothing_is_left_of_a_lane_without_jobs(loop):
    pool = PluginPool(loop)
    lanes, promise = Lanes(pool), Promise("api.ask", lambda *_: None)
    for key in range(50):
        lanes.submit(key, lambda: None)
        lanes.submit(key, lambda: promise.result(DEADLINE_S))
    assert len(lanes) > 0
    promise.resolve()
    pool.shutdown()
    assert len(lanes) == 0


def test_stepping_aside_outside_of_a_lane_is_nothing():
    step_aside()


def test_what_is_read_begins_at_once_but_behind_what_has_its_turn_before():
    loop = PluginLoop()
    begun, seen_while_reading = [], []

    async def note(name):
        begun.append((name, asyncio.current_task() is not None))
        await asyncio.wait([loop.create_future()], timeout=0)

    def read():
        loop.is_reading = True
        tasks = [loop.create_call_task(note("first")), loop.create_call_task(note("second"))]
        loop.call_soon(begun.append, "between")
        tasks.append(loop.create_call_task(note("third")))
        loop.is_reading = False
        seen_while_reading.extend(begun)
        loop.begin_read()
        seen_while_reading.append(list(begun))
        asyncio.gather(*tasks).add_done_callback(lambda _: loop.stop())

    loop.call_soon(read)
    loop.run_forever()
    loop.close()
    assert seen_while_reading == [[("first", True), ("second", True)]]
    assert begun == [("first", True), ("second", True), "between", ("third", True)]


def test_tasks_of_a_plugins_own_kind_begin_when_it_says():
    loop = PluginLoop()
    begun, seen = [], []

    async def note():
        begun.append(1)

    def read():
        loop.is_reading = True
        task = loop.create_call_task(note())
        loop.is_reading = False
        loop.begin_read()
        seen.extend(begun)
        task.add_done_callback(lambda _: loop.stop())

    loop.set_task_factory(lambda its_loop, work, **options: asyncio.Task(work, loop=its_loop))
    loop.call_soon(read)
    loop.run_forever()
    loop.close()
    assert (seen, begun) == ([], [1])

"""Where a plain function runs: what may be chosen, and how."""

from __future__ import annotations

import functools
from concurrent.futures import ThreadPoolExecutor

import pytest

from imjoy_engine.plugins import manifest
from imjoy_wire.errors import RemoteError
from imjoy_worker.choice import EXECUTORS, checked, executor, is_async, own_choice


async def coroutine_function(_number=0):
    pass


class Callable:
    async def __call__(self):
        pass

    async def method(self):
        pass


def test_what_makes_a_coroutine_is_told_from_what_does_not():
    assert is_async(coroutine_function)
    assert is_async(functools.partial(functools.partial(coroutine_function, 1), 2))
    assert is_async(Callable())
    assert is_async(Callable().method)
    assert not is_async(Callable)
    assert not is_async(print)
    assert not is_async(lambda: coroutine_function())
    assert not is_async(3)


def test_the_engine_and_the_worker_know_the_same_names():
    assert set(EXECUTORS) == set(manifest._EXECUTORS)


def test_a_choice_is_a_known_name_or_an_executor():
    with ThreadPoolExecutor(1) as pool:
        assert checked(pool) is pool
    for name in EXECUTORS:
        assert checked(name) == name
    for wrong in ("threads", None, 3, ThreadPoolExecutor):
        with pytest.raises(ValueError, match="'thread', 'main-thread', 'process'"):
            checked(wrong)


def test_a_decorated_function_is_itself_and_says_where_it_runs():
    def plain():
        return 1

    assert executor("process")(plain) is plain
    assert own_choice(plain) == "process"
    assert own_choice(functools.partial(plain)) == "process"
    assert own_choice(print) is None
    assert own_choice(3) is None


def test_a_coroutine_has_no_other_place():
    with pytest.raises(TypeError, match="coroutine_function is an async def"):
        executor("thread")(coroutine_function)


MAIN_THREAD = """
import asyncio, threading
main = threading.main_thread()
def here():
    return threading.current_thread() is main
class Object:
    def method(self):
        return here()
def give():
    return {'_rintf': True, 'method': Object().method, 'callback': here}
@api.executor('thread')
def beside():
    return here()
async def coroutine():
    return here()
def asks():
    return here(), api.echo('answered').result(20)
async def in_executor():
    return await asyncio.get_running_loop().run_in_executor(None, here)
def fails():
    raise KeyError('x')
def later():
    return coroutine()
def leave():
    print('left in main:', here())
api.export({'setup': here, 'run': here, 'give': give, 'beside': beside, 'coroutine': coroutine,
            'asks': asks, 'in_executor': in_executor, 'fails': fails, 'later': later,
            'exit': leave})
"""


async def test_every_plain_function_may_run_in_the_main_thread(started):
    async with started(plugin={"executor": "main-thread"}) as engine:
        api = await engine.clients["browser"].start(MAIN_THREAD)
        assert [await api.setup(), await api.run(), await api.coroutine()] == [True] * 3
        given = await api.give()
        assert [await given.method(), await given.callback()] == [True, True]
        assert await api.beside() is False
        assert await api.asks() == [True, "answered"]
        assert await api.in_executor() is False
        assert await api.later() is True
        with pytest.raises(RemoteError, match="x"):
            await api.fails()
        engine.control("shutdown", {"grace_s": 5})
        await engine.printed("left in main: True")
        assert await engine.exit_code() == 0


async def test_another_function_answers_while_the_main_thread_computes(started):
    script = """
import threading
release = threading.Event()
@api.executor('main-thread')
def compute():
    print('computing')
    assert release.wait(20)
    return 'done'
api.export({'compute': compute, 'release': release.set})
"""
    async with started() as engine:
        api = await engine.clients["browser"].start(script)
        computing = api.compute()
        await engine.printed("computing")
        await api.release()
        assert await computing == "done"


async def test_one_function_may_run_in_a_process(started):
    script = """
import os
def plain():
    return os.getpid()
@api.executor('process')
def heavy():
    return os.getpid()
class Plugin:
    @api.executor('process')
    def method(self):
        return os.getpid()
    def run(self):
        return os.getpid()
api.export(Plugin())
def more():
    api.export({'plain': plain, 'heavy': heavy, 'give': lambda: heavy})
"""
    async with started() as engine:
        browser = engine.clients["browser"]
        api = await browser.start(script)
        worker = engine.process.pid
        assert await api.run() == worker
        assert await api.method() != worker
        await browser.execute("more()")
        api = await browser.interface()
        assert await api.plain() == worker
        assert await api.heavy() != worker
        callback = await api.give()
        assert await callback() != worker


async def test_an_executor_of_the_plugins_own(started):
    """For all that is exported, for one function, and of kinds that we know nothing of."""
    script = """
import asyncio, os, threading
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
import multiprocessing

class Counting(Executor):
    count = 0
    def submit(self, function, *args, **kwargs):
        self.count += 1
        future = Future()
        try:
            future.set_result(function(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future

counting = Counting()
own = ThreadPoolExecutor(1, 'mine')
loop = asyncio.get_event_loop()
def name():
    assert asyncio.get_event_loop() is loop
    return threading.current_thread().name.split('_')[0], api.echo('there').result(20)
@api.executor(counting)
def counted(fails=False):
    return 1 / (not fails)
def setup():
    return threading.current_thread().name.split('_')[0]
async def in_executor():
    return await loop.run_in_executor(None, lambda: threading.current_thread().name.split('_')[0])
elsewhere = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context('spawn'))
def pid():
    return os.getpid()
def pid_elsewhere():
    return os.getpid()
api.executor(elsewhere)(pid_elsewhere)
api.export({'name': name, 'counted': counted, 'count': lambda: counting.count, 'setup': setup,
            'in_executor': in_executor, 'pid': pid, 'pid_elsewhere': pid_elsewhere},
           {'executor': own})
"""
    async with started() as engine:
        api = await engine.clients["browser"].start(script)
        assert await api.name() == ["mine", "there"]
        assert await api.in_executor() == "mine"
        assert await api.setup() == "plugin"
        assert await api.counted() == 1
        with pytest.raises(RemoteError, match="division") as failed:
            await api.counted(True)
        assert "in counted" in failed.value.trace
        assert await api.count() == 2
        assert await api.pid() == engine.process.pid
        assert await api.pid_elsewhere() != engine.process.pid


async def test_a_wrong_choice_names_the_known_ones(started):
    async with started() as engine:
        browser = engine.clients["browser"]
        await browser.greet()
        for script in (
            "@api.executor('gpu')\ndef f(): pass",
            "api.export({'f': print}, {'executor': 'gpu'})",
        ):
            with pytest.raises(RemoteError, match="'gpu' is no executor: choose one of 'thread'"):
                await browser.execute(script)

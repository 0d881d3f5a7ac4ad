"""Functions that run in processes of their own."""

from __future__ import annotations

import asyncio
import os
import signal

import numpy as np
import pytest

from imjoy_wire.errors import CallCancelledError, RemoteError
from support.pids import ended
from support.plugin_process import DEADLINE_S, running_worker

PLUGIN = """
import os, sys
import threading

class Plugin:
    def __init__(self):
        self.factor = 2

    def setup(self):
        return os.getpid()

    def where(self):
        return os.getpid()

    @api.executor("thread")
    def home(self):
        return os.getpid()

    async def loop(self):
        return os.getpid()

    def times(self, value, by=None):
        return value * (self.factor if by is None else by)

    def fail(self, key):
        try:
            {}[key]
        except KeyError as error:
            raise ValueError("no " + key) from error

    def die(self, number):
        os.kill(os.getpid(), number)

    def leave(self):
        os._exit(3)

    def tell(self):
        for number in range(3):
            api.report(number, "of three")
        return api.is_cancelled()

    def compute(self):
        print("computing")
        while True:
            pass

    def nonsense(self):
        return threading.Lock()

api.export(Plugin())
"""


@pytest.fixture
def processes(started):
    """Starts a worker whose plugin has chosen processes."""
    return lambda **options: started(plugin={"executor": "process"}, **options)


async def test_exported_functions_run_in_processes_and_what_is_about_the_plugin_does_not(processes):
    async with processes() as engine:
        api = await engine.clients["browser"].start(PLUGIN)
        worker = engine.process.pid
        assert await api.setup() == worker
        assert await api.home() == worker
        assert await api.loop() == worker
        assert await api.where() != worker
        assert engine.err == []


async def test_every_interpreter_has_processes(short_dir, program, interpreter):
    command = [interpreter, "-s", "-u", str(program)]
    async with running_worker(short_dir, command, plugin={"executor": "process"}) as engine:
        api = await engine.clients["browser"].start(PLUGIN)
        async with asyncio.timeout(DEADLINE_S):
            assert await api.where() != engine.process.pid
            assert await api.times([1], by=2) == [1, 1]
            with pytest.raises(RemoteError, match="no x"):
                await api.fail("x")
            with pytest.raises(RemoteError, match="SIGKILL"):
                await api.die(9)
            assert await api.times("ab") == "abab"
        assert engine.err == []


async def test_calls_run_side_by_side_and_processes_are_used_again(processes):
    """Each of two calls can only end when the other runs."""
    script = """
import os
def meet(first, second):
    with open(first, 'w'): pass
    while not os.path.exists(second): pass
    return os.getpid()
api.export({'meet': meet})
"""
    async with processes() as engine:
        api = await engine.clients["browser"].start(script)
        if len(os.sched_getaffinity(0)) == 1:
            return  # as many processes as cores: nobody to meet
        async with asyncio.timeout(DEADLINE_S):
            pids = await asyncio.gather(api.meet("a", "b"), api.meet("b", "a"))
            again = {await api.meet("a", "b") for _ in range(4)}
        assert len(set(pids)) == 2
        assert again <= set(pids)


async def test_values_go_there_and_back(processes):
    async with processes() as engine:
        api = await engine.clients["browser"].start("import numpy\n" + PLUGIN)
        image = np.arange(12, dtype="float32").reshape(3, 4)
        np.testing.assert_array_equal(await api.times(image), image * 2)
        np.testing.assert_array_equal(await api.times(image, by=3), image * 3)
        large = np.ones((4, 1024, 1024), "uint8")
        assert (await api.times(large)).sum() == 2 * large.size
        assert await api.times([b"x", {"a": 1.5}], 2) == [b"x", {"a": 1.5}] * 2


async def test_arrays_that_arrive_in_a_process_may_be_changed(processes):
    script = """
import numpy
def brighten(image):
    image += 1
    return image
api.export({'brighten': brighten})
"""
    async with processes() as engine:
        api = await engine.clients["browser"].start(script)
        np.testing.assert_array_equal(await api.brighten(np.zeros(3)), np.ones(3))


async def test_an_error_keeps_its_name_its_lines_and_its_cause(processes):
    async with processes() as engine:
        api = await engine.clients["browser"].start(PLUGIN, filename="My.imjoy.html", line=101)
        with pytest.raises(RemoteError, match="no x") as failed:
            await api.fail("x")
        assert failed.value.name == "ValueError"
        assert 'File "My.imjoy.html", line 129, in fail' in failed.value.trace
        assert 'raise ValueError("no " + key) from error' in failed.value.trace
        assert "The above exception was the direct cause" in failed.value.trace
        assert "imjoy_worker" not in failed.value.trace
        assert failed.value.cause.name == "KeyError"


@pytest.mark.parametrize(
    ("death", "words"),
    [
        (lambda api: api.die(int(signal.SIGSEGV)), "Plugin.die was killed by SIGSEGV"),
        (lambda api: api.die(int(signal.SIGKILL)), "killed by SIGKILL, as the system does"),
        (lambda api: api.leave(), "Plugin.leave ended with exit code 3"),
    ],
)
async def test_a_process_that_dies_is_told_and_replaced(processes, death, words):
    async with processes() as engine:
        api = await engine.clients["browser"].start(PLUGIN)
        for _ in range(3):
            with pytest.raises(RemoteError, match=words) as failed:
                await death(api)
            assert failed.value.name == "ProcessDiedError"
            assert await api.times(4) == 8


async def test_a_death_is_no_others_business(processes):
    script = """
import os
def wait(path):
    print('waiting')
    while not os.path.exists(path): pass
    return 'done'
def leave(path):
    os._exit(1)
@api.executor('thread')
def open_gate(path):
    with open(path, 'w'): pass
api.export({'wait': wait, 'leave': leave, 'open_gate': open_gate})
"""
    async with processes() as engine:
        api = await engine.clients["browser"].start(script)
        if len(os.sched_getaffinity(0)) == 1:
            return
        waiting = api.wait("gate")
        await engine.printed("waiting")
        with pytest.raises(RemoteError, match="exit code 1"):
            await api.leave("gate")
        assert not waiting.done()
        await api.open_gate("gate")
        async with asyncio.timeout(DEADLINE_S):
            assert await waiting == "done"


async def test_what_cannot_be_sent_is_named(processes):
    script = """
import threading
class Plugin:
    def __init__(self):
        self.lock = threading.Lock()
    def locked(self):
        pass
class Free:
    def take(self, first, second=None):
        pass
    def give(self):
        return threading.Lock()
inner = lambda: None
api.export({'locked': Plugin().locked, 'take': Free().take, 'give': Free().give, 'inner': inner})
"""
    async with processes() as engine:
        api = await engine.clients["browser"].start(script)
        for call, words in (
            (lambda: api.locked(), "Plugin.locked runs in a process, and the function itself "),
            (
                lambda: api.take(1, print),
                r"argument 2 \(RemoteFunction\).*functions of others stay",
            ),
            (lambda: api.take(1, second=print), r"argument 'second'"),
            (lambda: api.give(), r"its result \(lock\) cannot be sent"),
            (lambda: api.inner(), "the function itself"),
        ):
            with pytest.raises(RemoteError, match=words) as failed:
                await call()
            assert failed.value.name == "UnsendableToProcessError"


async def test_the_script_runs_again_in_each_process_without_a_page(processes):
    """`api` has its values there, exports nothing again, and says that it cannot call."""
    script = """
import os
from imjoy import api
from imjoy_rpc import api as other
api.log('loading')
title = api.getConfig('title')
def values():
    return [api.TAG, api.config.name, api.WORK_DIR == os.getcwd(), api is other, __name__,
            values.__module__, callable(api.utils.ndarray), api['TAG'], api.get('TAG')]
def shows():
    api.showStatus('working')
def asks():
    return api.prompt('Who?').result(5)
api.export({'values': values, 'shows': shows, 'asks': asks})
"""
    async with processes(core={"log": lambda text: None, "getConfig": lambda name: None}) as engine:
        api = await engine.clients["browser"].start(script)
        seen = await api.values()
        assert seen == [
            *("CPU", "Trial", True, True, "imjoy_plugin", "imjoy_plugin", True, "CPU", "CPU"),
        ]
        with pytest.raises(RemoteError, match=r"api\.prompt cannot be called in a process"):
            await api.asks()
        assert engine.err == []
        assert await api.shows() is None
        await engine.printed("api.showStatus cannot be called in a process", engine.err)


async def test_a_later_script_is_known_to_processes_that_were_there(processes):
    async with processes() as engine:
        browser = engine.clients["browser"]
        api = await browser.start("def f():\n    return 1\napi.export({'f': f})")
        assert await api.f() == 1
        await browser.execute("def g():\n    return f() + 1\napi.export({'g': g})")
        api = await browser.interface()
        assert await api.g() == 2


async def test_a_script_that_fails_only_there_is_told(processes):
    script = """
import os
def f():
    pass
if os.getpid() != int(open('pid').read() if os.path.exists('pid') else os.getpid()):
    raise OSError('only there')
with open('pid', 'w') as file:
    file.write(str(os.getpid()))
api.export({'f': f})
"""
    async with processes() as engine:
        api = await engine.clients["browser"].start(script)
        with pytest.raises(RemoteError, match="only there"):
            await api.f()


async def test_run_in_executor_uses_the_same_processes(processes):
    script = """
import asyncio, os, threading
def where():
    return os.getpid()
def fail():
    raise KeyError('x')
async def ask():
    loop = asyncio.get_running_loop()
    there = await loop.run_in_executor(None, where)
    here = await loop.run_in_executor(None, lambda: os.getpid())
    try:
        await loop.run_in_executor(None, fail)
    except KeyError as error:
        return there, here, str(error), error.__cause__.trace
api.export({'ask': ask, 'where': where})
"""
    async with processes() as engine:
        api = await engine.clients["browser"].start(script)
        there, here, error, trace = await api.ask()
        assert there == await api.where()
        assert here == engine.process.pid
        assert error == "'x'"
        assert "in fail" in trace


async def test_processes_end_with_the_worker_however_it_ends(processes):
    script = """
import os, time
def where():
    return os.getpid()
def busy():
    print('busy in', os.getpid(), 'end')
    time.sleep(1000)
api.export({'where': where, 'busy': busy})
"""
    async with processes() as engine:
        api = await engine.clients["browser"].start(script)
        idle = await api.where()
        api.busy()
        line = await engine.printed("busy in")
        engine.process.kill()
        await engine.exit_code()
        for pid in (idle, int(line.split()[2])):
            await ended(pid)


async def test_processes_end_when_the_plugin_is_told_to_leave(processes):
    async with processes() as engine:
        api = await engine.clients["browser"].start(PLUGIN)
        child = await api.where()
        engine.control("shutdown", {"grace_s": 5})
        assert await engine.exit_code() == 0
        await ended(child)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
async def test_a_pool_of_the_plugins_own_finds_its_functions(started, method):
    script = """
import multiprocessing, os
from concurrent.futures import ProcessPoolExecutor
class Point:
    def __init__(self, x):
        self.x = x
def move(point):
    return Point(point.x + 1), os.getpid()
def run(method):
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        point, pid = pool.submit(move, Point(1)).result(20)
    return [isinstance(point, Point), point.x, pid != os.getpid()]
api.export({'run': run})
"""
    async with started() as engine:
        api = await engine.clients["browser"].start(script)
        assert await api.run(method) == [True, 2, True]


async def test_progress_comes_out_of_a_process(processes):
    async with processes() as engine:
        api = await engine.clients["browser"].start(PLUGIN)
        heard = []
        tell = api.tell.with_options(on_progress=lambda *values: heard.append(values))
        assert await tell() is False
        assert heard == [(0, "of three"), (1, "of three"), (2, "of three")]
        assert await api.tell() is False
        assert len(heard) == 3


async def test_a_cancelled_call_ends_its_process_and_the_next_gets_another(processes):
    async with processes() as engine:
        client = engine.clients["browser"]
        api = await client.start(PLUGIN)
        before = await api.where()
        call = api.compute()
        await engine.printed("computing")
        client.peer.send("worker", "cancel", call=f"{call.key}:resolve")
        with pytest.raises(CallCancelledError, match="compute was cancelled"):
            await call
        assert await api.where() != before
        await ended(before)
        assert engine.err == []

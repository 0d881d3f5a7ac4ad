"""Where a call runs."""

from __future__ import annotations

import asyncio

import pytest

from imjoy_wire.errors import RemoteError
from support.plugin_process import DEADLINE_S


async def test_coroutines_run_in_the_loop_and_plain_functions_in_threads(started):
    script = """
import asyncio, threading
main = threading.main_thread()
def plain():
    return threading.current_thread() is main, asyncio.get_event_loop() is loop
async def coroutine():
    return threading.current_thread() is main, asyncio.get_running_loop() is loop
class Callable:
    async def __call__(self):
        return await coroutine()
loop = asyncio.get_event_loop()
api.export({'plain': plain, 'coroutine': coroutine, 'callable': Callable().__call__,
            'script': lambda: script})
script = threading.current_thread() is main
"""
    async with started() as engine:
        api = await engine.clients["browser"].start(script)
        assert await api.plain() == [False, True]
        assert await api.coroutine() == [True, True]
        assert await api["callable"]() == [True, True]
        assert await api.script() is True


async def test_calls_do_not_wait_for_each_other(started):
    """Each of these can only end when the one after it has run."""
    script = """
import asyncio, threading
gate, door = threading.Event(), None
def plain():
    assert gate.wait(20)
    return 'plain'
async def coroutine():
    global door
    door = asyncio.get_running_loop().create_future()
    print('at the door')
    return await door
def open_gate():
    gate.set()
async def open_door():
    door.set_result('coroutine')
api.export({'plain': plain, 'coroutine': coroutine, 'open_gate': open_gate, 'open_door': open_door})
"""
    async with started() as engine:
        api = await engine.clients["browser"].start(script)
        waiting = [api.plain() for _ in range(20)]
        door = api.coroutine()
        await engine.printed("at the door")
        await api.open_door()
        async with asyncio.timeout(DEADLINE_S):
            assert await door == "coroutine"
            assert not any(each.done() for each in waiting)
            await api.open_gate()
            assert await asyncio.gather(*waiting) == ["plain"] * 20


async def test_a_plain_function_answers_while_the_loop_computes(started):
    script = """
import threading
release = threading.Event()
async def compute():
    print('computing')
    assert release.wait(20)
def ask():
    return api.echo('answered').result(20)
api.export({'compute': compute, 'ask': ask, 'release': release.set})
"""
    async with started() as engine:
        api = await engine.clients["browser"].start(script)
        computing = api.compute()
        await engine.printed("computing")
        assert await api.ask() == "answered"
        await api.release()
        await computing


async def test_calls_of_one_plain_callback_keep_their_order(started):
    script = """
seen = []
def callback(number):
    seen.append(number)
def give():
    return callback
api.export({'give': give, 'seen': lambda: seen})
"""
    async with started() as engine:
        api = await engine.clients["browser"].start(script)
        callback = await api.give()
        await asyncio.gather(*(callback(number) for number in range(500)))
        assert await api.seen() == list(range(500))


async def test_a_callback_that_waits_for_itself_is_called_again(started):
    script = """
def step(number):
    return number if number == 0 else api.again(step, number - 1).result(20)
api.export({'run': lambda: api.again(step, 3).result(20)})
"""
    async with started(core={"again": lambda function, number: function(number)}) as engine:
        api = await engine.clients["browser"].start(script)
        assert await api.run() == 0


async def test_what_a_plain_function_returns_may_have_to_be_awaited(started):
    script = """
async def work():
    return await api.echo(1) + 1
api.export({'coroutine': lambda: work(), 'promise': lambda: api.echo(5),
            'fails': lambda: api.fail(), 'done': lambda: api.echo(3).then(lambda n: n * 2)})
"""

    def fail():
        raise ValueError("no")

    async with started(core={"echo": lambda value: value, "fail": fail}) as engine:
        api = await engine.clients["browser"].start(script)
        assert await api.coroutine() == 2
        assert await api.promise() == 5
        assert await api.done() == 6
        with pytest.raises(RemoteError, match="no"):
            await api.fails()


async def test_an_error_shows_the_plugins_lines_only(started):
    script = """
def fail():
    raise KeyError('plain')
async def fail_later():
    try:
        await api.fail()
    except Exception as error:
        raise ValueError('later') from error
api.export({'fail': fail, 'fail_later': fail_later})
"""

    def fail():
        raise LookupError("in the core")

    async with started(core={"fail": fail}) as engine:
        api = await engine.clients["browser"].start(script, filename="My.imjoy.html", line=101)
        for function, name, line in (
            (api.fail, "KeyError", 103),
            (api.fail_later, "ValueError", 108),
        ):
            with pytest.raises(RemoteError) as failed:
                await function()
            assert failed.value.name == name
            assert f'File "My.imjoy.html", line {line}' in failed.value.trace
            assert "imjoy_worker" not in failed.value.trace
        assert failed.value.trace.index("in the core") < failed.value.trace.index("direct cause")
        assert 'File "My.imjoy.html", line 106, in fail_later' in failed.value.trace
        cause = failed.value.cause
        assert cause.name == "LookupError"
        assert "in the core" in str(cause)


async def test_an_error_that_nobody_waits_for_is_printed(started):
    async with started() as engine:
        browser = engine.clients["browser"]
        api = await browser.start("def fail():\n    1 / 0\napi.export({'fail': fail})")
        tree = api.fail.tree
        browser.peer.send(
            "worker", "method", object_id=tree["_rintf"], name="fail", args=[], target_id="worker"
        )
        await engine.printed("Error in fail", engine.err)
        await engine.printed("line 2, in fail", engine.err)


async def test_the_engine_is_told_what_a_call_has_raised(started):
    script = "def fail(n):\n    raise ValueError('x' * n)\napi.export({'fail': fail})"
    async with started() as engine:
        api = await engine.clients["browser"].start(script)
        for length in (3, 100_000):
            with pytest.raises(RemoteError):
                await api.fail(length)
        texts = [body["text"] for kind, body in engine.told if kind == "raised"]
        assert texts[0].startswith("fail()\nTraceback")
        assert "line 2, in fail" in texts[0]
        assert texts[0].endswith("ValueError: xxx\n")
        assert len(texts[1]) < 10_000
        assert engine.err == []


async def test_wrong_arguments_are_an_error_of_the_call(started):
    async with started() as engine:
        api = await engine.clients["browser"].start("api.export({'one': lambda a: a})")
        with pytest.raises(RemoteError, match="argument"):
            await api.one(1, 2)
        with pytest.raises(RemoteError, match="unexpected keyword"):
            await engine.clients["browser"].peer.remotes["worker"].interface.one(1, b=2)


IN_THE_WILD = {
    "waits for a call": "return api.echo(42).result()",
    "waits at most so long": "return api.echo(42).result(20)",
    "sends and forgets": "api.note(42)\nreturn 42",
    "chains": """
arrived = threading.Event()
seen = []
def take(value):
    seen.append(value)
    arrived.set()
api.echo(42).then(take).catch(print)
assert arrived.wait(20)
return seen[0]""",
    "catches": """
arrived = threading.Event()
api.fail().then(print).catch(lambda error: arrived.set())
assert arrived.wait(20)
return 42""",
    "makes a task": """
async def ask():
    return await api.echo(42)
return asyncio.ensure_future(ask())""",
    "makes a task and leaves it": """
arrived = threading.Event()
async def ask():
    await api.echo(1)
    arrived.set()
asyncio.ensure_future(ask())
assert arrived.wait(20)
return 42""",
    "asks the loop for a task": """
async def ask():
    return await api.echo(42)
loop = asyncio.get_event_loop()
assert loop is plugin_loop and loop.is_running()
return loop.create_task(ask())""",
    "runs a coroutine in the loop and waits": """
async def ask():
    return await api.echo(42)
return asyncio.run_coroutine_threadsafe(ask(), asyncio.get_event_loop()).result(20)""",
    "waits in the way of scripts": """
async def ask():
    return await api.echo(42)
return asyncio.get_event_loop().run_until_complete(ask())""",
    "has a loop of its own": """
async def ask():
    return await api.echo(42)
return asyncio.run(ask())""",
    "calls the loop back": """
arrived = threading.Event()
asyncio.get_event_loop().call_soon_threadsafe(arrived.set)
assert arrived.wait(20)
return 42""",
    "uses the pool": """
future = asyncio.get_event_loop().run_in_executor(None, lambda: api.echo(42).result(20))
async def wait():
    return await future
return wait()""",
    "has threads": """
seen = []
def ask():
    seen.append(api.echo(42).result(20))
threads = [threading.Thread(target=ask) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert len(seen) == 4
return seen[0]""",
    "reports from threads": """
threads = [threading.Thread(target=api.note, args=[n]) for n in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
return 42""",
    "has a pool of threads": """
with ThreadPoolExecutor(2) as pool:
    return max(pool.map(lambda n: api.echo(n).result(20), [42, 1]))""",
    "has a pool of processes": """
with ProcessPoolExecutor(2) as pool:
    return max(pool.map(double, [21, 1]))""",
    "has processes": """
with multiprocessing.Pool(2) as pool:
    return max(pool.map(double, [21, 1]))""",
    "starts programs": """
done = subprocess.run([sys.executable, '-c', 'print(42)'], stdout=subprocess.PIPE)
return int(done.stdout)""",
    "starts programs in the loop": """
async def ask():
    process = await asyncio.create_subprocess_exec(
        sys.executable, '-c', 'print(42)', stdout=subprocess.PIPE)
    return int((await process.communicate())[0])
return asyncio.ensure_future(ask())""",
    "takes keywords": "return api.named(value=42).result(20)",
    "gives callbacks": "return api.apply(lambda n: n + 1, 41).result(20)",
}


@pytest.mark.parametrize("habit", list(IN_THE_WILD))
async def test_what_public_plugins_do_in_plain_functions(started, habit):
    body = "\n    ".join(IN_THE_WILD[habit].strip().split("\n"))
    script = f"""
import asyncio, multiprocessing, subprocess, sys, threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from imjoy import api
plugin_loop = asyncio.get_event_loop()
def double(n):
    return 2 * n
def run(ctx):
    {body}
api.export({{'run': run}})
"""
    noted = []

    def fail():
        raise ValueError("no")

    core = {
        "echo": lambda value: value,
        "note": noted.append,
        "fail": fail,
        "named": lambda value=None: value,
        "apply": lambda function, value: function(value),
    }
    async with started(core=core) as engine:
        api = await engine.clients["browser"].start(script)
        async with asyncio.timeout(DEADLINE_S):
            assert await api.run({"config": {}, "data": {}}) == 42
        # What was sent before the answer has come before it.
        assert len(noted) == {"sends and forgets": 1, "reports from threads": 4}.get(habit, 0)
        assert engine.err == []

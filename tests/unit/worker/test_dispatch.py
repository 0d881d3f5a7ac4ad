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


async def test_wrong_arguments_are_an_error_of_the_call(started):
    async with started() as engine:
        api = await engine.clients["browser"].start("api.export({'one': lambda a: a})")
        with pytest.raises(RemoteError, match="argument"):
            await api.one(1, 2)
        with pytest.raises(RemoteError, match="unexpected keyword"):
            await engine.clients["browser"].peer.remotes["worker"].interface.one(1, b=2)

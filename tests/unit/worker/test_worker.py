"""A plugin in its own process, as its clients see it."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from imjoy_wire.errors import PeerGoneError, RemoteError
from imjoy_wire.frames import Frame
from support.plugin_process import DEADLINE_S, WORKER_ID, running_worker

ECHO = """
from imjoy import api

class Plugin:
    def setup(self):
        self.n = 1

    async def run(self, ctx):
        return ctx.config.name

    def add(self, a, b=0):
        return a + b

    async def call(self, function, times):
        for number in range(times):
            await function(number)
        return times

    def counter(self):
        state = {"n": 0}
        def step():
            state["n"] += 1
            return state["n"]
        return step

api.export(Plugin())
"""


async def test_a_plugin_starts_and_answers(short_dir, program, interpreter):
    """Everything that a plugin needs, on every interpreter of the machine."""
    script = ECHO + (
        "import asyncio, sys\n"
        "print('on', *sys.version_info[:2])\n"
        "loop = asyncio.get_event_loop()\n"
        "def spawn():\n"
        "    async def work():\n"
        "        return await api.echo([1, 2])\n"
        "    return asyncio.run_coroutine_threadsafe(work(), asyncio.get_event_loop()).result()\n"
        "async def gather():\n"
        "    spawned = loop.run_in_executor(None, spawn)\n"
        "    return await asyncio.gather(api.echo(1), api.echo(2), spawned)\n"
        "def fail():\n"
        "    raise KeyError('x')\n"
        "def nested():\n"
        "    return asyncio.ensure_future(gather(), loop=loop)\n"
        "api.export({'gather': gather, 'spawn': spawn, 'fail': fail, 'nested': nested})\n"
    )
    command = [interpreter, "-s", "-u", str(program)]
    async with running_worker(short_dir, command) as engine:
        browser = engine.clients["browser"]
        api = await browser.start(script)
        async with asyncio.timeout(DEADLINE_S):
            assert await api.spawn() == [1, 2]
            assert await api.gather() == [1, 2, [1, 2]]
            assert await api.nested() == [1, 2, [1, 2]]
            with pytest.raises(RemoteError) as failed:
                await api.fail()
        assert failed.value.name == "KeyError"
        assert "in fail" in failed.value.trace
        await engine.printed("on 3 ")
        engine.control("shutdown", {"grace_s": 5})
        assert await engine.exit_code() == 0
        assert engine.err == []
    assert engine.hello["python"].startswith("3.")


async def test_calls_with_everything_in_them(started):
    async with started() as engine:
        api = await engine.clients["browser"].start(ECHO)
        assert await api.setup() is None
        assert await api.run({"config": {"name": "x"}}) == "x"
        assert await api.add(1, b=2) == 3
        assert await api.add(b"ab", b"c") == b"abc"
        seen = []
        assert await api.call(seen.append, 3) == 3
        assert seen == [0, 1, 2]
        step = await api.counter()
        assert [await step() for _ in range(3)] == [1, 2, 3]


async def test_arrays_go_both_ways(started):
    script = ECHO.replace("from imjoy import api", "from imjoy import api\nimport numpy as np")
    async with started() as engine:
        api = await engine.clients["browser"].start(script)
        for dtype in ("uint8", "int64", "float32", "bool", "complex64"):
            image = np.arange(6).reshape(2, 3).astype(dtype)
            answer = await api.add(image, image)
            np.testing.assert_array_equal(answer, image + image)
            assert answer.dtype == dtype
        large = np.zeros((1024, 1024, 8), "float32")
        assert (await api.add(large, 1)).sum() == large.size


async def test_an_array_that_arrives_may_be_changed(started):
    script = """
import numpy
def brighten(image):
    image += 1
    return image
api.export({'brighten': brighten})
"""
    async with started() as engine:
        api = await engine.clients["browser"].start(script)
        np.testing.assert_array_equal(await api.brighten(np.zeros(3)), np.ones(3))
        assert (await api.brighten(np.zeros(1 << 20))).sum() == 1 << 20


async def test_many_threads_call_at_once(started):
    script = """
import threading
def many():
    wrong = []
    def ask(first):
        for number in range(first, first + 100):
            if api.apply(lambda n: n + 1, number).result(20) != number + 1:
                wrong.append(number)
    threads = [threading.Thread(target=ask, args=[1000 * n]) for n in range(8)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    return wrong, len(api._peer.store)
api.export({'many': many})
"""
    async with started(core={"apply": lambda function, value: function(value)}) as engine:
        api = await engine.clients["browser"].start(script)
        assert await api.many() == [[], 1]


async def test_the_parallel_example_of_the_documentation(started):
    """Tasks of 10, 5 and 3 units, of which the third needs the others: 18 in a row, 13 at best.

    A unit is short; what counts is what overlaps.
    """
    script = """
import asyncio
UNIT = 0.01
class Plugin:
    def setup(self):
        self.running, self.events = set(), []
    async def task(self, name, units):
        self.running.add(name)
        self.events.append(("begin", name, sorted(self.running)))
        await asyncio.sleep(units * UNIT)
        self.running.discard(name)
        self.events.append(("end", name, sorted(self.running)))
        return units
    async def in_sequence(self):
        self.events = []
        total = await self.task("A", 10)
        total += await self.task("B", 5)
        return total + await self.task("C", 3), self.events
    async def in_parallel(self):
        self.events = []
        a, b = await asyncio.gather(self.task("A", 10), self.task("B", 5))
        return max(a, b) + await self.task("C", 3), self.events
    def history(self):
        return self.events
api.export(Plugin())
"""
    async with started() as engine:
        api = await engine.clients["browser"].start(script)
        await api.setup()
        units, events = await api.in_sequence()
        assert units == 18
        assert [event[:2] for event in events] == [
            ["begin", "A"],
            ["end", "A"],
            ["begin", "B"],
            ["end", "B"],
            ["begin", "C"],
            ["end", "C"],
        ]
        units, events = await api.in_parallel()
        assert units == 13
        assert events == [
            ["begin", "A", ["A"]],
            ["begin", "B", ["A", "B"]],
            ["end", "B", ["A"]],
            ["end", "A", []],
            ["begin", "C", ["C"]],
            ["end", "C", []],
        ]
        # And called from outside: two calls of one plugin do not wait for each other.
        await api.setup()
        await asyncio.gather(api.task("A", 10), api.task("B", 5))
        await api.task("C", 3)
        assert [event[:2] for event in await api.history()] == [
            ["begin", "A"],
            ["begin", "B"],
            ["end", "B"],
            ["end", "A"],
            ["begin", "C"],
            ["end", "C"],
        ]


async def test_scripts_run_in_order_and_answer_each(started):
    async with started() as engine:
        browser = engine.clients["browser"]
        await browser.greet()
        await browser.execute("value = 1", line=3)
        with pytest.raises(RemoteError, match="line 22") as failed:
            await browser.execute("\nvalue / 0", line=21)
        assert 'File "plugin.imjoy.html"' in str(failed.value)
        await browser.execute("api.export({'get': lambda: value})")
        assert await (await browser.interface()).get() == 1
        await engine.printed("ZeroDivisionError", engine.err)


async def test_the_interface_is_waited_for(started):
    async with started() as engine:
        browser = engine.clients["browser"]
        await browser.greet()
        asked = asyncio.create_task(browser.interface())
        await browser.execute("import threading")
        await browser.execute("threading.Timer(0, lambda: api.export({'a': lambda: 1})).start()")
        assert await (await asked).a() == 1


LEFT = {
    "nothing": "class Plugin: pass",
    "a task": "import asyncio\ntask = asyncio.ensure_future(asyncio.Event().wait())",
    "a timer": "import asyncio\nasyncio.get_event_loop().call_later(1000, print)",
    "a thread": "import threading\nend = threading.Event()\n"
    "threading.Thread(target=end.wait, daemon=True).start()",
    "a call": "answer = api.wait()",
    "a function": "api.keep(lambda: api.export({}))",
    "a file": "import asyncio, os\nasyncio.get_event_loop().add_reader(os.pipe()[0], print)",
}


@pytest.mark.parametrize("left", LEFT)
async def test_a_script_without_export_is_told_and_whether_it_may_yet_come(started, left):
    kept = []
    core = {"wait": asyncio.Event().wait, "keep": kept.append}
    async with started(core=core) as engine, asyncio.timeout(DEADLINE_S):
        browser = engine.clients["browser"]
        await browser.greet()
        await browser.execute(LEFT[left])
        told = browser.peer.expect(WORKER_ID, "error", "note")
        browser.peer.send(WORKER_ID, "getInterface")
        said = await told
        assert "without api.export" in said["message"]
        assert (said["code"], said["pending"]) == ("nothing-exported", left != "nothing")


async def test_what_goes_on_for_a_while_and_exports_nothing_is_told_in_the_end(started):
    async with started() as engine, asyncio.timeout(DEADLINE_S):
        browser = engine.clients["browser"]
        await browser.greet()
        await browser.execute(
            "import asyncio, threading\nend = threading.Event()\n"
            "async def wait():\n    while not end.is_set():\n        await asyncio.sleep(0.01)\n"
            "task = asyncio.ensure_future(wait())"
        )
        told = [browser.peer.expect(WORKER_ID, "error", "note") for _ in range(2)]
        browser.peer.send(WORKER_ID, "getInterface")
        assert (await told[0])["pending"]
        await browser.execute("end.set()")
        assert not (await told[1])["pending"]
        # Whoever asks once more is told once more, and what is exported even so is taken.
        again = browser.peer.expect(WORKER_ID, "error", "note")
        asked = asyncio.create_task(browser.interface())
        assert not (await again)["pending"]
        await browser.execute("api.export({'a': lambda: 1})")
        assert await (await asked).a() == 1


async def test_a_second_client_does_not_run_the_script_again(started):
    script = ECHO + "print('ran', api.TAG)\nasync def who():\n    return await api.who()\n"
    script += "api.export({'who': who, 'plain': lambda: api.who().result()})\n"
    async with started(core={"who": lambda: "first"}) as engine:
        first = await engine.clients["browser"].start(script)
        joined = engine.join("second", {"who": lambda: "second"})
        second = await joined.start(script)
        # Each call has the API of the client that made it, in the loop and in a thread.
        answers = await asyncio.gather(first.who(), second.who(), first.plain(), second.plain())
        assert answers == ["first", "second", "first", "second"]
        engine.control("shutdown", {})
        await engine.exit_code()
        assert [line for line in engine.out if line.startswith("ran")] == ["ran CPU\n"]


@pytest.mark.parametrize(
    ("export", "call", "is_up"),
    [
        ("api.export({'one': lambda: 1})", None, True),
        ("api.export({'setup': lambda: 1})", None, False),
        ("api.export({'setup': lambda: 1})", "setup", True),
    ],
)
async def test_who_comes_later_hears_whether_the_plugin_is_brought_up(started, export, call, is_up):
    async with started() as engine:
        plugin = await engine.clients["browser"].start(export)
        if call is not None:
            await plugin[call]()
        later = engine.join("second")
        await later.greet()
        [said] = [one for one in later.heard_messages if one["type"] == "initialized"]
        assert said["config"]["set_up"] is is_up


async def test_code_that_nobody_called_has_the_first_client_that_is_there(started):
    script = """
import threading
def background():
    answers = []
    thread = threading.Thread(target=lambda: answers.append(api.who().result()))
    thread.start()
    thread.join()
    return answers
api.export({'background': background})
"""
    async with started(core={"who": lambda: "first"}) as engine:
        await engine.clients["browser"].start(script)
        second = await engine.join("second", {"who": lambda: "second"}).start(script)
        assert await second.background() == ["first"]
        engine.control(
            "peer_gone", {"peer": "browser", "reason": {"message": "The tab was closed."}}
        )
        assert await second.background() == ["second"]


async def test_a_client_that_leaves_ends_the_calls_made_to_it(started):
    never, was_asked = asyncio.Event(), asyncio.Event()

    async def hear():
        was_asked.set()
        await never.wait()

    script = """
async def ask():
    try:
        await api.ask()
    except Exception as error:
        return type(error).__name__, str(error)
api.export({'ask': ask, 'log': lambda: api.log('x').exception()})
"""
    async with started(core={"ask": hear}) as engine:
        await engine.clients["browser"].start(script)
        second = await engine.join("second", {"log": lambda _: None}).start(script)
        # The second client's question goes to the second; ask through the first.
        asked = engine.clients["browser"].peer.remotes[WORKER_ID].interface.ask()
        async with asyncio.timeout(DEADLINE_S):
            await was_asked.wait()
        await second.log()
        reason = {"message": "The tab was closed.", "last_lines": ["bye"]}
        engine.control("peer_gone", {"peer": "browser", "reason": reason})
        await second.log()
        async with asyncio.timeout(DEADLINE_S):
            name, text = await asked
        assert name == "PeerGoneError"
        assert "The tab was closed" in text
        never.set()


async def test_a_peer_that_is_not_there_is_an_error_for_who_calls_it(started):
    script = """
async def call(function):
    try:
        return await function()
    except Exception as error:
        return type(error).__name__, str(error)
api.export({'call': call})
"""
    async with started() as engine:
        browser = engine.clients["browser"]
        api = await browser.start(script)
        other = engine.client("other")
        other.peer.export({"f": lambda: 1})
        other.peer.offer("browser")
        function = browser.peer.remotes["other"].interface.f
        assert await api.call(function) == 1
        del engine.clients["other"]
        assert await api.call(function) == ["PeerGoneError", "other is not here."]


async def test_an_unreadable_message_is_dropped_and_told(started):
    async with started() as engine:
        api = await engine.clients["browser"].start(ECHO)
        engine.write(Frame(WORKER_ID, "browser", "rpc", b"{{{"))
        engine.write(Frame(WORKER_ID, "browser", "rpc", b'{"type":"method"}'))
        engine.write(Frame(WORKER_ID, "browser", "dance", b'{"type":"method"}'))
        assert await api.add(1, 1) == 2
        assert "not JSON" in await engine.printed("A message from browser was dropped", engine.err)


async def test_two_thousand_calls_with_callbacks_leave_nothing_behind(started):
    script = (
        ECHO
        + """
import gc
def sizes():
    gc.collect()
    peer = api._peer
    return len(peer.store), len(peer.held_objects), peer.waiting
api.export({'call': Plugin().call, 'sizes': sizes, 'mine': lambda: Plugin().counter()})
"""
    )
    async with started() as engine:
        browser = engine.clients["browser"]
        api = await browser.start(script)
        assert await api.call(lambda number: number, 1) == 1
        await api.sizes()
        before = await api.sizes(), len(browser.peer.store)
        for _ in range(200):
            await asyncio.gather(*(api.call(lambda number: {"n": number}, 2) for _ in range(10)))
            await (await api.mine())()
        await api.sizes()
        assert (await api.sizes(), len(browser.peer.store)) == before


async def test_what_a_client_held_is_let_go_when_it_leaves(started):
    script = ECHO + "api.export({'mine': Plugin().counter, 'size': lambda: len(api._peer.store)})"
    async with started() as engine:
        first = await engine.clients["browser"].start(script)
        second = engine.join("second")
        other = await second.start(script)
        before = await first.size()
        kept = [await other.mine() for _ in range(3)]
        assert await first.size() == before + len(kept)
        engine.control("peer_gone", {"peer": "second"})
        assert await first.size() == before


async def test_an_engine_that_refuses_is_told(short_dir, command):
    refused = {"message": "This ticket has been used."}
    async with running_worker(
        short_dir, command, answer=lambda engine: engine.control("refused", refused)
    ) as engine:
        assert await engine.exit_code() == 2
        assert "refused this worker: This ticket has been used." in "".join(engine.err)


async def test_the_end_of_a_call_is_the_end_of_the_plugin(started):
    async with started() as engine:
        api = await engine.clients["browser"].start(
            "import os\napi.export({'die': lambda: os._exit(7)})"
        )
        dying = api.die()
        assert await engine.exit_code() == 7
        engine.clients["browser"].peer.peer_gone(WORKER_ID, {"message": "It ended with 7."})
        with pytest.raises(PeerGoneError, match="It ended with 7"):
            await dying

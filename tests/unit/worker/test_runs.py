from __future__ import annotations

import asyncio

import pytest

from imjoy_wire.errors import RemoteError
from imjoy_worker.runs import Runs
from support.plugin_process import DEADLINE_S

SCRIPT = """
import threading
go = threading.Event()

class Plugin:
    def setup(self):
        pass

    async def run(self, ctx):
        api.showProgress(0.5)
        await api.showStatus("half of it")
        return ctx

    def fail(self, ctx):
        api.report(0.25, "tile 1 of 4")
        raise KeyError(ctx)

    def late(self, ctx):
        go.wait(20)
        return bytes(3 << 20)

    def release(self):
        go.set()

api.export(Plugin())
"""
CORE = {"showProgress": lambda _: None, "showStatus": lambda _: None}


async def test_the_answer_of_a_run_is_marked_and_the_engine_hears_how_far_it_is(started):
    async with started(core=CORE) as engine, asyncio.timeout(DEADLINE_S):
        browser = engine.clients["browser"]
        api = await browser.start(SCRIPT)
        browser.run_id = "r-1"
        assert await api.run(5) == 5
        browser.run_id = "r-2"
        with pytest.raises(RemoteError):
            await api.fail("x" * 1000)
        assert await api.run(6) == 6
    marks = [frame.extra for frame in engine.marked]
    assert marks == [
        {"run": {"id": "r-1", "state": "done"}},
        {"run": {"id": "r-2", "state": "failed", "error": f"KeyError: '{'x' * 289}"}},
    ]
    assert [each for each in engine.told if each[0] == "run"] == [
        ("run", {"id": "r-1", "progress": 0.5}),
        ("run", {"id": "r-1", "status": "half of it"}),
        ("run", {"id": "r-2", "progress": 0.25}),
        ("run", {"id": "r-2", "status": "tile 1 of 4"}),
    ]


async def test_a_run_is_answered_though_its_client_is_gone(started):
    async with started(core=CORE) as engine, asyncio.timeout(DEADLINE_S):
        browser = engine.clients["browser"]
        api = await browser.start(SCRIPT)
        helper = await engine.join("helper", CORE).start("pass")
        browser.run_id = "r-1"
        api.late({})
        del engine.clients["browser"]
        engine.control("peer_gone", {"peer": "browser"})
        await helper.release()
        while not engine.marked:
            await helper.run({})
    [answer] = engine.marked
    assert answer.extra == {"run": {"id": "r-1", "state": "done"}}
    assert answer.payload_bytes > 3 << 20


async def test_a_run_can_be_cancelled_by_who_did_not_begin_it(started):
    async with started(core=CORE) as engine, asyncio.timeout(DEADLINE_S):
        browser = engine.clients["browser"]
        api = await browser.start(
            "import asyncio\nasync def endless():\n    print('began', flush=True)\n"
            "    await asyncio.Event().wait()\napi.export({'endless': endless})"
        )
        browser.run_id = "r-1"
        running = api.endless()
        await engine.printed("began")
        engine.control("run", {"cancel": "r-nobody"})
        engine.control("run", {"cancel": "r-1"})
        with pytest.raises(RemoteError, match="cancelled"):
            await running
    marks = [frame.extra for frame in engine.marked]
    assert marks == [{"run": {"id": "r-1", "state": "cancelled"}}]


async def test_the_engine_hears_of_a_run_that_its_caller_gives_up(started):
    async with started(core=CORE) as engine, asyncio.timeout(DEADLINE_S):
        browser = engine.clients["browser"]
        api = await browser.start(
            "import threading\nfree = threading.Event()\n"
            "def computes():\n    print('computes', flush=True)\n    free.wait(20)\n"
            "async def let_go():\n    free.set()\n"
            "async def look():\n    pass\n"
            "api.export({'computes': computes, 'let_go': let_go, 'look': look})"
        )
        browser.run_id = "r-1"
        running = api.computes()
        await engine.printed("computes")
        running.cancel()
        # What was sent before an answer has come before it.
        await api.look()
        assert ("run", {"id": "r-1", "unwanted": True}) in engine.told
        assert not engine.marked
        await api.let_go()
        while not engine.marked:
            await api.look()
    assert engine.marked[0].extra == {"run": {"id": "r-1", "state": "cancelled"}}


async def test_a_run_that_ends_by_itself_after_it_was_cancelled_is_cancelled(started):
    async with started(core=CORE) as engine, asyncio.timeout(DEADLINE_S):
        browser = engine.clients["browser"]
        api = await browser.start(
            "import asyncio, time\n"
            "def looks():\n    print('looks', flush=True)\n"
            "    while not api.is_cancelled():\n        time.sleep(0.01)\n    return 'a part'\n"
            "async def of_its_own():\n    raise asyncio.CancelledError\n"
            "api.export({'looks': looks, 'of_its_own': of_its_own})"
        )
        browser.run_id = "r-1"
        running = api.looks()
        await engine.printed("looks")
        engine.control("run", {"cancel": "r-1"})
        with pytest.raises(RemoteError, match="cancelled"):
            await running
        assert ("run", {"id": "r-1", "unwanted": True}) in engine.told
        browser.run_id = "r-2"
        with pytest.raises(RemoteError, match="cancelled"):
            await api.of_its_own()
    marks = [frame.extra["run"] for frame in engine.marked]
    assert marks == [{"id": each, "state": "cancelled"} for each in ("r-1", "r-2")]


REFERENCES = [{"_rtarget_id": "b", "_rvalue": 1}, {"_rvalue": "two"}]


def test_either_answer_ends_a_run():
    runs = Runs()
    for first, second, state in ((1, "two", "done"), ("two", 1, "failed")):
        runs.begin("b", {"id": "r"}, {"type": "method", "promise": REFERENCES})
        assert runs.mark("b", {"type": "method", "id": first}) is None
        assert runs.mark("c", {"type": "callback", "id": first}) is None
        assert runs.mark("b", {"type": "callback", "id": first}) == {"id": "r", "state": state}
        assert runs.mark("b", {"type": "callback", "id": second}) is None


@pytest.mark.parametrize(
    ("mark", "promise"),
    [(None, REFERENCES), ({}, REFERENCES), ({"id": 5}, REFERENCES), ({"id": "r"}, None)],
)
def test_what_is_no_run_is_not_marked(mark, promise):
    runs = Runs()
    runs.begin("b", mark, {"type": "method", "promise": promise})
    assert runs.mark("b", {"type": "callback", "id": 1}) is None
    assert runs.id_of(None) is None

"""From the engine's welcome to the end of the process."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import numpy as np
import pytest

from imjoy_wire.errors import PeerGoneError, RemoteError
from imjoy_wire.frames import Frame
from support.plugin_process import DEADLINE_S, WORKER_ID, running_worker, welcome

EXITS = {
    "plain": "def exit():\n    print('exit was called')\n",
    "coroutine": (
        "import asyncio\nasync def exit():\n    await asyncio.sleep(0)\n"
        "    print('exit was called')\n"
    ),
}


def plugin(exit_function):
    return exit_function + "api.export({'exit': exit, 'one': lambda: 1})\n"


@pytest.mark.parametrize("kind", EXITS)
async def test_shutdown_calls_exit_and_ends_with_0(started, kind):
    async with started() as engine:
        await engine.clients["browser"].start(plugin(EXITS[kind]))
        engine.control("shutdown", {"grace_s": 20})
        assert await engine.exit_code() == 0
        await engine.printed("exit was called")
        assert engine.err == []


async def test_exit_is_not_called_twice(started):
    async with started() as engine:
        api = await engine.clients["browser"].start(plugin(EXITS["plain"]))
        await api.exit()
        engine.control("shutdown", {})
        assert await engine.exit_code() == 0
        await engine.printed("exit was called")
        assert len(engine.out) == 1


async def test_a_plugin_with_an_object_and_no_exit_just_ends(started):
    async with started() as engine:
        await engine.clients["browser"].start("class P:\n    def run(self): pass\napi.export(P())")
        engine.control("shutdown", {})
        assert await engine.exit_code() == 0


async def test_an_array_is_numpys_though_the_plugin_never_imports_it(started):
    script = (
        "import sys\nloaded = 'numpy' in sys.modules\n"
        "api.export({'total': lambda array: [loaded, float(array.sum())]})"
    )
    async with started() as engine:
        api = await engine.clients["browser"].start(script)
        assert await api.total(np.arange(4.0)) == [False, 6.0]


async def test_a_worker_without_a_plugin_just_ends(started):
    async with started() as engine:
        engine.control("shutdown", {"grace_s": "soon"})
        assert await engine.exit_code() == 0


async def test_an_exit_that_fails_is_printed_and_ends_all_the_same(started):
    async with started() as engine:
        await engine.clients["browser"].start(plugin("def exit():\n    return 1 / 0\n"))
        engine.control("shutdown", {"grace_s": 20})
        assert await engine.exit_code() == 0
        await engine.printed("Error in exit", engine.err)
        await engine.printed("ZeroDivisionError", engine.err)


async def test_an_exit_that_never_ends_is_left(started):
    script = (
        "import asyncio\nasync def exit():\n    await asyncio.get_running_loop().create_future()\n"
    )
    async with started() as engine:
        await engine.clients["browser"].start(plugin(script))
        engine.control("shutdown", {"grace_s": 0.01})
        assert await engine.exit_code() == 0
        await engine.printed("exit() took longer than 0.01 s", engine.err)


STUCK = {
    "a plain exit": "import threading\ndef exit():\n    threading.Event().wait()\n",
    "a thread": (
        "import threading\nthreading.Thread(target=threading.Event().wait).start()\n"
        "def exit(): pass\n"
    ),
    "the loop": (
        "import asyncio, threading\ndef exit(): pass\n"
        "asyncio.get_event_loop().call_soon(threading.Event().wait)\n"
    ),
}


@pytest.mark.parametrize("kind", STUCK)
async def test_a_process_that_is_stuck_ends_in_time(started, kind):
    async with started() as engine:
        browser = engine.clients["browser"]
        await browser.greet()
        await browser.execute(plugin(STUCK[kind]))
        engine.control("shutdown", {"grace_s": 0.01})
        assert await engine.exit_code() == 0


async def test_hanging_up_is_the_same_as_shutdown(started):
    async with started() as engine:
        await engine.clients["browser"].start(plugin(EXITS["plain"]))
        engine.cut()
        assert await engine.exit_code() == 0
        await engine.printed("exit was called")


async def test_what_is_no_frame_ends_the_worker_with_a_sentence(started):
    async with started() as engine:
        await engine.clients["browser"].start(plugin(EXITS["plain"]))
        engine._writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert await engine.exit_code() == 0
        await engine.printed("The engine sent what is no frame", engine.err)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_calls_exit_and_ends_the_process_as_that_signal(started, number):
    async with started() as engine:
        await engine.clients["browser"].start(plugin(EXITS["plain"]))
        engine.process.send_signal(number)
        assert await engine.exit_code() == -number
        await engine.printed("exit was called")
        assert engine.err == []


async def test_a_signal_while_threads_compute_ends_the_process_without_a_word(started):
    script = """
import time
def run():
    print('computing')
    while True: time.sleep(0.01)
def exit():
    print('exit was called')
api.export({'run': run, 'exit': exit})
"""
    async with started() as engine:
        api = await engine.clients["browser"].start(script)
        running = asyncio.ensure_future(api.run())
        await engine.printed("computing")
        engine.control("shutdown", {"grace_s": 20})
        async with asyncio.timeout(DEADLINE_S):
            await engine.hung_up.wait()
        ended = asyncio.ensure_future(engine.exit_code())
        while not ended.done():
            engine.process.send_signal(signal.SIGINT)
            await asyncio.wait([ended], timeout=0.01)
        assert await ended == -signal.SIGINT
        assert engine.err == []
        running.cancel()


async def test_a_second_signal_breaks_into_code_that_computes(started):
    async with started() as engine:
        browser = engine.clients["browser"]
        await browser.greet()
        script = (
            "import threading\n"
            "print('computing')\n"
            "while not any(each.name == 'imjoy-end' for each in threading.enumerate()): pass\n"
            "print('ending')\n"
            "while True: pass\n"
        )
        failed = browser.peer.execute(WORKER_ID, script, "plugin.py")
        await engine.printed("computing")
        engine.process.send_signal(signal.SIGINT)
        await engine.printed("ending")
        engine.process.send_signal(signal.SIGINT)
        with pytest.raises(RemoteError, match="KeyboardInterrupt"):
            await failed
        assert await engine.exit_code() == -signal.SIGINT


async def test_calls_under_way_are_told_that_the_plugin_ends(started):
    script = """
import asyncio, threading
async def wait():
    print('waiting')
    try:
        await asyncio.get_running_loop().create_future()
    finally:
        print('cancelled')
async def exit():
    print('leaving')
    await api.confirm()
api.export({'wait': wait, 'exit': exit})
"""
    asked, confirmed = asyncio.Event(), asyncio.Event()

    async def confirm():
        asked.set()
        await confirmed.wait()

    async with started(core={"confirm": confirm}) as engine:
        api = await engine.clients["browser"].start(script)
        waiting = api.wait()
        await engine.printed("waiting")
        engine.control("shutdown", {"grace_s": 20})
        async with asyncio.timeout(DEADLINE_S):
            await asked.wait()
            with pytest.raises(RemoteError, match="is ending; wait was not run"):
                await api.wait()
            confirmed.set()
            with pytest.raises(RemoteError, match="wait was cancelled"):
                await waiting
        assert await engine.exit_code() == 0
        await engine.printed("cancelled")


async def test_sys_exit_in_a_function_is_an_error_of_that_call_only(started):
    script = """
import sys, asyncio
async def leave():
    sys.exit(3)
async def background():
    asyncio.ensure_future(leave())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
api.export({'plain': lambda: sys.exit(3), 'leave': leave, 'background': background,
            'one': lambda: 1})
"""
    async with started() as engine:
        api = await engine.clients["browser"].start(script)
        for function in (api.plain, api.leave):
            with pytest.raises(RemoteError, match=r"ended itself with sys\.exit"):
                await function()
        await api.background()
        assert await api.one() == 1
        await engine.printed("SystemExit", engine.err)


async def test_an_error_that_nobody_catches_is_printed_with_the_plugins_lines(started):
    script = """
import asyncio
async def work():
    raise ValueError('in the background')
def begin():
    asyncio.ensure_future(work())
async def collect():
    import gc
    gc.collect()
api.export({'begin': begin, 'collect': collect})
"""
    async with started() as engine:
        api = await engine.clients["browser"].start(script, line=11)
        await api.begin()
        await api.collect()
        line = await engine.printed("Task exception was never retrieved", engine.err)
        assert line.startswith("Error in the plugin's background work")
        await engine.printed('File "plugin.imjoy.html", line 14, in work', engine.err)


@pytest.mark.parametrize(
    ("kind", "body", "words"),
    [
        (
            "refused",
            b'{"message":"The ticket is used."}',
            "refused this worker: The ticket is used.",
        ),
        ("welcome", b"{}", "did not say welcome but 'welcome'"),
        ("rpc", b"{}", "did not say welcome but 'rpc'"),
        ("welcome", b"[", "The engine did not say welcome: the body is not JSON"),
    ],
)
async def test_a_worker_that_is_not_welcome_says_why(short_dir, command, kind, body, words):
    async with running_worker(
        short_dir,
        command,
        answer=lambda engine: engine.write(Frame(WORKER_ID, "", kind, body)),
    ) as engine:
        assert await engine.exit_code() == 2
        await engine.printed(words, engine.err)


async def test_an_engine_that_hangs_up_at_once_is_told(short_dir, command):
    async with running_worker(short_dir, command, answer=lambda engine: engine.cut()) as engine:
        assert await engine.exit_code() == 2
        await engine.printed("hung up before it said welcome", engine.err)


async def test_the_work_dir_is_made_and_entered(short_dir, command):
    body = welcome(work_dir=str(short_dir / "a" / "b"))
    async with running_worker(
        short_dir, command, answer=lambda engine: engine.control("welcome", body)
    ) as engine:
        script = "import os\napi.export({'here': os.getcwd})"
        api = await engine.clients["browser"].start(script)
        assert await api.here() == str(short_dir / "a" / "b")


async def test_a_spare_makes_itself_ready_before_its_welcome(short_dir, command):
    """What it reads for C libraries to print by the line is there before anybody asks."""
    async with running_worker(short_dir, command, answer=lambda engine: None) as engine:
        maps = Path(f"/proc/{engine.process.pid}/maps")
        async with asyncio.timeout(DEADLINE_S):
            while "_ctypes" not in await asyncio.to_thread(maps.read_text):
                pass
        engine.control("welcome", welcome())
        api = await engine.clients["browser"].start("api.export({'one': lambda: 1})")
        assert await api.one() == 1


async def test_variables_of_the_welcome_are_there_for_the_plugin(short_dir, command):
    body = welcome(variables={"OMP_NUM_THREADS": "1"})
    async with running_worker(
        short_dir, command, answer=lambda engine: engine.control("welcome", body)
    ) as engine:
        script = "import os\napi.export({'of': lambda name: os.environ.get(name)})"
        api = await engine.clients["browser"].start(script)
        assert await api.of("OMP_NUM_THREADS") == "1"


async def test_a_crash_shows_where_it_was(started):
    script = (
        "import faulthandler\n"
        "def crash():\n"
        "    faulthandler._sigsegv()\n"
        "api.export({'crash': crash})\n"
    )
    async with started() as engine:
        api = await engine.clients["browser"].start(script)
        crashing = api.crash()
        assert await engine.exit_code() == -signal.SIGSEGV
        await engine.printed('File "plugin.imjoy.html", line 3 in crash', engine.err)
        engine.clients["browser"].peer.peer_gone(WORKER_ID)
        with pytest.raises(PeerGoneError):
            await crashing


async def test_a_child_process_does_not_keep_the_link(started):
    script = """
import os, threading
def fork():
    child = os.fork()
    if not child:
        api.log('from the child')
        threading.Event().wait()
    return child
api.export({'fork': fork, 'die': lambda: os._exit(1)})
"""
    async with started() as engine:
        api = await engine.clients["browser"].start(script)
        await api.fork()
        api.die()
        async with asyncio.timeout(DEADLINE_S):
            await engine.hung_up.wait()


async def test_a_forked_child_ends_at_a_signal(started):
    """As the children of a pool do that is closed."""
    script = """
import os, signal
def fork():
    child = os.fork()
    if child == 0:
        while True:
            signal.pause()
    os.kill(child, signal.SIGTERM)
    return os.waitpid(child, 0)[1]
api.export({'fork': fork})
"""
    async with started() as engine, asyncio.timeout(DEADLINE_S):
        api = await engine.clients["browser"].start(script)
        assert await api.fork() == signal.SIGTERM

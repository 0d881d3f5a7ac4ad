"""What a plugin prints, and what it reads."""

from __future__ import annotations

import asyncio

from support.plugin_process import DEADLINE_S


async def test_lines_appear_at_once_and_anything_can_be_printed(started):
    script = r"""
import sys
print('žluťoučký 🐎', '\ud800', 'lone')
print('to stderr \ud800', file=sys.stderr)
def part():
    print('no end of line', end='')
api.export({'part': part})
"""
    async with started(environment={"LANG": "C", "PYTHONIOENCODING": "ascii"}) as engine:
        api = await engine.clients["browser"].start(script)
        assert await engine.printed("lone") == "žluťoučký 🐎 \\ud800 lone\n"
        assert "\\ud800" in await engine.printed("to stderr", engine.err)
        await api.part()
        engine.control("shutdown", {})
        assert await engine.exit_code() == 0
        assert engine.out[-1] == "no end of line"


async def test_lines_of_many_threads_do_not_mix(started):
    script = """
import threading
def many():
    threads = [threading.Thread(target=lambda n=n: [print(str(n) * 50) for _ in range(50)])
               for n in range(8)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    print('all printed')
api.export({'many': many})
"""
    async with started() as engine:
        api = await engine.clients["browser"].start(script)
        await api.many()
        await engine.printed("all printed")
        assert len(engine.out) == 401
        assert all(len(set(line.strip())) == 1 for line in engine.out[:-1])


async def test_there_is_nothing_to_read(started):
    async with started() as engine:
        browser = engine.clients["browser"]
        await browser.start("import sys\nprint(repr(sys.stdin.read()))\napi.export({})")
        assert await engine.printed("''")
        await browser.execute(
            "import subprocess, sys\n"
            "subprocess.run([sys.executable, '-c', 'import sys; print(len(sys.stdin.read()))'])"
        )
        await engine.printed("0")


async def test_streams_that_a_plugin_has_closed_are_left_alone(started):
    script = "import sys\ndef close():\n    sys.stdout.close()\napi.export({'close': close})"
    async with started() as engine:
        api = await engine.clients["browser"].start(script)
        await api.close()
        await api.close()
        engine.control("shutdown", {})
        async with asyncio.timeout(DEADLINE_S):
            await engine.exit_code()


async def test_what_a_c_library_prints_appears_at_once(started):
    script = """
import ctypes
printed = ctypes.CDLL(None).printf(b"from C\\n")
api.export({})
"""
    async with started() as engine:
        await engine.clients["browser"].start(script)
        assert await engine.printed("from C") == "from C\n"

"""A plugin that computes for long is busy: it answers others, and nothing takes it for dead."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

import imjoy_client
from support.engine import EngineProcess

COMPUTES_S = 10
SCRIPT = """
import hashlib
from time import thread_time
from imjoy import api

SECONDS = %d

def in_python(spent):
    while spent() < SECONDS:
        pass

def in_c(spent):
    # One call, which lets go of Python's lock meanwhile, as numpy's and torch's do; before it a
    # short one, to know how long it has to be.
    rounds, done = 100_000, 0
    while spent() < SECONDS:
        rounds = int(done / spent() * (SECONDS - spent())) + 1 if done else rounds
        hashlib.pbkdf2_hmac("sha256", b"", b"", rounds)
        done += rounds

def in_c_with_the_lock(spent):
    # Many calls, none of which lets anybody else in.
    while spent() < SECONDS:
        pow(3, 300_000)

class Plugin:
    def run(self, how):
        # The processor's time: a busy machine has to compute as much, and takes longer.
        before = thread_time()
        spent = lambda: thread_time() - before
        globals()[how](spent)
        return spent()

    def ask(self, number):
        return number + 1

    async def ask_the_loop(self, number):
        return number + 1

    @api.executor("thread")
    def ask_at_home(self, number):
        return number + 1

api.export(Plugin())
"""


@pytest.fixture
async def client(engine: EngineProcess) -> AsyncIterator[imjoy_client.Client]:
    async with imjoy_client.connect(engine.url, engine.token) as client:
        yield client


@pytest.mark.parametrize("executor", ["thread", "process"])
@pytest.mark.parametrize("how", ["in_c", "in_python", "in_c_with_the_lock"])
async def test_others_are_answered_meanwhile(
    client: imjoy_client.Client, executor: str, how: str
) -> None:
    config = {"name": "Deep", "executor": executor}
    plugin = await client.start_plugin(config, script=SCRIPT % COMPUTES_S)
    (process,) = (await client.status())["plugin_processes"]
    computing = asyncio.ensure_future(plugin.run(how))
    answers = 0
    async with asyncio.timeout(20 * COMPUTES_S):
        while not computing.done():
            assert await plugin.ask_at_home(answers) == answers + 1
            assert await plugin.ask_the_loop(answers) == answers + 1
            if executor == "thread":
                assert await plugin.ask(answers) == answers + 1
            answers += not computing.done()
    assert await computing >= COMPUTES_S
    # Not one answer that slipped in before or after: they came all the time.
    assert answers >= COMPUTES_S
    assert plugin.plugin_state == "ready"
    (after,) = (await client.status())["plugin_processes"]
    assert (after["pid"], after["state"]) == (process["pid"], "ready")

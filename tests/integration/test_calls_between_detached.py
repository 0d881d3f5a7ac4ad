"""A call between two plugins that outlive the engine, which is killed while it is under way."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

import imjoy_client
from support.engine import EngineProcess, end_detached, running_engine, start_engine
from support.pids import ended

ENGINE = """
import asyncio, os, signal, sys

from imjoy_engine.cli import main
from imjoy_engine.transport import Channel

whole, passed = Channel.send, []

def end():
    os.kill(os.getpid(), signal.SIGKILL)

def send(channel, frame):
    if frame.kind == "ack" and sum(passed) >= int(os.environ["BYTES"]):
        end()
    whole(channel, frame)
    between = frame.to.startswith("w_") and frame.sender.startswith("w_")
    if between and os.path.exists(os.environ["KILLED_FROM"]):
        passed.append(frame.payload_bytes)
        if sum(passed) >= int(os.environ["BYTES"]):
            STEP

Channel.send = send
sys.exit(main())
"""
"""Kills itself when it has passed on so many bytes from plugin to plugin since there was a file."""
NOT_SAID = ENGINE.replace("STEP", "pass")
"""Right before it tells the sender so."""
NOT_READ = ENGINE.replace("end()\n    whole", "pass\n    whole").replace(
    "STEP", "asyncio.get_running_loop().call_later(0.1, end)"
)
"""When it has had the time to tell the sender so."""
CALLER = """
import asyncio, json, os
from imjoy import api

async def call(other, directory, size):
    gate, heard_file, answer_file, new = (
        os.path.join(directory, name) for name in ("gate", "heard", "answer", "new")
    )
    heard = []

    def hear(words):
        heard.append(words)
        open(heard_file, "w").close()

    while not os.path.exists(gate):
        await asyncio.sleep(0.01)
    try:
        answer = len(await other.work(b"x" * size, hear))
    except Exception as error:
        answer = repr(error)
    with open(new, "w") as file:
        json.dump({"answer": answer, "heard": heard}, file)
    os.rename(new, answer_file)

async def begin(other, *args):
    api._task = asyncio.ensure_future(call(other, *args))

async def stay():
    return os.getpid()

api.export({"begin": begin, "stay": stay})
"""
CALLED = """
import os
from imjoy import api

async def work(data, hear):
    with open(os.environ["WORK"], "a") as file:
        file.write("worked ")
    await hear("under way")
    return data

async def stay():
    return os.getpid()

api.export({"work": work, "stay": stay})
"""
LASTING = {"flags": ["allow-detach"]}
SMALL, BIG = 10, 3 << 20


class Pair:
    """Two plugins, and the engine under which one is about to call the other."""

    def __init__(self, tmp_path: Path, store: Path, size: int) -> None:
        self.directory = tmp_path
        self.workspace = tmp_path / "workspace"
        self.store = store
        self.size = size
        self.pids: list[int] = []
        self.doomed: EngineProcess

    async def start(self, program: str, killed_from: str) -> None:
        environment = {
            "KILLED_FROM": str(self.directory / killed_from),
            "WORK": str(self.directory / "work"),
            "BYTES": str(self.size),
        }
        self.doomed = await start_engine(
            workspace=self.workspace,
            store=self.store,
            environment=environment,
            program=("-c", program),
        )
        await self.doomed.ready()
        async with imjoy_client.connect(self.doomed.url, self.doomed.token) as client:
            caller, called = await self.plugins(client)
            await caller.begin(called, str(self.directory), self.size)
            self.pids = [await caller.stay(), await called.stay()]

    async def killed(self) -> None:
        (self.directory / "gate").touch()
        assert await asyncio.wait_for(self.doomed.process.wait(), 30) == -signal.SIGKILL

    async def plugins(self, client: imjoy_client.Client) -> list[imjoy_client.PluginProxy]:
        return [
            await client.start_plugin({"name": "Caller", **LASTING}, script=CALLER),
            await client.start_plugin({"name": "Called", **LASTING}, script=CALLED),
        ]

    async def answered(self) -> dict[str, Any]:
        answer = self.directory / "answer"
        async with asyncio.timeout(30):
            while not answer.exists():
                await asyncio.to_thread(self.directory.stat)
        return dict(json.loads(answer.read_text()))

    async def made_one_call(self, engine: EngineProcess) -> None:
        answer = await self.answered()
        async with imjoy_client.connect(engine.url, engine.token) as client:
            # What came twice has come before this.
            plugins = await self.plugins(client)
            assert [await plugin.stay() for plugin in plugins] == self.pids
            assert answer == {"answer": self.size, "heard": ["under way"]}
            assert (self.directory / "work").read_text() == "worked "
            for log in self.workspace.glob(".imjoy-engine/logs/*/*.log"):
                assert "dropped" not in log.read_text()
            for plugin in plugins:
                await plugin.stop()


@asynccontextmanager
async def calling(
    tmp_path: Path, store: Path, *, size: int, program: str, killed_from: str
) -> AsyncIterator[Pair]:
    pair = Pair(tmp_path, store, size)
    try:
        await pair.start(program, killed_from)
        yield pair
    finally:
        await pair.doomed.stop(signal.SIGKILL)
        end_detached(pair.workspace)


@pytest.mark.parametrize("size", [SMALL, BIG], ids=["small", "big"])
@pytest.mark.parametrize("killed_from", ["gate", "work", "heard"])
async def test_what_was_passed_on_and_not_said_to_be_is_taken_once(
    killed_from: str, size: int, tmp_path: Path, store: Path
) -> None:
    async with calling(
        tmp_path, store, size=size, program=NOT_SAID, killed_from=killed_from
    ) as pair:
        await pair.killed()
        async with running_engine(workspace=pair.workspace, store=store) as engine:
            await pair.made_one_call(engine)


async def test_what_the_called_one_has_not_read_is_sent_again_and_waits_for_it(
    tmp_path: Path, store: Path
) -> None:
    async with calling(tmp_path, store, size=BIG, program=NOT_READ, killed_from="gate") as pair:
        called = psutil.Process(pair.pids[1])
        called.suspend()
        await pair.killed()
        async with running_engine(workspace=pair.workspace, store=store) as engine:
            async with imjoy_client.connect(engine.url, engine.token) as client:
                # It is back, and what it sends again has come before this.
                caller = await client.start_plugin({"name": "Caller", **LASTING}, script=CALLER)
                assert await caller.stay() == pair.pids[0]
            called.resume()
            await pair.made_one_call(engine)


async def test_a_call_ends_when_the_called_one_has_ended_while_no_engine_ran(
    tmp_path: Path, store: Path
) -> None:
    async with calling(tmp_path, store, size=SMALL, program=NOT_READ, killed_from="gate") as pair:
        called = psutil.Process(pair.pids[1])
        called.suspend()
        await pair.killed()
        called.kill()
        await ended(called.pid)
        async with (
            running_engine(workspace=pair.workspace, store=store) as engine,
            imjoy_client.connect(engine.url, engine.token) as client,
        ):
            answer = (await pair.answered())["answer"]
            assert "The plugin ended while no engine ran" in answer
            caller = await client.start_plugin({"name": "Caller", **LASTING}, script=CALLER)
            assert await caller.stay() == pair.pids[0]
            await caller.stop()

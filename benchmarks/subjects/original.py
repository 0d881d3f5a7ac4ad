"""The original engine, imjoy 0.9.12, in an environment of its own, and a small client of it.

It is started as `imjoy --legacy --freeze` would after its upgrades of itself. The client speaks
what the browser's end spoke then. As it comes, the connection is compressed, as browsers offer, and
an array is one message; at its best there is no compression, and arrays go by hand in pieces that
the engine lets through.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import numpy as np

from benchmarks.subjects.calls import Plugins
from benchmarks.subjects.old_socketio import OldSocketIO, old_socketio
from benchmarks.subjects.processes import drained, free_port, line_with, process

TOKEN = "benchmark"
PIECE_BYTES = 1_000_000
PIECES_UNDER_WAY = 4
KIND, VALUE = "__jailed_type__", "__value__"

PLUGIN = """
from imjoy import api

def echo(value):
    return value

async def call_back(count):
    for _ in range(count):
        await api.called(1)

api.export({"echo": echo, "call_back": call_back})
"""
WITH_ARRAYS = "import numpy as np\n" + PLUGIN


class Plugin:
    """One plugin's functions, each to await; `called` runs when it calls the client's `called`."""

    def __init__(self, socket: OldSocketIO, name: str) -> None:
        self._socket = socket
        self._name = name
        self._to = ""
        self._numbers = itertools.count()
        self._waiting: dict[str, asyncio.Future[Any]] = {}
        self._stages: dict[str, asyncio.Future[None]] = {}
        self.called: Callable[[], None] = lambda: None

    async def begin(self, script: str) -> None:
        config = {"name": self._name, "type": "native-python", "requirements": []}
        found = await self._socket.ask("init_plugin", {"id": self._name, "config": config})
        self._to = f"message_to_plugin_{found['secret']}"
        initialized = self._stage("initialized")
        self._socket.on(f"message_from_plugin_{found['secret']}", self._came)
        await self._socket.outcome(initialized)
        taken = self._stage("interfaceSetAsRemote")
        await self._say({"type": "setInterface", "api": [{"name": "called", "data": None}]})
        await self._socket.outcome(taken)
        done = self._stage("executeSuccess")
        code = {"type": "script", "content": script}
        await self._tell({"type": "execute", "code": code})
        await self._socket.outcome(done)

    async def echo(self, value: Any) -> Any:
        return await self._call("echo", _encoded(value))

    async def call_back(self, count: int) -> None:
        await self._call("call_back", _encoded(count))

    async def stop(self) -> None:
        await self._socket.ask("kill_plugin", {"id": self._name})

    async def _call(self, name: str, argument: Any) -> Any:
        number = str(next(self._numbers))
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        promise = [{KIND: "callback", VALUE: "f", "num": f"{number}{end}"} for end in "+-"]
        await self._say(
            {
                **{"type": "method", "name": name, "pid": None},
                **{"args": {"args": [argument]}, "promise": {"args": promise}},
            }
        )
        return await self._socket.outcome(answer)

    async def _say(self, message: dict[str, Any]) -> None:
        await self._tell({"type": "message", "data": message})

    async def _tell(self, data: dict[str, Any]) -> None:
        await self._socket.emit(self._to, {"type": "message", "data": data})

    def _stage(self, name: str) -> asyncio.Future[None]:
        return self._stages.setdefault(name, asyncio.get_running_loop().create_future())

    def _came(self, message: dict[str, Any]) -> None:
        data = message["data"] if message["type"] == "message" else message
        if data["type"] == "callback":
            number, outcome = data["num"][:-1], data["num"][-1]
            answer = self._waiting.pop(number)
            (value,) = map(_decoded, data["args"]["args"])
            if outcome == "+":
                answer.set_result(value)
            else:
                answer.set_exception(RuntimeError(str(value)[:300]))
        elif data["type"] == "method":
            self.called()
            resolve = data["promise"]["args"][0]["num"]
            result = {"args": [_encoded(None)]}
            answer = {"type": "callback", "id": None, "num": resolve, "args": result}
            self._later = asyncio.ensure_future(self._say(answer))
        elif data["type"] in {"executeFailure", "disconnected"}:
            for each in (*self._stages.values(), *self._waiting.values()):
                if not each.done():
                    each.set_exception(RuntimeError(f"{data['type']}: {str(data)[-300:]}"))
        elif not (stage := self._stage(data["type"])).done():
            stage.set_result(None)


class Original(Plugins):
    def __init__(self, plugin: Plugin, other: Plugin, middle_pid: int, *, split: bool) -> None:
        super().__init__(plugin, other, middle_pid)
        self._split = split

    async def array(self, array: np.ndarray) -> np.ndarray:
        if not self._split:
            return await self._plugin.echo(array)
        turns = asyncio.Semaphore(PIECES_UNDER_WAY)

        async def echoed(piece: np.ndarray) -> np.ndarray:
            async with turns:
                return await self._plugin.echo(piece)

        count = -(-array.nbytes // PIECE_BYTES)
        pieces = np.array_split(array, count)
        return np.concatenate(await asyncio.gather(*map(echoed, pieces)))

    async def callbacks(self, count: int) -> None:
        called = 0

        def function() -> None:
            nonlocal called
            called += 1

        self._plugin.called = function
        await self._plugin.call_back(count)
        if called != count:
            raise AssertionError(f"{called} callbacks came, not {count}.")

    async def between(self, size: int) -> float:
        raise NotImplementedError("its plugins reach each other through the browser only")


class Host:
    def __init__(self, socket: OldSocketIO, pid: int) -> None:
        self._socket = socket
        self._count = 0
        self.middle_pid = pid

    async def start(self, script: str = PLUGIN) -> Plugin:
        self._count += 1
        plugin = Plugin(self._socket, f"p{self._count}")
        await plugin.begin(script)
        if await plugin.echo(1) != 1:
            raise AssertionError("The plugin gave back something else.")
        return plugin


@asynccontextmanager
async def hosting(*, best: bool, python: str) -> AsyncIterator[Host]:
    port = free_port()
    async with AsyncExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="ij-"))
        arguments = ("--freeze", "--port", str(port), "--workspace", directory, "--token", TOKEN)
        engine = await stack.enter_async_context(
            process(
                *("-m", "imjoy.engine", *arguments),
                python=python,
                terminate=True,
                cwd=directory,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        )
        await line_with(engine, "Running on")
        await stack.enter_async_context(drained(engine.stdout))
        socket = await stack.enter_async_context(
            old_socketio(f"http://127.0.0.1:{port}", compress=not best)
        )
        client = {"id": uuid.uuid4().hex, "session_id": uuid.uuid4().hex, "token": TOKEN}
        answer = await socket.ask("register_client", client)
        if not answer["success"]:
            raise RuntimeError(f"The engine has refused: {answer}")
        yield Host(socket, engine.pid)


@asynccontextmanager
async def opened(*, best: bool, python: str) -> AsyncIterator[Original]:
    async with hosting(best=best, python=python) as host:
        plugins = [await host.start(WITH_ARRAYS), await host.start(WITH_ARRAYS)]
        yield Original(*plugins, host.middle_pid, split=best)


def _encoded(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        described = {"__shape__": list(value.shape), "__dtype__": str(value.dtype)}
        return {KIND: "ndarray", VALUE: value.tobytes(), **described}
    if isinstance(value, dict):
        return {key: _encoded(each) for key, each in value.items()}
    return {KIND: "argument", VALUE: value}


def _decoded(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value.get(KIND) == "ndarray":
        flat = np.frombuffer(value[VALUE], value["__dtype__"])
        return flat.reshape(value["__shape__"])
    if KIND in value:
        return value[VALUE]
    return {key: _decoded(each) for key, each in value.items()}

"""A real worker in a real process, and an engine just large enough to talk with it."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import inspect
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from imjoy_wire import codec
from imjoy_wire.calls import IncomingCall
from imjoy_wire.chunks import Assembler
from imjoy_wire.current import CALL
from imjoy_wire.frames import Frame, FrameDecoder, encode_frame
from imjoy_wire.host import ScriptRequest
from imjoy_wire.peer import Peer
from imjoy_wire.steps import run_steps
from imjoy_wire.streams import OwnStream

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 30
WORKER_ID = "worker"


def build_worker(directory: Path) -> Path:
    """Return the worker as the engine ships it, packed into one file."""
    spec = importlib.util.spec_from_file_location("build_hook", ROOT / "engine" / "build_hook.py")
    assert spec is not None
    assert spec.loader is not None
    build_hook = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build_hook)
    target = directory / "worker.pyz"
    build_hook.build_worker(target)
    return target


class Answer(asyncio.Future[Any]):
    """A promise as the other end's callers wait on it."""

    key = ""
    peer: Peer

    def cancel(self, msg: Any = None) -> bool:
        if not super().cancel(msg):
            return False
        self.peer.cancel(self.key)
        return True

    def expire_after(self, timeout_s: float) -> None:
        raise AssertionError("these clients are patient")

    def resolve(self, value: Any) -> None:
        if not self.done():
            self.set_result(value)

    def reject(self, error: BaseException) -> None:
        if not self.done():
            self.set_exception(error)
            self.exception()  # waited for or not: no line about it


class Client:
    """One client's end of the plugin: what the browser would be."""

    def __init__(self, engine: FakeEngine, peer_id: str, core: Any) -> None:
        self._engine = engine
        self._tasks: set[asyncio.Task[None]] = set()
        self.heard_messages: list[dict[str, Any]] = []
        self.peer = Peer(peer_id, self, {"name": peer_id})
        self.peer.export(core)
        self.run_id: str | None = None
        """Marks the next message as the beginning of this run."""

    def send(self, to: str, message: dict[str, Any]) -> None:
        body, buffers = codec.pack(message)
        extra = {} if self.run_id is None else {"run": {"id": self.run_id}}
        self.run_id = None
        self._engine.relay(Frame(to, self.peer.peer_id, "rpc", body, buffers, extra))

    def new_promise(self, label: str, key: str = "") -> Answer:
        answer = Answer()
        answer.peer, answer.key = self.peer, key
        return answer

    def run_call(self, call: IncomingCall) -> None:
        task = call.work = asyncio.create_task(_run(call))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def after_reports(self, callback_id: str, settle: Callable[[], None]) -> None:
        settle()

    def cancel_call(self, call: IncomingCall) -> None:
        call.work.add_done_callback(lambda _: call.end_cancelled())
        call.work.cancel()

    def run_step(self, call: IncomingCall, stream: OwnStream) -> None:
        self._put(stream, call)

    def end_stream(self, stream: OwnStream) -> None:
        self._put(stream, None)

    def _put(self, stream: OwnStream, call: IncomingCall | None) -> None:
        stream.steps.append(call)
        if stream.place is None:
            fail = lambda call, error: call.fail(error)  # noqa: E731
            stream.place = asyncio.create_task(run_steps(stream, fail))

    def soon(self, function: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_soon(function)

    def run_script(self, request: ScriptRequest) -> None:
        request.done("scripts do not run here")

    def heard(self, sender: str, kind: str, message: dict[str, Any]) -> None:
        self.heard_messages.append(message)

    async def greet(self) -> None:
        """Answer the worker's greeting, and give it the core's functions."""
        async with asyncio.timeout(DEADLINE_S):
            if not any(message["type"] == "imjoyRPCReady" for message in self.heard_messages):
                await self.peer.expect(WORKER_ID, "imjoyRPCReady", "greeting")
            initialized = self.peer.expect(WORKER_ID, "initialized", "greeting")
            self.peer.send(WORKER_ID, "initialize", config={"name": "core"})
            await initialized
            taken_up = self.peer.expect(WORKER_ID, "interfaceSetAsRemote", "core")
            self.peer.offer(WORKER_ID)
            await taken_up

    async def execute(
        self, script: str, filename: str = "plugin.imjoy.html", line: int = 1
    ) -> None:
        async with asyncio.timeout(DEADLINE_S):
            await self.peer.execute(WORKER_ID, script, filename, line)

    async def interface(self) -> Any:
        """Return the plugin's functions, when it has exported them."""
        async with asyncio.timeout(DEADLINE_S):
            came = self.peer.expect(WORKER_ID, "setInterface", "interface")
            self.peer.send(WORKER_ID, "getInterface")
            await came
        return self.peer.remotes[WORKER_ID].interface

    async def start(self, script: str, filename: str = "plugin.imjoy.html", line: int = 1) -> Any:
        """Do all that a browser does to start a plugin; return the plugin's functions."""
        await self.greet()
        await self.execute(script, filename, line)
        return await self.interface()


async def _run(call: IncomingCall) -> None:
    CALL.set(call)
    try:
        args, kwargs = call.arguments()
        result = call.function(*args, **kwargs)
        del args, kwargs
        if inspect.isawaitable(result):
            result = await result
    except Exception as error:  # noqa: BLE001 - the border between caller and called
        call.fail(error)
    else:
        call.succeed(result)


class FakeEngine:
    """One connection from one worker, and the clients behind it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.hello: dict[str, Any] = {}
        self.clients: dict[str, Client] = {}
        self.marked: list[Frame] = []
        """Frames to clients with something in their header that is not the route."""
        self.told: list[tuple[str, Any]] = []
        """What came for the engine itself."""
        self.out: list[str] = []
        self.err: list[str] = []
        self.connected = asyncio.Event()
        self.hung_up = asyncio.Event()
        self._changed = asyncio.Condition()
        self._writer: asyncio.StreamWriter | None = None
        self._frames: asyncio.Queue[Frame] = asyncio.Queue()

    def relay(self, frame: Frame) -> None:
        """Bring a frame to where it belongs."""
        if frame.to in self.clients:
            client = self.clients[frame.to]
            client.peer.receive(frame.sender, codec.unpack(frame.body, frame.buffers))
        elif frame.to == WORKER_ID:
            self.write(frame)
        else:
            body = {"to": frame.to, "code": "no-peer", "message": f"{frame.to} is not here."}
            self.control("undeliverable", body)

    def write(self, frame: Frame) -> None:
        assert self._writer is not None
        self._writer.writelines(bytes(part) for part in encode_frame(frame))

    def control(self, kind: str, body: dict[str, Any]) -> None:
        """Send the worker a frame of the engine's own."""
        self.write(Frame(WORKER_ID, "", kind, codec.pack(body)[0]))

    def client(self, peer_id: str, core: Any = None) -> Client:
        """Return a new client, of which the worker has not heard yet."""
        core = {"echo": lambda value: value, "log": lambda *_: None} if core is None else core
        self.clients[peer_id] = Client(self, peer_id, core)
        return self.clients[peer_id]

    def join(self, peer_id: str, core: Any = None) -> Client:
        """Return a new client that joins while the plugin runs."""
        client = self.client(peer_id, core)
        self.control("peer_joined", {"peer": peer_id})
        return client

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        decoder, assembler = FrameDecoder(), Assembler()
        try:
            while data := await reader.read(1 << 20):
                for piece in decoder.feed(data):
                    for frame in assembler.feed(piece):
                        self._take(frame)
        except ConnectionError:
            pass
        finally:
            self.hung_up.set()
            writer.close()

    def _take(self, frame: Frame) -> None:
        if frame.kind == "hello":
            self.hello = codec.unpack(frame.body)
            self.connected.set()
        elif frame.kind == "rpc":
            if frame.extra:
                self.marked.append(frame)
            self.relay(frame)
        else:
            self.told.append((frame.kind, codec.unpack(frame.body)))

    def cut(self) -> None:
        """Hang up, as an engine that dies does."""
        if self._writer is not None:
            self._writer.close()

    async def listen(self, stream: asyncio.StreamReader, lines: list[str]) -> None:
        while line := await stream.readline():
            async with self._changed:
                lines.append(line.decode())
                self._changed.notify_all()

    async def printed(self, text: str, lines: list[str] | None = None) -> str:
        """Return the first printed line that holds the text, when it has come."""
        watched = self.out if lines is None else lines
        async with asyncio.timeout(DEADLINE_S), self._changed:
            await self._changed.wait_for(lambda: any(text in line for line in watched))
        return next(line for line in watched if text in line)

    async def exit_code(self) -> int:
        async with asyncio.timeout(DEADLINE_S):
            return await self.process.wait()


def interpreters() -> dict[str, str]:
    """Return the Pythons of this machine that a worker promises to run on, by version."""
    candidates = [Path(sys.executable)]
    for minor in range(8, 15):
        found = shutil.which(f"python3.{minor}")
        candidates += [Path(found)] if found else []
        candidates += sorted(Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python"))
    known: dict[str, str] = {}
    for candidate in candidates:
        asked = subprocess.run(
            [candidate, "-c", "import platform; print(platform.python_version())"],
            capture_output=True,
            text=True,
            check=False,
        )
        version = asked.stdout.strip()
        if asked.returncode == 0 and version.rpartition(".")[0] not in map(_minor, known):
            known[version] = str(candidate)
    return known


def _minor(version: str) -> str:
    return version.rpartition(".")[0]


def welcome(**fields: Any) -> dict[str, Any]:
    """Return the body of a welcome."""
    return {
        "peer_id": WORKER_ID,
        "plugin": {"id": "p1", "name": "Trial", "type": "native-python", "tag": "CPU", "flags": []},
        "workspace": "default",
        "work_dir": "",
        "engine_url": "http://127.0.0.1:9527",
        "file_manager_url": "http://127.0.0.1:9527",
        "peers": ["browser"],
        **fields,
    }


@asynccontextmanager
async def running_worker(
    directory: Path,
    command: list[str] | None = None,
    core: Any = None,
    environment: dict[str, str] | None = None,
    answer: Callable[[FakeEngine], None] | None = None,
    plugin: dict[str, Any] | None = None,
) -> AsyncIterator[FakeEngine]:
    """A worker that has been welcomed and knows one client, "browser"; nothing is left after.

    `command` is the interpreter and the worker. `answer` greets in place of the welcome. `plugin`
    is what the welcome says of the plugin beside the usual.
    """
    path = directory / "engine.sock"
    command = command or [sys.executable, "-s", "-u", str(build_worker(directory))]
    engine: list[FakeEngine] = []
    waiting: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if engine:
            await engine[0].serve(reader, writer)
        else:
            waiting.append((reader, writer))

    server = await asyncio.start_unix_server(accept, path, limit=1 << 20)
    environ = {"PATH": os.defpath, "HOME": str(directory), "IMJOY_TICKET": "t-1_x"}
    process = await asyncio.create_subprocess_exec(
        *command,
        "--connect",
        f"unix:{path}",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environ | (environment or {}),
        cwd=directory,
        start_new_session=True,
    )
    found = FakeEngine(process)
    engine.append(found)
    assert process.stdout is not None
    assert process.stderr is not None
    tasks = [
        asyncio.create_task(found.listen(process.stdout, found.out)),
        asyncio.create_task(found.listen(process.stderr, found.err)),
        *(asyncio.create_task(found.serve(*streams)) for streams in waiting),
    ]
    try:
        async with asyncio.timeout(DEADLINE_S):
            await found.connected.wait()
        found.client("browser", core)
        if answer is None:
            body = welcome(work_dir=str(directory / "work"))
            body["plugin"].update(plugin or {})
            found.control("welcome", body)
        else:
            answer(found)
        yield found
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # it, and what it may have left behind
        await process.wait()
        server.close()
        found.cut()
        await asyncio.gather(*tasks)

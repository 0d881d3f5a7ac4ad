"""An engine just large enough for clients: real Socket.IO, plugins that live in its own memory."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import socketio
from aiohttp import web

from imjoy_wire import codec
from imjoy_wire.calls import IncomingCall
from imjoy_wire.chunks import Assembler
from imjoy_wire.delivery import ACK, Incoming, Sent, ack_number
from imjoy_wire.events import from_event, to_event
from imjoy_wire.frames import Frame
from imjoy_wire.host import ScriptRequest
from imjoy_wire.lanes import Lanes
from imjoy_wire.peer import Peer
from imjoy_wire.steps import close_stream, run_step
from imjoy_wire.streams import OwnStream
from support.rpc import Outcome, run

DEADLINE_S = 20
TOKEN = "the-token"


class SmallWorker:
    """A plugin without a process: what its script would export is given by the test."""

    def __init__(self, engine: SmallEngine, peer_id: str, client: str, exported: Any) -> None:
        self._engine = engine
        self._client = client
        self._exported = exported
        self.scripts: list[dict[str, Any]] = []
        self.script_error: str | None = None
        self.running: list[IncomingCall] = []
        self.unanswered: set[str] = set()
        """Functions whose calls are taken and never end."""
        self.peer = Peer(peer_id, self, {"name": peer_id})

    def send(self, to: str, message: dict[str, Any]) -> None:
        body, buffers = codec.pack(message)
        self._engine.send(Frame(to, self.peer.peer_id, "rpc", body, buffers))

    def new_promise(self, label: str, key: str = "") -> Outcome:
        return Outcome(label, key)

    def run_call(self, call: IncomingCall) -> None:
        self.running.append(call)
        if call.label not in self.unanswered:
            run(call)

    def after_reports(self, callback_id: str, settle: Callable[[], None]) -> None:
        settle()

    def cancel_call(self, call: IncomingCall) -> None:
        call.end_cancelled()

    def run_step(self, call: IncomingCall, stream: OwnStream) -> None:
        run_step(stream, call, lambda call, error: call.fail(error))

    def end_stream(self, stream: OwnStream) -> None:
        close_stream(stream)

    def soon(self, function: Callable[[], None]) -> None:
        function()

    def run_script(self, request: ScriptRequest) -> None:
        self.scripts.append(request.code)
        if self.script_error is None:
            self.peer.export(self._exported)
        request.done(self.script_error)

    def heard(self, sender: str, kind: str, message: dict[str, Any]) -> None:
        if kind == "initialize":
            self.peer.send(sender, "error", message="a word from the plugin")


class SmallEngine:
    """Serves in a thread of its own; everything it was asked is kept in `asked`."""

    def __init__(self, exported: Any) -> None:
        self.exported = exported
        self.url = ""
        self.asked: list[tuple[str, Any]] = []
        self.workers: dict[str, SmallWorker] = {}
        self.on_start: Callable[[SmallWorker], None] = lambda worker: None
        self.resumed = False
        self.greets_early = False
        self._socket = socketio.AsyncServer(async_mode="aiohttp", max_http_buffer_size=64 << 20)
        self._sid = ""
        self._loop = asyncio.new_event_loop()
        self._sent, self._incoming, self._lanes = Sent(), Incoming(), Lanes()
        self._assembler = Assembler()
        self._tasks: set[asyncio.Task[None]] = set()
        self._runner: web.AppRunner | None = None
        for name in ("register_client", "open_channel", "init_plugin", "kill_plugin"):
            self._socket.on(name, getattr(self, f"_on_{name}"))
        self._socket.on("leave_session", self._on_leave)
        self._socket.on("get_engine_status", self._on_status)
        self._socket.on("frame", self._on_frame)

    # Life

    @contextlib.contextmanager
    def running(self) -> Iterator[SmallEngine]:
        thread = threading.Thread(target=self._loop.run_forever)
        thread.start()
        self._in_loop(self._open())
        try:
            yield self
        finally:
            self._in_loop(self._close())
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join(DEADLINE_S)
            self._loop.close()

    def _in_loop(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(DEADLINE_S)

    async def _open(self) -> None:
        application = web.Application()
        self._socket.attach(application)
        runner = self._runner = web.AppRunner(application, shutdown_timeout=1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"

    async def _close(self) -> None:
        await self._socket.shutdown()
        if self._runner is not None:
            await self._runner.cleanup()
        # Connections that were cut leave the server's own tasks behind.
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    # What tests have it do

    def plugin_event(self, plugin_id: str, **event: Any) -> None:
        """Tell the client of a plugin."""
        body = json.dumps({"id": plugin_id, **event}).encode()
        frame = Frame("", "", "event", body, (), {"name": "plugin_event"})
        self._loop.call_soon_threadsafe(self.send, frame)

    def control(self, to: str, kind: str, body: dict[str, Any]) -> None:
        """Send the client a frame of the engine's own."""
        self._loop.call_soon_threadsafe(self.send, Frame(to, "", kind, json.dumps(body).encode()))

    def cut(self) -> None:
        """End the connection, as a network that fails does."""
        self._in_loop(self._abort())

    async def _abort(self) -> None:
        assert self._runner is not None
        assert self._runner.server is not None
        for connection in self._runner.server.connections:
            if connection.transport is not None:
                connection.transport.abort()

    @property
    def unacknowledged(self) -> int:
        """How many frames the client has not said it has."""
        return len(self._sent.unacknowledged())

    # Sending

    def send(self, frame: Frame) -> None:
        """Put a frame on its way to the client, or to a plugin."""
        if frame.to in self.workers:
            self._deliver(frame)
            return
        self._lanes.put(frame)
        while (piece := self._lanes.take()) is not None:
            self._emit(self._sent.number(piece))

    def _emit(self, frame: Frame) -> None:
        parts = [part if isinstance(part, (str, dict)) else bytes(part) for part in to_event(frame)]
        task = self._loop.create_task(self._socket.emit("frame", tuple(parts), to=self._sid))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _deliver(self, frame: Frame) -> None:
        worker = self.workers[frame.to]
        worker.peer.receive(frame.sender, codec.unpack(frame.body, frame.buffers))

    # Requests

    async def _on_register_client(self, sid: str, payload: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(("register_client", payload))
        if payload["token"] != TOKEN:
            return {"success": False, "error": "The token is wrong.", "hint": "Look.", "code": "t"}
        self._sid = sid
        for frame in self._sent.unacknowledged():
            self._emit(frame)
        return {
            "success": True,
            "session_id": "s1",
            "engine_info": {"name": "small"},
            "limits": {"max_message_bytes": 1 << 30},
        }

    async def _on_open_channel(self, sid: str, payload: Any) -> dict[str, Any]:
        self.asked.append(("open_channel", payload))
        return {"success": False, "error": "There is none here.", "code": "none", "hint": ""}

    async def _on_init_plugin(self, sid: str, payload: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(("init_plugin", payload))
        config = payload["config"]
        if config["type"] != "native-python":
            return {"success": False, "error": "Not of this type.", "code": "type", "hint": ""}
        number = len(self.workers)
        client_peer, peer_id = f"c{number}", f"w{number}"
        worker = SmallWorker(self, peer_id, client_peer, self.exported)
        self.workers[peer_id] = worker
        self.on_start(worker)
        if self.resumed:
            worker.peer.export(self.exported)
        if self.greets_early:
            worker.peer.greet(client_peer)
        else:
            self._loop.call_soon(worker.peer.greet, client_peer)
        return {
            "success": True,
            "id": payload["id"],
            "peer_id": peer_id,
            "client_peer": client_peer,
            "resumed": self.resumed,
            "state": "ready",
        }

    async def _on_kill_plugin(self, sid: str, payload: Any) -> dict[str, Any]:
        self.asked.append(("kill_plugin", payload))
        return {"success": True, "report": {}}

    async def _on_leave(self, sid: str, payload: Any) -> dict[str, Any]:
        self.asked.append(("leave_session", payload))
        return {"success": True}

    async def _on_status(self, sid: str, payload: Any) -> dict[str, Any]:
        return {"success": True, "plugin_num": len(self.workers)}

    async def _on_frame(self, sid: str, *arguments: Any) -> None:
        frame = from_event(arguments)
        if frame.kind == ACK:
            self._sent.acknowledged(ack_number(frame))
            return
        taken = self._incoming.take(frame)
        self._emit(self._incoming.ack())
        if taken is not None:
            for whole in self._assembler.feed(taken):
                self.send(whole)

"""A program's end of one plugin: the handshake, the frames, the calls that wait.

What programs see of it is the `PluginProxy` of `plugin`.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
import logging
import threading
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol

from imjoy_client.errors import PluginFailedError
from imjoy_client.functions import function_of
from imjoy_client.plugin_file import PluginSource, Script
from imjoy_client.runs import new_run_id, run_mark
from imjoy_client.streams import Streams
from imjoy_wire import codec, messages
from imjoy_wire.calls import IncomingCall
from imjoy_wire.current import CALL
from imjoy_wire.errors import CallTimeoutError, PeerGoneError, RemoteError, WireError
from imjoy_wire.frames import Frame, check_size
from imjoy_wire.host import ScriptRequest
from imjoy_wire.messages import Message
from imjoy_wire.peer import Peer
from imjoy_wire.streams import OwnStream

__all__ = ["Connection", "PluginEnd", "Reply"]

_LOG = logging.getLogger(__name__)


class Connection(Protocol):
    """What an end needs of the client that has it."""

    thread_id: int

    @property
    def max_message_bytes(self) -> int:
        """How large a message may be."""
        ...

    def send(self, frame: Frame) -> None:
        """Queue a frame; for the thread of this id."""
        ...

    def forget(self, peer: str) -> None:
        """Drop what is under way to and from a peer that is gone."""
        ...

    def payload(self, frame: Frame) -> dict[str, Any]:
        """Return the JSON object in a frame of the engine."""
        ...

    def told(self, plugin: PluginEnd, name: str, value: Any) -> None:
        """Pass on what a plugin reports by itself."""
        ...


class Reply(asyncio.Future[Any]):
    """The answer of a call that is on its way: await it, or `cancel` it."""

    def __init__(
        self,
        label: str,
        loop: asyncio.AbstractEventLoop,
        give_up: Callable[[str], None] | None = None,
        key: str = "",
    ) -> None:
        super().__init__(loop=loop)
        self.label = label
        self._give_up = give_up
        self._key = key

    def resolve(self, value: Any = None) -> None:
        """Let whoever waits have the value."""
        if not self.done():
            self.set_result(value)

    def reject(self, error: BaseException) -> None:
        """Raise the error where somebody waits; one that nobody waits for is no news."""
        if not self.done():
            self.set_exception(error)
            self.exception()

    def cancel(self, msg: Any = None) -> bool:
        """Give the call up and tell the other end; a task that awaits it does so when cancelled."""
        if not super().cancel(msg):
            return False
        if self._give_up is not None:
            self._give_up(self._key)
        return True

    def expire_after(self, timeout_s: float) -> None:
        """Give the call up with CallTimeoutError when there is no answer after so many seconds."""
        timer = self.get_loop().call_later(timeout_s, self._expire, timeout_s)
        self.add_done_callback(lambda _: timer.cancel())

    def _expire(self, timeout_s: float) -> None:
        self.reject(CallTimeoutError(self.label, timeout_s))
        if self._give_up is not None:
            self._give_up(self._key)


class PluginEnd:
    """What the browser would be for this plugin."""

    def __init__(
        self,
        client: Connection,
        plugin_id: str,
        source: PluginSource,
        api: Mapping[str, Callable[..., Any]],
    ) -> None:
        self.plugin_id = plugin_id
        self.state = "new"
        """Where the plugin is in its life, as the engine last said."""
        self._client = client
        self._source = source
        self._api = api
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._streams = Streams(self._loop)
        self._peer: Peer | None = None
        self._worker = ""
        self._greeted: Any = None
        self._ended: asyncio.Future[dict[str, Any]] = self._loop.create_future()
        self._wanted: Any = None
        """What waits for the plugin's functions."""
        self._last_interface: dict[str, Any] = {}
        self._next_run = ""
        self.instance = ""
        """The engine's name of the running plugin."""
        self.is_guest = False
        """Whether somebody else has started it: then it does not end with this client."""

    @property
    def may_stay(self) -> bool:
        """Whether the plugin goes on when this client leaves."""
        return self.is_guest or "allow-detach" in (self._source.config.get("flags") or ())

    @property
    def ends(self) -> tuple[Peer, str] | None:
        """This end and the id of the plugin's; None before it is attached."""
        return (self._peer, self._worker) if self._peer is not None else None

    @property
    def name(self) -> str:
        """The plugin's own name."""
        return str(self._source.config["name"])

    @property
    def interface(self) -> dict[str, Any]:
        """The plugin's functions by name, as it last exported them."""
        remote = self._peer.remotes.get(self._worker) if self._peer is not None else None
        return (remote.interface if remote is not None else None) or self._last_interface

    # ── for the client ───────────────────────────────────────────────────────────────────────

    def attach(self, answer: Mapping[str, Any]) -> None:
        """Be the end that the engine's answer to init_plugin names; frames may come then."""
        self._worker = answer["peer_id"]
        self.instance = str(answer.get("instance") or "")
        self.state = answer["state"]
        config = {"name": self.name, "type": "client"}
        self._peer = Peer(answer["client_peer"], self, config, self.plugin_id)
        self._greeted = self._peer.expect(self._worker, "imjoyRPCReady", "the plugin's greeting")

    async def begin(self, *, resumed: bool) -> None:
        """Shake hands, run the scripts and `setup`; if that has been done, `resume` instead.

        `resumed` says that it may have been: the worker knows. Raises PluginFailedError.
        """
        peer = self._peer
        assert peer is not None
        config = dict(peer.config)
        await self._while_it_lives(self._greeted)
        initialized = peer.expect(self._worker, "initialized", "the plugin's name")
        peer.send(self._worker, "initialize", config={**config, "allow_execution": True})
        said = messages.configuration(await self._while_it_lives(initialized))
        resumed = resumed and said.get("set_up") is not False
        peer.export(self._api)
        taken = peer.expect(self._worker, "interfaceSetAsRemote", "the plugin's consent")
        peer.offer(self._worker)
        await self._while_it_lives(taken)
        if not resumed:
            for index, script in enumerate(self._source.scripts):
                await self._execute(peer, index, script)
        got = self._wanted = peer.expect(self._worker, "setInterface", "the plugin's functions")
        peer.send(self._worker, "getInterface")
        await self._while_it_lives(got)
        self._last_interface = self.interface
        first = "resume" if resumed else "setup"
        if first in self.interface:
            await self._ready_by(first)

    async def _ready_by(self, first: str) -> None:
        try:
            await self._while_it_lives(self.interface[first]())
        except RemoteError as error:
            raise PluginFailedError(
                f"{first} of {self.name!r} failed: {error.name}: {error}", code=f"{first}-failed"
            ) from error

    async def _execute(self, peer: Peer, index: int, script: Script) -> None:
        executed = peer.expect(self._worker, "executed", f"script {self._source.filename}")
        message = messages.execute(script.content, self._source.filename, script.first_line)
        message["code"]["index"] = index
        try:
            self.send(self._worker, message)
            await self._while_it_lives(executed)
        except PluginFailedError:
            raise
        except Exception as error:
            raise PluginFailedError(str(error), code="script-failed") from error

    async def _while_it_lives(self, reply: Any) -> Any:
        """Return what a reply brings, or raise why the plugin has ended."""
        waiting = asyncio.ensure_future(reply)
        await asyncio.wait({waiting, self._ended}, return_when=asyncio.FIRST_COMPLETED)
        if waiting.done():
            try:
                return waiting.result()
            except PeerGoneError:
                return await asyncio.shield(self._ended_badly())
        waiting.cancel()
        raise _failure(self._ended.result())

    async def _ended_badly(self) -> Any:
        raise _failure(await self._ended)

    def frame(self, frame: Frame) -> None:
        """Take a frame that is for this plugin's client end."""
        assert self._peer is not None
        if frame.kind == "rpc":
            try:
                self._peer.receive(frame.sender, codec.unpack(frame.body, frame.buffers))
            except WireError as error:
                _LOG.warning("A message of %s was dropped: %s", self.name, error)
        elif frame.kind in ("peer_gone", "undeliverable"):
            body = self._client.payload(frame)
            gone = str(body.get("peer") or body.get("to") or "")
            self._client.forget(gone)
            reason = body.get("reason") or body
            self._peer.peer_gone(gone, reason)
            if gone == self._worker:
                state = "stopped" if reason.get("code") == "plugin-stopped" else "failed"
                self.event({"event": "state", "state": state, "error": reason})

    def event(self, event: Mapping[str, Any]) -> None:
        """Take note of what the engine says of this plugin."""
        if event["event"] != "state":
            return
        self.state = event["state"]
        if self.state in ("stopped", "failed") and not self._ended.done():
            self._ended.set_result(dict(event))
            if self._peer is not None:
                self._peer.close(event.get("error") or {"message": "The plugin has stopped."})

    # ── imjoy_wire.host.Host ─────────────────────────────────────────────────────────────────

    def send(self, to: str, message: Message) -> None:
        """Put a message on its way."""
        assert self._peer is not None
        body, buffers = codec.pack(message)
        frame = Frame(to, self._peer.peer_id, "rpc", body, buffers, self._mark(to, message))
        check_size(frame, self._client.max_message_bytes)
        if threading.get_ident() == self._client.thread_id:
            self._client.send(frame)
        else:
            self._loop.call_soon_threadsafe(self._client.send, frame)

    def start_run(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        """Call a function of the plugin as a run, and return the run's id."""
        function = function_of(self.interface, name)
        run_id = self._next_run = new_run_id()
        try:
            function(*args, **kwargs)
        finally:
            self._next_run = ""
        return run_id

    def _mark(self, to: str, message: Message) -> dict[str, Any]:
        """Return what makes a call a run: `run` always is one, others on request."""
        if message["type"] != "method" or to != self._worker or "promise" not in message:
            return {}
        if self._next_run:
            return run_mark(self._next_run, message["name"])
        return run_mark(new_run_id(), "run") if message["name"] == "run" else {}

    def new_promise(self, label: str, key: str = "") -> Reply:
        """Return what a caller waits on."""
        assert self._peer is not None
        return Reply(label, self._loop, self._peer.cancel, key)

    def run_call(self, call: IncomingCall) -> None:
        """Run a function of this program that the plugin calls."""
        if inspect.iscoroutinefunction(call.function):
            self._in_task(call, _run(call))
        else:  # at once: it would hold the loop later just as long
            contextvars.copy_context().run(self._run_plain, call)

    def _run_plain(self, call: IncomingCall) -> None:
        CALL.set(call)
        try:
            args, kwargs = call.arguments()
            result = call.function(*args, **kwargs)
            del args, kwargs  # what of them is still referred to counts as kept
        except Exception as error:  # noqa: BLE001 - the border to the program's own functions
            call.fail(error)
            return
        except asyncio.CancelledError:  # the program's own: it must not end the reading
            call.end_cancelled()
            return
        if inspect.isawaitable(result):
            self._in_task(call, _run_rest(call, result))
        else:
            call.succeed(result)

    def _in_task(self, call: IncomingCall, work: Coroutine[Any, Any, None]) -> None:
        task = call.work = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def after_reports(self, callback_id: str, settle: Callable[[], None]) -> None:
        """Settle the answer of a call: what hears of its progress has begun in the same loop."""
        settle()

    def cancel_call(self, call: IncomingCall) -> None:
        """Have a call end that is not waited for any more; one that has not begun never does."""
        if call.work is not None:
            call.work.add_done_callback(lambda _: call.end_cancelled())
            call.work.cancel()

    def run_step(self, call: IncomingCall, stream: OwnStream) -> None:
        """Run a step of a generator of this program, after those before it."""
        self._streams.put(stream, call)

    def end_stream(self, stream: OwnStream) -> None:
        """Close a generator of this program."""
        self._streams.put(stream, None)

    def soon(self, function: Callable[[], None]) -> None:
        """Have a function called in the loop; nothing happens when that is closed."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(function)

    def run_script(self, request: ScriptRequest) -> None:
        """Refuse: a plugin does not run code in its client."""
        request.done("This client runs no scripts.")

    def heard(self, sender: str, kind: str, message: Message) -> None:
        """Pass on what the plugin reports."""
        if kind != "error":
            return
        text, code = message.get("message"), message.get("code")
        if code == "nothing-exported" and message.get("pending") is False and self._wanted:
            self._wanted.reject(PluginFailedError(str(text), code=code))
            return
        self._client.told(self, "error", text)


async def _run(call: IncomingCall) -> None:
    CALL.set(call)
    try:
        args, kwargs = call.arguments()
        awaitable = call.function(*args, **kwargs)
        del args, kwargs
    except Exception as error:  # noqa: BLE001 - the border to the program's own functions
        call.fail(error)
    else:
        await _run_rest(call, awaitable)


async def _run_rest(call: IncomingCall, awaitable: Any) -> None:
    try:
        result = await awaitable
    except Exception as error:  # noqa: BLE001 - the border to the program's own functions
        call.fail(error)
    except asyncio.CancelledError:
        call.end_cancelled()  # by its caller or by the program itself
        raise
    else:
        call.succeed(result)


def _failure(event: Mapping[str, Any]) -> PluginFailedError:
    error = event.get("error") or {}
    return PluginFailedError(
        str(error.get("message") or "The plugin has stopped."),
        hint=str(error.get("hint") or ""),
        code=str(error.get("code") or "plugin-stopped"),
        log_tail=str(error.get("log_tail") or ""),
    )

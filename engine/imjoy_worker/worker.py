"""This process as the peer of the RPC sees it: who is there, what is run where, when to leave."""

import contextvars
import os
import sys
import threading
from typing import Any, Callable, Dict, List, Optional, Sequence

from imjoy_wire import codec, current
from imjoy_wire.calls import IncomingCall
from imjoy_wire.current import CALL
from imjoy_wire.errors import FrameError, WireError
from imjoy_wire.frames import Frame, check_size
from imjoy_wire.host import ScriptRequest
from imjoy_wire.lanes import RUN
from imjoy_wire.limits import MAX_FRAME_BYTES
from imjoy_wire.messages import Message
from imjoy_wire.peer import Peer
from imjoy_wire.streams import OwnStream

from . import modules, stdio, tracebacks
from .api import PluginApi
from .begun import Begun, has_setup
from .choice import checked
from .dispatch import Dispatcher
from .executors import PluginLoop, PluginPool
from .export_watch import ExportWatch
from .link import Link
from .loader import Loader
from .once import Taken
from .processes import ProcessPool
from .promise import Promise
from .runs import Runs
from .script_requests import ScriptRequests
from .scripts import ScriptRecord
from .shared import SharedMemory

__all__ = ["Worker"]

MAX_RAISED_CHARACTERS = 8000
"""Of an error's text for the plugin's log; beginning and end are kept."""

Body = Dict[str, Any]


class Worker:
    """A plugin's process from the engine's welcome to its end; made and started in the main thread.

    `on_leave` is told from any thread that the process is to end, and within how many seconds if
    somebody has said so.
    """

    def __init__(
        self, link: Link, welcome: Body, loop: PluginLoop, on_leave: Callable[..., None]
    ) -> None:
        self._link = link
        self._loop = loop
        self._on_leave = on_leave
        self._first_clients = [str(client) for client in welcome.get("peers") or ()]
        self._loop_thread = threading.get_ident()
        plugin = welcome.get("plugin") or {}
        config = {
            "name": plugin.get("name") or "plugin",
            "id": plugin.get("id"),
            "type": "rpc-worker",
            "lang": "python",
            "allow_execution": True,
            "dedicated_thread": True,
            "work_dir": welcome.get("work_dir"),
            # Whether a client has brought the plugin up: one that comes later need not.
            "set_up": False,
        }
        self.peer = Peer(str(welcome["peer_id"]), self, config, os.urandom(4).hex())
        self._max_message_bytes = int(welcome.get("max_message_bytes") or MAX_FRAME_BYTES)
        self._shared = SharedMemory(
            welcome.get("shared_memory"), self.peer.peer_id, puts="outlast" not in welcome
        )
        self.pool = PluginPool(loop)
        loop.set_default_executor(self.pool)
        loop.set_exception_handler(self._on_loop_error)
        self.api = PluginApi(self.peer, welcome, self.new_promise)
        record = ScriptRecord(self.api._values, self.api._config)
        self._processes = ProcessPool(self.pool, record)
        self.dispatcher = Dispatcher(loop, self.pool, self._processes, self.peer.interface_id)
        self.dispatcher.on_raised = self._tell_raised
        self.dispatcher.choose(checked(plugin.get("executor") or "thread"))
        self.api._choose = self.dispatcher.choose
        self._loader = Loader({"api": self.api}, record.add)
        modules.install(self.api)
        self._scripts = ScriptRequests()
        self._exports = ExportWatch(
            self.peer,
            loop,
            lambda: self._loader.has_run and not self._scripts.running,
            self._tell_nothing_exported,
        )
        self._begun = Begun(self._tell_begun)
        self.dispatcher.on_setup = self._begun.setup_ended
        self._runs = Runs()
        self.api._on_progress = self._tell_progress
        self._taken = Taken()
        self._is_leaving = False
        self._orphaned: List[str] = []
        """Clients of an engine that has ended; the next one to come takes their place."""

    def start(self) -> None:
        """Greet the clients that are there, and hear whatever comes."""
        os.register_at_fork(after_in_child=self._link.leave_to_parent)
        os.register_at_fork(after_in_child=self._processes.leave_to_parent)
        self._link.start(self._on_frame, self._on_link_end, self._loop)
        for client in self._first_clients:
            self.peer.greet(client)

    def welcomed_again(self, welcome: Body) -> None:
        """Go on with another engine: who is not known there is gone, who is new is greeted.

        In the thread that reads the link, before anything is sent to that engine.
        """
        clients = [str(client) for client in welcome.get("peers") or ()]
        known = {self.peer.peer_id, *clients, *map(str, welcome.get("workers") or ())}
        self._shared.move_to(welcome.get("shared_memory"))
        gone = [peer_id for peer_id in self.peer.remotes if peer_id not in known]
        message = "The engine that it was connected to has ended."
        for peer_id in gone:
            # As after a reload: what is called on `api` waits for whoever comes next.
            reason = {"code": "page-replaced", "message": message}
            self._on_control("peer_gone", {"peer": peer_id, "reason": reason})
        self._orphaned += gone
        self._begun.tell_again()
        for client in clients:
            if client not in self.peer.remotes:
                self._on_control("peer_joined", {"peer": client})

    # What the peer asks for: imjoy_wire.host.Host

    def send(self, to: str, message: Message) -> None:
        """Put a message on its way to a peer."""
        self.dispatcher.attention.stir()
        body, buffers = codec.pack(message)
        mark = self._runs.mark(to, message)
        extra = {} if mark is None else {RUN: mark}
        frame = Frame(to, self.peer.peer_id, "rpc", body, buffers, extra)
        check_size(frame, self._max_message_bytes)
        self._link.send(self._shared.put(frame), copies=threading.get_ident() == self._loop_thread)

    def new_promise(self, label: str, key: str = "") -> Promise:
        """Return what a caller waits on."""
        peer = self.peer
        return Promise(label, self._loop.call_soon_threadsafe, peer.dispose, peer.cancel, key)

    def run_call(self, call: IncomingCall) -> None:
        """Have a call run and answered."""
        if self._is_leaving and call.label != "exit":
            call.fail(RuntimeError("The plugin is ending; {} was not run.".format(call.label)))
            return
        if call.callback_id is None:
            self._note_set_up(call.label)
        self._runs.called(call)
        self.dispatcher.run(call)

    def _tell_progress(self, path: str, args: Sequence[Any]) -> None:
        """Tell the engine how far a run is, when it tells its page."""
        if args and isinstance(args[0], (int, float, str)):
            word = "status" if path == "showStatus" else "progress"
            self._tell_of_run(current.current_call(), word, args[0])

    def _tell_of_run(self, call: Optional[IncomingCall], word: str, value: Any) -> None:
        run_id = self._runs.id_of(call)
        if run_id is not None:
            body, _ = codec.pack({"id": run_id, word: value})
            self._link.send(Frame("", self.peer.peer_id, RUN, body))

    def after_reports(self, callback_id: str, settle: Callable[[], None]) -> None:
        """Settle the answer of a call behind the calls of what hears of its progress."""
        self.dispatcher.after_calls(callback_id, settle)

    def cancel_call(self, call: IncomingCall) -> None:
        """Have a call end that is not waited for any more; of a run the engine hears it."""
        self._tell_of_run(call, "unwanted", True)
        self.dispatcher.cancel(call)

    def run_step(self, call: IncomingCall, stream: OwnStream) -> None:
        """Have a step of a generator run after those before it."""
        self.dispatcher.streams.run(call, stream)

    def end_stream(self, stream: OwnStream) -> None:
        """Have a generator closed."""
        self.dispatcher.streams.end(stream)

    def soon(self, function: Callable[[], None]) -> None:
        """Have a function called in the plugin's loop; nothing happens when that is closed."""
        try:
            self._loop.call_soon_threadsafe(function)
        except RuntimeError:
            pass

    def run_script(self, request: ScriptRequest) -> None:
        """Have a script run in the main thread, after those that came before."""
        context = contextvars.copy_context()
        context.run(CALL.set, request)
        if self._scripts.take(request):
            self.dispatcher.attention.begin(request)
            self._loop.call_soon_threadsafe(self._execute, request, context=context)

    def heard(self, sender: str, kind: str, message: Message) -> None:
        """Take note of what the peer has dealt with."""
        if kind == "setInterface":
            self.api._client_ready(sender)
        elif kind == "getInterface" and not self.peer.has_interface:
            self._loop.call_soon_threadsafe(self._exports.wanted_by, sender)
        elif kind == "getInterface":
            self._note_set_up()

    def _note_set_up(self, called: str = "") -> None:
        """Take note that the plugin is brought up: who asks for its functions has run its scripts.

        Its `setup` is then all that may be missing.
        """
        exported = self.api._exported
        if called == "setup" or (exported is not None and not has_setup(exported)):
            self.peer.config["set_up"] = True

    # Scripts

    def _execute(self, request: ScriptRequest) -> None:
        if not self._loader.has_run:
            self._exports.begin()
        error = self._loader.run(request.code)
        self.dispatcher.attention.end(request)
        stdio.flush()
        if error is not None:
            sys.stderr.write(error if error.endswith("\n") else error + "\n")
        self._begun.script_ended(error, self.api._exported)
        self._scripts.done(request, error)

    def _tell_nothing_exported(self, client: str, text: str, may_come: bool) -> None:
        """Say why a client waits for the plugin's functions, and whether that may yet help."""
        sys.stderr.write(text + "\n")
        if not may_come:
            self._begun.nothing_exported()
        self.peer.send(client, "error", message=text, code="nothing-exported", pending=may_come)

    # Frames, in the thread that reads

    def _on_frame(self, frame: Frame) -> None:
        try:
            if frame.kind == "rpc":
                if not self._taken.is_new(frame):
                    return
                frame = self._shared.take(frame)
                message = codec.unpack(frame.body, frame.buffers)
                if RUN in frame.extra and isinstance(message, dict):
                    self._runs.begin(frame.sender, frame.extra[RUN], message)
                if isinstance(message, dict) and message.get("type") == "disconnect":
                    # Before its calls end: they are not to be sent to it anew.
                    self.api._client_gone(frame.sender)
                self.peer.receive(frame.sender, message)
                return
            body = codec.unpack(frame.body, frame.buffers) if frame.body else {}
            if isinstance(body, dict):
                self._on_control(frame.kind, body)
        except WireError as error:
            sys.stderr.write("A message from {} was dropped: {}\n".format(frame.sender, error))
        except Exception as error:  # noqa: BLE001 - the border of the reading thread: it must go on
            tracebacks.report_whole(error, "a message from {}".format(frame.sender))

    def _on_control(self, kind: str, body: Body) -> None:
        peer_id = str(body.get("peer") or "")
        if kind == "peer_joined":
            replaces = [*(body.get("replaces") or ()), *self._orphaned]
            self._orphaned = []
            self.api._client_joined(peer_id, [str(earlier) for earlier in replaces])
            self.peer.joined(peer_id)
            self.peer.greet(peer_id)
        elif kind == "peer_gone":
            reason = body.get("reason")
            reason = reason if isinstance(reason, dict) else {}
            self._link.forget(peer_id)
            self._shared.forget(peer_id)
            self.soon(lambda: self._exports.gone(peer_id))
            self.api._client_gone(peer_id, returns=reason.get("code") == "page-replaced")
            self.peer.peer_gone(peer_id, reason)
        elif kind == "undeliverable":
            receiver = str(body.get("to") or "")
            self._shared.forget(receiver)
            self.peer.fail_calls(receiver, body)
        elif kind == RUN:
            call = self._runs.call_of(body.get("cancel"))
            if call is not None and not call.is_cancelled:
                call.is_cancelled = True
                self.cancel_call(call)
        elif kind == "idle":
            answer, buffers = codec.pack({"idle_s": self.dispatcher.attention.idle_s})
            self._link.send(Frame("", self.peer.peer_id, "idle", answer, buffers))
        elif kind == "shutdown":
            grace_s = body.get("grace_s")
            self._on_leave(float(grace_s) if isinstance(grace_s, (int, float)) else None)

    def _tell_raised(self, text: str) -> None:
        """Let the plugin's log have an error that only its caller would hear of."""
        if len(text) > MAX_RAISED_CHARACTERS:
            half = MAX_RAISED_CHARACTERS // 2
            text = "{}\n[…]\n{}".format(text[:half], text[-half:])
        body, buffers = codec.pack({"text": text})
        self._link.send(Frame("", self.peer.peer_id, "raised", body, buffers))

    def _tell_begun(self, error: Optional[str]) -> None:
        """Let the engine know that the plugin can be called, or why it cannot."""
        body, buffers = codec.pack({"error": error})
        self._link.send(Frame("", self.peer.peer_id, "begun", body, buffers))

    def _on_link_end(self, error: Optional[FrameError]) -> None:
        if error is not None:
            sys.stderr.write("The engine sent what is no frame: {}\n".format(error))
        self.api._no_client_comes()
        self.peer.close({"code": "engine-gone", "message": "The engine has hung up."})
        self._on_leave(None)

    # The end

    def stop_taking_calls(self) -> None:
        """Refuse every call from now on, but `exit`."""
        self._is_leaving = True
        self.api._no_client_comes()

    async def exit_plugin(self) -> None:
        """Call the plugin's `exit`, unless somebody has."""
        exported = self.api._exported
        leave = (
            exported.get("exit") if isinstance(exported, dict) else getattr(exported, "exit", None)
        )
        if callable(leave) and not self.dispatcher.exit_was_called:
            await self.dispatcher.run_own(leave, "exit")

    def close(self) -> None:
        """End what still runs in the loop, tell the callers, and hang up."""
        self.dispatcher.cancel_all()
        self.peer.close({"code": "plugin-ending", "message": "The plugin has ended."})
        self._processes.shutdown()
        self.pool.shutdown(wait=False)

    def _on_loop_error(self, _loop: Any, context: Dict[str, Any]) -> None:
        """Print what nobody has caught, with the plugin's lines."""
        if self._is_leaving:
            return
        error = context.get("exception")
        where = str(context.get("message") or "the event loop")
        if isinstance(error, BaseException):
            tracebacks.report(error, "the plugin's background work ({})".format(where))
        else:
            sys.stderr.write(where + "\n")

"""One end of the RPC (imjoy-rpc API 0.2.3), talking with many other ends at once. No I/O.

A `Peer` is given what arrives and says through its `Host` what is to be sent and what is to be run.
It keeps the calls that wait for an answer, the functions that others may call (`objects`), the
interfaces that others have set, and who is there (`states`). Every call that waits comes to an end:
with the answer, or with `PeerGoneError` when the other end leaves.

Every method may be called from any thread; `receive` from one at a time.
"""

from __future__ import annotations

import itertools
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from . import messages
from .calls import IncomingCall
from .disposals import Disposals
from .errors import PeerGoneError, RemoteError
from .host import Host, ScriptRequest, Settleable
from .introductions import Introductions
from .messages import CallRequest, Message
from .objects import ObjectStore
from .passage import Passage
from .plain import PlainMessage, are_plain_values
from .proxies import HeldObjects, Releases, RemoteFunction
from .references import Codec
from .states import Event, Phase, Remote, after
from .streams import OwnStream, StreamStep
from .values import decode, encode_arguments
from .waiting import PendingCall, Waiting

__all__ = ["Peer"]

_ANYBODY = ""
"""In place of a peer that one waits for: the first one will do."""


class Peer:
    """The end `peer_id` of the RPC.

    `config` is what the greetings carry. `salt` should differ between two lives of one peer id: see
    `ObjectStore`.
    """

    def __init__(
        self, peer_id: str, host: Host, config: Optional[Mapping[str, Any]] = None, salt: str = ""
    ) -> None:
        self.peer_id = peer_id
        self.config: Dict[str, Any] = {"api_version": messages.API_VERSION, **(config or {})}
        self.store = ObjectStore(salt)
        self.releases = Releases()
        self.held_objects = HeldObjects()
        self.codecs: Dict[str, Codec] = {}
        self.remotes: Dict[str, Remote] = {}
        self._host = host
        self._salt = salt
        self.interface_id = f"interface{salt}"
        """The object id of what is exported."""
        self._numbers = itertools.count()
        self._waiting = Waiting()
        self._disposals = Disposals(self, self._waiting, self._send)
        introductions = Introductions(self, self.config, self.interface_id, self._send)
        self._introductions = introductions
        self._handlers: Dict[str, Callable[[str, Remote, Message], None]] = {
            "initialize": introductions.initialize,
            "initialized": introductions.initialized,
            "getInterface": introductions.get_interface,
            "setInterface": introductions.set_interface,
            "interfaceSetAsRemote": self._on_interface_set,
            "execute": self._on_execute,
            "method": self._on_method,
            "callback": self._on_callback,
            "cancel": self._on_cancel,
            "disposeObject": self._disposals.asked,
            "disposed": self._disposals.answered,
            "disconnect": self._on_disconnect,
        }

    # What the host does with it

    def receive(self, sender: str, message: Any) -> None:
        """Deal with a message from another peer. Raises DialectError when it is malformed."""
        kind = messages.type_of(message)
        remote = self.remotes.get(sender)
        if remote is None or remote.phase is Phase.GONE:
            remote = self.joined(sender)
        handle = self._handlers.get(kind)
        if handle is not None:
            handle(sender, remote, message)
        if "released" in message:
            remote.says_releases = True
            if message["released"]:
                self.store.release(messages.released_ids(message), sender)
        if kind not in messages.CALLS:
            error = message.get("error") if kind == "executed" else None
            self._waiting.settle_request(sender, kind, message, error)
            self._host.heard(sender, kind, message)
        untold = self.releases.waiting
        if untold.get(self.peer_id):
            self._disposals.tell_of_ours()
        if remote.says_releases and untold.get(sender):
            self._disposals.tell(sender)

    def joined(self, peer_id: str) -> Remote:
        """Return what is known of a peer that is there, from now on if it was not."""
        remote = self.remotes.get(peer_id)
        if remote is None or remote.phase is Phase.GONE:
            remote = self.remotes[peer_id] = Remote()
        return remote

    def greet(self, peer_id: str) -> None:
        """Tell another end that this one is ready to be initialized."""
        self._send(
            peer_id,
            messages.simple("imjoyRPCReady", config=dict(self.config), peer_id=self.peer_id),
        )

    def send(self, to: str, kind: str, **fields: Any) -> None:
        """Send a message that needs no encoding: a greeting, a log line."""
        self._send(to, messages.simple(kind, **fields))

    def expect(self, sender: str, kind: str, label: str) -> Any:
        """Return what waits for the next message of this type from that peer."""
        promise = self._host.new_promise(label)
        self._waiting.add_request(sender, kind, promise)
        return promise

    def execute(self, to: str, content: str, filename: str, first_line: int = 1) -> Any:
        """Return what waits for a script to have run at the other end, or raises its error."""
        done = self.expect(to, "executed", f"script {filename}")
        self._send(to, messages.execute(content, filename, first_line))
        return done

    def export(self, api: Any) -> None:
        """Make the public functions of an object or a dict the interface of this peer.

        Everybody who has asked for it gets it, now or when they ask. Raises UnsupportedValueError
        for a member that cannot be sent.
        """
        self._introductions.export(api)
        for peer_id, remote in list(self.remotes.items()):
            if remote.wants_interface and remote.phase is not Phase.GONE:
                self._introductions.send_interface(peer_id)

    def offer(self, to: str) -> None:
        """Send our interface to an end that has not asked, and again when it changes."""
        self.joined(to).wants_interface = True
        self._introductions.send_interface(to)

    def when_taken_up(self, promise: Settleable) -> None:
        """Resolve the promise when the next other end says that it has our interface."""
        self._waiting.add_request(_ANYBODY, "interfaceSetAsRemote", promise)

    @property
    def has_interface(self) -> bool:
        """Whether anything has been exported."""
        return self._introductions.has_interface

    def dispose(self, value: Any) -> Any:
        """Return what waits for another peer to have forgotten an object of its own.

        Raises ValueError for a value that is no remote object.
        """
        return self._disposals.ask(value)

    def fail_calls(self, peer_id: str, reason: Optional[Mapping[str, Any]] = None) -> None:
        """End every call that waits for this peer, with `PeerGoneError`.

        `reason` is that of a `peer_gone` or `undeliverable` frame.
        """
        self._waiting.fail(peer_id, PeerGoneError.because(peer_id, reason or {}))

    def peer_gone(self, peer_id: str, reason: Optional[Mapping[str, Any]] = None) -> None:
        """Forget a peer that has left and what it held; end every call that waits for it."""
        remote = self.remotes.get(peer_id)
        if remote is not None:
            remote.phase = after(remote.phase, Event.LEFT)
            remote.interface = None
            remote.end = reason
            remote.wants_interface = False
        self.fail_calls(peer_id, reason)
        self.store.holder_left(peer_id)
        self.releases.forget(peer_id)

    def close(self, reason: Optional[Mapping[str, Any]] = None) -> None:
        """Treat every other peer as gone: the link is down."""
        for peer_id in self._waiting.peers().union(self.remotes):
            self.peer_gone(peer_id, reason)
        self.store.clear()

    @property
    def waiting(self) -> int:
        """How many calls of ours wait for an answer."""
        return len(self._waiting)

    # What its proxies and its calls do with it

    def call(self, function: RemoteFunction, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Any:
        """Return what waits for the answer of a call of another peer's function; it is on its way.

        Raises UnsupportedValueError, naming the argument that cannot be sent.
        """
        tree, target = function.tree, function.target
        passage = None
        name = tree["_rvalue"]
        if not (kwargs or self.codecs) and are_plain_values(args):
            encoded = list(args)
        else:
            passage = Passage(self, target)
            lasts = function.is_method and name.rpartition(".")[2] in messages.INTERFACE_NAMES
            encoded = encode_arguments(args, kwargs, passage, as_interface=lasts)
        if function.is_method:
            message = messages.method(target, tree["_rintf"], name, encoded, bool(kwargs))
        else:
            message = messages.callback(target, name, encoded, bool(kwargs))
        if passage is None:
            message = PlainMessage(message)
        return self._begin(function, message, passage)

    def cancel(self, key: str) -> None:
        """Wait no more for the answer of a call, and tell the other end so; its promise is settled.

        `key` is what its promise was made with. Does nothing when the answer is there.
        """
        call = self._waiting.take_call(key)
        if call is None:
            return
        self._send(call.target, messages.cancel(call.target, f"{key}:resolve"))
        remote = self.remotes.get(call.target)
        if remote is None or not remote.says_releases:
            self.callbacks_outlive(call.callback_ids, call.target)

    def send_answer(self, to: str, message: Message) -> None:
        """Send an answer, with what we have let go of."""
        message["released"] = self.releases.take(to)
        self._send(to, message)

    def callbacks_outlive(self, callback_ids: List[str], holder: str) -> None:
        """Keep callbacks whose call has ended as long as there is room for them."""
        if callback_ids:
            self.store.call_ended(callback_ids, holder)

    def end_stream(self, stream: OwnStream) -> None:
        """Have the step of a generator that runs ended, and the generator closed."""
        if stream.is_over:
            return
        stream.is_abandoned = True
        call = stream.current
        if call is not None and not call.is_cancelled:
            call.is_cancelled = True
            self._host.cancel_call(call)
        self._host.end_stream(stream)

    def let_go_soon(self, owner: str) -> None:
        """Have an owner told soon, and not with the next message, what nobody here holds."""
        self._host.soon(lambda: self._disposals.tell(owner))

    def _begin(self, function: RemoteFunction, message: Message, passage: Optional[Passage]) -> Any:
        target = function.target
        key = f"p{self._salt}{next(self._numbers)}"
        message["promise"] = [self._reference(key, "resolve"), self._reference(key, "reject")]
        message["released"] = self.releases.take(target)
        options = function.options
        on_progress = None if options is None else options.on_progress
        if on_progress is not None:
            message["progress"] = self._reference(key, "progress")
        promise = self._host.new_promise(function.__name__, key)
        callback_ids = [] if passage is None else passage.commit(target)
        self._waiting.add_call(key, PendingCall(target, promise, callback_ids, on_progress))
        try:
            self._send(target, message)
        except BaseException:
            self._waiting.take_call(key)
            self.store.release(callback_ids, target)
            raise
        remote = self.remotes.get(target)
        if remote is not None and remote.phase is Phase.GONE:
            self.fail_calls(target, remote.end)
        elif options is not None and options.timeout_s is not None:
            promise.expire_after(options.timeout_s)
        return promise

    def _reference(self, key: str, outcome: str) -> Dict[str, Any]:
        return {
            "_rtype": "callback",
            "_rtarget_id": self.peer_id,
            "_rvalue": f"{key}:{outcome}",
        }

    # Messages, by type

    def _on_interface_set(self, sender: str, remote: Remote, message: Message) -> None:
        self._waiting.settle_requests(_ANYBODY, "interfaceSetAsRemote", None)

    def _on_execute(self, sender: str, remote: Remote, message: Message) -> None:
        code = message.get("code")
        request = ScriptRequest(
            sender,
            code if isinstance(code, dict) else {},
            lambda reply: self._send(sender, reply),
        )
        self._host.run_script(request)

    def _on_method(self, sender: str, remote: Remote, message: Message) -> None:
        request = messages.call_request(message)
        function = self.store.method(str(request.object_id), request.name, sender)
        is_over = function is None and self.store.has_ended(str(request.object_id))
        if function is None:
            function = _missing(f"there is no function {request.name!r} here (any more)")
        call = IncomingCall(self, sender, function, request, remote.running)
        if is_over:
            call.succeed({"done": True})
        elif type(function) is StreamStep:
            self._run_step(call, function)
        else:
            self._host.run_call(call)

    def _run_step(self, call: IncomingCall, step: StreamStep) -> None:
        if call.label == "return":
            step.stream.forget()
        self._host.run_step(call, step.stream)

    def _on_callback(self, sender: str, remote: Remote, message: Message) -> None:
        request = messages.call_request(message)
        function = None
        if isinstance(request.name, str):
            key, _, outcome = request.name.rpartition(":")
            if self._waiting.target_of(key) == sender:
                if outcome != "progress":
                    self._on_answer(sender, key, outcome, request)
                    return
                function = self._waiting.listener_of(key)
        if function is None:
            function = self.store.callback(request.name, sender)
        if function is None:
            if request.promise is None:
                # Late for a call that was cancelled: its owner hears that we keep nothing of it.
                decode(request.args, Passage(self, sender))
                return
            function = _missing("the function that was given away is no longer there")
        self._host.run_call(IncomingCall(self, sender, function, request, remote.running))

    def _on_answer(self, sender: str, key: str, outcome: str, request: CallRequest) -> None:
        call = self._waiting.take_call(key)
        if call is None:
            return
        value: Any = None
        settle: Callable[[Any], None] = call.promise.reject
        try:
            values = decode(request.args, Passage(self, sender))
        except Exception as error:  # noqa: BLE001 - a codec of ours may raise anything
            value = error
        else:
            value = values[0] if values else None
            if outcome == "resolve":
                settle = call.promise.resolve
            elif not isinstance(value, Exception):
                value = RemoteError("" if value is None else str(value))
        if call.on_progress is None:
            settle(value)
        else:
            self._host.after_reports(f"{key}:progress", lambda: settle(value))
        if not request.says_releases:
            self.callbacks_outlive(call.callback_ids, sender)

    def _on_cancel(self, sender: str, remote: Remote, message: Message) -> None:
        call = remote.running.get(messages.cancelled_call(message))
        if call is not None and not call.is_cancelled:
            call.is_cancelled = True
            self._host.cancel_call(call)

    def _on_disconnect(self, sender: str, remote: Remote, message: Message) -> None:
        self.peer_gone(sender, {"code": "disconnected", "message": "The other end has left."})

    # Sending

    def _send(self, to: str, message: Message) -> None:
        if to == self.peer_id:
            self.receive(to, message)
        else:
            self._host.send(to, message)


def _missing(reason: str) -> Callable[..., Any]:
    def function(*_args: Any, **_kwargs: Any) -> Any:
        raise LookupError(reason)

    return function

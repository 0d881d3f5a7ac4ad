"""Peers joined in memory: what one sends the other receives, packed and unpacked on the way."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from imjoy_wire import codec
from imjoy_wire.calls import IncomingCall
from imjoy_wire.errors import CallCancelledError, PeerGoneError
from imjoy_wire.host import ScriptRequest
from imjoy_wire.peer import Peer
from imjoy_wire.steps import close_stream, run_step
from imjoy_wire.streams import OwnStream


class Outcome:
    """A promise that tells what became of it."""

    def __init__(self, label: str, key: str = "", host: MemoryHost | None = None) -> None:
        self.label = label
        self._host = host
        self.key = key
        self.limit_s: float | None = None
        self.is_settled = False
        self._value: Any = None
        self._error: BaseException | None = None

    def resolve(self, value: Any) -> None:
        assert not self.is_settled, f"{self.label} was settled twice"
        self.is_settled, self._value = True, value

    def reject(self, error: BaseException) -> None:
        assert not self.is_settled, f"{self.label} was settled twice"
        self.is_settled, self._error = True, error

    def expire_after(self, timeout_s: float) -> None:
        self.limit_s = timeout_s

    def cancel(self) -> bool:
        if self.is_settled:
            return False
        self.is_settled, self._error = True, CallCancelledError(f"{self.label} was given up")
        if self._host is not None:
            self._host.peer.cancel(self.key)
        return True

    def result(self) -> Any:
        """Return the answer, when all that is on its way has arrived."""
        if not self.is_settled and self._host is not None:
            self._host.network.run()
        return self.value

    def __await__(self) -> Any:
        yield from ()
        return self.result()

    @property
    def value(self) -> Any:
        assert self.is_settled, f"{self.label} waits for its answer"
        if self._error is not None:
            raise self._error
        return self._value

    @property
    def error(self) -> BaseException | None:
        assert self.is_settled, f"{self.label} waits for its answer"
        return self._error


class MemoryHost:
    """Lives in one thread: runs calls when they arrive, or keeps them until told to."""

    def __init__(self, network: Network, peer_id: str) -> None:
        self.network = network
        self._peer_id = peer_id
        self.heard_kinds: list[str] = []
        self.scripts: list[ScriptRequest] = []
        self.calls: list[IncomingCall] = []
        self.keeps_calls = False

    def send(self, to: str, message: dict[str, Any]) -> None:
        self.network.put(self._peer_id, to, message)

    @property
    def peer(self) -> Peer:
        return self.network.peers[self._peer_id]

    def new_promise(self, label: str, key: str = "") -> Outcome:
        return Outcome(label, key, self)

    def run_call(self, call: IncomingCall) -> None:
        if self.keeps_calls:
            self.calls.append(call)
        else:
            run(call)

    def after_reports(self, callback_id: str, settle: Callable[[], None]) -> None:
        settle()

    def cancel_call(self, call: IncomingCall) -> None:
        call.end_cancelled()

    def run_step(self, call: IncomingCall, stream: OwnStream) -> None:
        if self.keeps_calls:
            self.calls.append(call)
        else:
            run_step(stream, call, lambda call, error: call.fail(error))

    def end_stream(self, stream: OwnStream) -> None:
        close_stream(stream)

    def soon(self, function: Callable[[], None]) -> None:
        self.network.soon.append(function)

    def run_script(self, request: ScriptRequest) -> None:
        self.scripts.append(request)

    def heard(self, sender: str, kind: str, message: dict[str, Any]) -> None:
        self.heard_kinds.append(kind)


def run(call: IncomingCall) -> None:
    """Call the function with its arguments, and answer."""
    try:
        args, kwargs = call.arguments()
        result = call.function(*args, **kwargs)
        del args, kwargs
    except Exception as error:  # noqa: BLE001 - the border between caller and called
        call.fail(error)
    else:
        call.succeed(result)


class Network:
    """Carries messages between its peers, in the order in which they were sent."""

    def __init__(self) -> None:
        self.peers: dict[str, Peer] = {}
        self.hosts: dict[str, MemoryHost] = {}
        self.sent: list[tuple[str, str, dict[str, Any]]] = []
        self.soon: deque[Callable[[], None]] = deque()
        self._queue: deque[tuple[str, str, bytes, list[Any]]] = deque()

    def add(self, peer_id: str, salt: str = "") -> Peer:
        """Return a new peer of this network."""
        host = MemoryHost(self, peer_id)
        self.hosts[peer_id] = host
        self.peers[peer_id] = Peer(peer_id, host, {"name": peer_id}, salt)
        return self.peers[peer_id]

    def put(self, sender: str, to: str, message: dict[str, Any]) -> None:
        """Have a message delivered by the next `run`."""
        self.sent.append((sender, to, message))
        self._queue.append((sender, to, *codec.pack(message)))

    def run(self) -> None:
        """Deliver until nothing is on its way; a peer that has left answers with its absence."""
        while self._queue or self.soon:
            if self.soon:
                self.soon.popleft()()
                continue
            sender, to, body, buffers = self._queue.popleft()
            if to in self.peers:
                arrived = codec.unpack(body, [bytes(buffer) for buffer in buffers])
                self.peers[to].receive(sender, arrived)
            elif sender in self.peers:
                self.peers[sender].fail_calls(to, {"message": f"{to} is not here."})

    def kinds(self, sender: str) -> list[str]:
        """Return the types of all that a peer has sent."""
        return [message["type"] for source, _, message in self.sent if source == sender]

    def introduce(self, user: str, exporter: str) -> Any:
        """Return the interface that `exporter` has exported, as `user` sees it."""
        self.peers[user].send(exporter, "getInterface")
        self.run()
        return self.peers[user].remotes[exporter].interface


def gone(outcome: Outcome) -> PeerGoneError:
    """Return the error of a call whose peer has left."""
    assert isinstance(outcome.error, PeerGoneError), outcome.error
    return outcome.error

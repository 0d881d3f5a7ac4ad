"""Everything of a peer's that waits for another peer: calls for answers, requests for messages.

All of it comes to an end: settled, or failed when the other peer leaves.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Callable, Deque, Dict, List, NamedTuple, Optional, Set, Tuple

from .errors import RemoteError
from .host import Settleable

__all__ = ["PendingCall", "Waiting"]


class PendingCall(NamedTuple):
    """A call of ours that has not been answered."""

    target: str
    promise: Settleable
    callback_ids: List[str]
    """The callbacks of ours that it took along."""
    on_progress: Optional[Callable[..., Any]] = None
    """Hears how far the call is."""


class Waiting:
    """The calls and requests that other peers have not answered yet."""

    def __init__(self) -> None:
        self._calls: Dict[str, PendingCall] = {}
        self._requests: Dict[Tuple[str, str], Deque[Settleable]] = {}

    def __len__(self) -> int:
        """How many calls wait."""
        return len(self._calls)

    def add_call(self, key: str, call: PendingCall) -> None:
        """Let a call wait under a key that is new."""
        self._calls[key] = call

    def target_of(self, key: str) -> Optional[str]:
        """Return the peer that a call waits for; None when no such call waits."""
        call = self._calls.get(key)
        return None if call is None else call.target

    def listener_of(self, key: str) -> Optional[Callable[..., Any]]:
        """Return what hears how far a call is; None when nothing does, or no such call waits."""
        call = self._calls.get(key)
        return None if call is None else call.on_progress

    def take_call(self, key: str) -> Optional[PendingCall]:
        """Return a call and let it wait no more; None when somebody else has taken it."""
        return self._calls.pop(key, None)

    def add_request(self, sender: str, kind: str, promise: Settleable) -> None:
        """Let a promise wait for the next message of this kind, after those that do already."""
        self._requests.setdefault((sender, kind), deque()).append(promise)

    def settle_request(self, sender: str, kind: str, value: Any, error: Any = None) -> None:
        """Serve whoever has waited longest for this; an `error` is a text of the other end's."""
        promises = self._requests.get((sender, kind))
        if not promises:
            return
        promise = promises.popleft()
        if not promises:
            self._requests.pop((sender, kind), None)
        if error is None:
            promise.resolve(value)
        else:
            promise.reject(RemoteError(str(error)))

    def settle_requests(self, sender: str, kind: str, value: Any) -> None:
        """Serve everybody who waits for this."""
        for promise in self._requests.pop((sender, kind), ()):
            promise.resolve(value)

    def peers(self) -> Set[str]:
        """Return the peers that something waits for."""
        waited_for = {call.target for call in list(self._calls.values())}
        return waited_for.union(sender for sender, _ in list(self._requests))

    def fail(self, peer_id: str, error: BaseException) -> None:
        """End everything that waits for this peer with an error."""
        for key, call in list(self._calls.items()):
            if call.target == peer_id and self._calls.pop(key, None) is not None:
                call.promise.reject(error)
        for waited_for, kind in list(self._requests):
            if waited_for == peer_id:
                for promise in self._requests.pop((waited_for, kind), ()):
                    promise.reject(error)

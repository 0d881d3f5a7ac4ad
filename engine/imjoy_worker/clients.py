"""Who a plugin works for: the clients that are there, those that came in the place of others, and
the calls that wait for one.

A page that is loaded anew is another client. Until it is there, what the plugin calls of its core
waits; so does what the old page has left unanswered, which is asked again. The same goes for a
plugin whose last client has left, which waits for the next. Of what only shows how far something
is, the last call is kept.
"""

import threading
from typing import Any, Dict, List, NamedTuple, Sequence, Set, Tuple

from imjoy_wire.errors import PeerGoneError

from .promise import Promise

__all__ = ["LAST_COUNTS", "MAX_WAITING", "Clients", "WaitingCall"]

MAX_WAITING = 10_000
LAST_COUNTS = frozenset({"progress", "showProgress", "showStatus"})
"""Functions of the core that show how far something is."""


class WaitingCall(NamedTuple):
    """A call of one of the core's functions, for the client of `caller`."""

    path: str
    options: Dict[str, Any]
    args: Tuple[Any, ...]
    kwargs: Dict[str, Any]
    promise: Promise
    caller: str


class Clients:
    """The clients of one plugin. Every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._there: List[str] = []
        self._coming: Set[str] = set()  # in the place of another, or themselves to be replaced
        self._heirs: Dict[str, str] = {}
        self._waiting: List[WaitingCall] = []
        self._is_closed = False

    def joined(self, client: str, replaces: Sequence[str]) -> None:
        """Take note that a client has come in the place of others; it is not ready yet."""
        with self._lock:
            for earlier in replaces:
                self._heirs[earlier] = client
                self._coming.add(client)

    def ready(self, client: str) -> List[WaitingCall]:
        """Take note that a client has said what its functions are; return what waited for it."""
        with self._lock:
            self._coming.discard(client)
            if not self._there:
                # Nobody else is there, so it takes the place of whoever was.
                self._heirs.update({gone: client for gone in self._coming})
                self._coming.clear()
            if client not in self._there:
                self._there.append(client)
            calls = self._waiting
            self._waiting = [call for call in calls if not self._serving(call.caller)]
            return [call for call in calls if self._serving(call.caller)]

    def gone(self, client: str, *, returns: bool = False) -> None:
        """Take note that a client has left, and whether another one comes in its place."""
        with self._lock:
            self._coming.discard(client)
            if returns:
                self._coming.add(client)
            if client in self._there:
                self._there.remove(client)

    def serving(self, caller: str) -> str:
        """Return the client that code called by `caller` works for; "" while there is none."""
        with self._lock:
            return self._serving(caller)

    def is_left(self, caller: str) -> bool:
        """Return whether the caller has gone for good, while others are there."""
        with self._lock:
            caller = self._heir(caller)
            gone = caller not in self._there and caller not in self._coming
            return gone and bool(self._there)

    def wait(self, call: WaitingCall) -> bool:
        """Keep a call until its client is ready; return whether there is one already.

        Its promise is rejected when the plugin is ending, or when too much waits.
        """
        refusal = ""
        replaced: List[Promise] = []
        with self._lock:
            if self._serving(call.caller):
                return True
            if self._is_closed:
                refusal = "the plugin is ending, and no page is connected to it"
            elif len(self._waiting) >= MAX_WAITING:
                refusal = "no page is connected, and {} calls wait for one already".format(
                    MAX_WAITING
                )
            else:
                replaced = self._without_earlier(call)
                self._waiting.append(call)
        if refusal:
            call.promise.reject(PeerGoneError("api.{}: {}.".format(call.path, refusal)))
        for promise in replaced:
            promise.resolve(None)
        return False

    def close(self) -> None:
        """Refuse what waits and what would wait from now on."""
        with self._lock:
            self._is_closed = True
            calls, self._waiting = self._waiting, []
        for call in calls:
            call.promise.reject(PeerGoneError("api.{}: the plugin has ended.".format(call.path)))

    def _heir(self, caller: str) -> str:
        while caller in self._heirs:
            caller = self._heirs[caller]
        return caller

    def _serving(self, caller: str) -> str:
        caller = self._heir(caller)
        if caller in self._there:
            return caller
        if caller in self._coming or not self._there:
            return ""
        return self._there[0]

    def _without_earlier(self, call: WaitingCall) -> List[Promise]:
        """Take out the earlier calls that this one replaces; return their promises."""
        if call.path not in LAST_COUNTS:
            return []
        kept, replaced = [], []
        for each in self._waiting:
            if (each.path, each.caller) == (call.path, call.caller):
                replaced.append(each.promise)
            else:
                kept.append(each)
        self._waiting = kept
        return replaced

"""What a peer has handed out, to whom, and until when.

A *callback* is a function that went out as an argument or inside a result; an *object* is what went
out as an interface: a table of functions under one id. Both may be called as often as the other end
likes. They end in one of these ways:

    released   the holder tells that it let go of them, and nobody else holds them
    disposed   somebody asks for it by name (objects only)
    left       every peer that held them is gone
    crowded    a holder that never tells when it lets go holds more than `MAX_UNTOLD` callbacks of
               calls that have ended: the oldest goes

Every method may be called from any thread: each changes the store by single steps that CPython
makes whole, and a step that another thread has already taken is passed over.
"""

from __future__ import annotations

import itertools
from collections import OrderedDict, deque
from typing import Any, Callable, Deque, Dict, Iterable, List, Mapping, Optional, Set

__all__ = ["MAX_ENDED", "MAX_UNTOLD", "ObjectStore"]

MAX_UNTOLD = 1024
MAX_ENDED = 1024

Function = Callable[..., Any]


class _Entry:
    """One id that somebody holds."""

    __slots__ = ("functions", "holders", "keep", "on_end")

    def __init__(self, functions: Dict[str, Function], holder: str, keep: bool) -> None:
        self.functions = functions
        self.holders: Set[str] = {holder}
        self.keep = keep
        self.on_end: Optional[Callable[[], None]] = None


class ObjectStore:
    """Knows every function that other peers may call, and forgets it in time.

    `salt` makes the ids of this store unlike those of an earlier process of the same peer, so that
    a stale proxy finds nothing instead of a stranger.
    """

    def __init__(self, salt: str = "") -> None:
        self._salt = salt
        self._numbers = itertools.count()
        self._entries: Dict[str, _Entry] = {}
        self._untold: Dict[str, Deque[str]] = {}
        self._ended: OrderedDict[str, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def new_id(self, prefix: str) -> str:
        """Return an id that this store has not used."""
        return f"{prefix}{self._salt}{next(self._numbers)}"

    def add_callback(self, callback_id: str, function: Function, holder: str) -> None:
        """Let `holder` call the function under this id."""
        known = self._entries.get(callback_id)
        if known is None:
            self._entries[callback_id] = _Entry({"": function}, holder, False)
        else:
            known.holders.add(holder)

    def add_object(
        self, object_id: str, functions: Mapping[str, Function], holder: str, lasting: bool
    ) -> None:
        """Let `holder` call these functions by their paths in an object of this id.

        A lasting object, which has a name or is a peer's own interface, stays until it is disposed
        of or the last of its holders has left, whatever is told about releases. (Of a peer's own
        interface that is the peer itself.) Its functions take the place of those that the id had
        before.
        """
        known = self._entries.get(object_id)
        if known is None:
            self._entries[object_id] = _Entry(dict(functions), holder, lasting)
        else:
            known.holders.add(holder)
            known.functions = dict(functions)

    def add_stream(
        self, object_id: str, functions: Mapping[str, Function], holder: str, on_end: Any
    ) -> None:
        """Let `holder` draw from a generator; `on_end()` is called when it is forgotten."""
        self.add_object(object_id, functions, holder, False)
        entry = self._entries.get(object_id)
        if entry is not None:
            entry.on_end = on_end

    def hold(self, entry_id: object, holder: str) -> None:
        """Let `holder` keep what somebody else holds already."""
        entry = self._entries.get(entry_id) if isinstance(entry_id, str) else None
        if entry is not None:
            entry.holders.add(holder)

    def callback(self, callback_id: object, caller: str) -> Optional[Function]:
        """Return the function that a callback's id stands for; None when it is no longer held."""
        return self._function(callback_id, "", caller)

    def method(self, object_id: str, path: str, caller: str) -> Optional[Function]:
        """Return the function at a path of an object; None when there is no such thing any more."""
        return self._function(object_id, path, caller)

    def _function(self, entry_id: object, path: str, caller: str) -> Optional[Function]:
        entry = self._entries.get(entry_id) if isinstance(entry_id, str) else None
        if entry is None:
            return None
        entry.holders.add(caller)  # it may have been handed on: who calls it holds it
        return entry.functions.get(path)

    def holds_object(self, object_id: str) -> bool:
        """Tell whether anything is known under this id."""
        return object_id in self._entries

    def paths(self, object_id: str) -> List[str]:
        """Return the paths of an object's functions, for a message that says what there is."""
        entry = self._entries.get(object_id)
        return [] if entry is None else sorted(path for path in entry.functions if path)

    def call_ended(self, callback_ids: Iterable[str], holder: str) -> None:
        """Let callbacks of an ended call end when they are crowded out.

        For a holder that never tells when it lets go of something; one that does is believed.
        """
        crowd = self._untold.setdefault(holder, deque())
        crowd.extend(callback_ids)
        while len(crowd) > MAX_UNTOLD:
            self._let_go(crowd.popleft(), holder)

    def release(self, ids: Iterable[str], holder: str) -> None:
        """Forget what this holder has let go of, unless somebody else holds it too."""
        for entry_id in ids:
            entry = self._entries.get(entry_id)
            if entry is not None and not entry.keep:
                self._let_go(entry_id, holder)

    def dispose(self, object_id: str) -> bool:
        """Forget an object for everybody; tell whether there was one."""
        entry = self._entries.get(object_id)
        if entry is not None and entry.on_end is not None:
            self._keep_ended(object_id)
        return self._forget(object_id)

    def has_ended(self, object_id: str) -> bool:
        """Tell whether it was a generator that came to its end, or was closed, not long ago.

        Whoever draws asks for a few items ahead, and so also for some after the last. One that was
        let go of has not ended: who draws from it still must not take that for its end.
        """
        return object_id in self._ended

    def _keep_ended(self, object_id: str) -> None:
        self._ended[object_id] = None
        if len(self._ended) > MAX_ENDED:
            self._ended.popitem(last=False)

    def holder_left(self, holder: str) -> None:
        """Forget everything that only this peer held."""
        self._untold.pop(holder, None)
        for entry_id in list(self._entries):
            self._let_go(entry_id, holder)

    def clear(self) -> None:
        """Forget everything."""
        for entry_id in list(self._entries):
            self._forget(entry_id)
        self._untold.clear()
        self._ended.clear()

    def _let_go(self, entry_id: str, holder: str) -> None:
        entry = self._entries.get(entry_id)
        if entry is None:
            return
        entry.holders.discard(holder)
        if not entry.holders:
            self._forget(entry_id)

    def _forget(self, entry_id: str) -> bool:
        entry = self._entries.pop(entry_id, None)
        if entry is not None and entry.on_end is not None:
            entry.on_end()
        return entry is not None

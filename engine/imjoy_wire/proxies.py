"""What stands here for another peer's functions and objects, and how their owner hears of its end.

An id that arrives becomes a `RemoteFunction`, or the `Held` mark behind a decoded object; when the
last thing that stands for it is collected, its owner is told with the next message that goes there.
Which ids of ours go out: `passage`; what is kept for them: `objects`.
"""

from __future__ import annotations

import weakref
from collections import deque
from typing import Any, Callable, Deque, Dict, List, Optional, Tuple

from .options import CallOptions
from .references import Tree

try:
    from typing import Protocol
except ImportError:  # Python 3.7, which is not promised but costs nothing
    Protocol = object  # type: ignore[assignment]

__all__ = ["Caller", "Held", "HeldObjects", "Releases", "RemoteFunction"]

MAX_TOLD_AT_ONCE = 10_000


class Caller(Protocol):
    """What a proxy needs of the peer that it belongs to."""

    def call(self, function: RemoteFunction, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Any:
        """Return what waits for the answer of a call of another peer's function."""
        ...


class Releases:
    """The ids that nothing here refers to any more and whose owners have not been told yet.

    `add` is called by the garbage collector, hence at any moment in any thread.
    """

    def __init__(self) -> None:
        self.waiting: Dict[str, Deque[str]] = {}
        """The ids by their owners; some owners may have none."""

    def add(self, owner: str, object_id: str) -> None:
        """Have the owner told."""
        self.waiting.setdefault(owner, deque()).append(object_id)

    def take(self, owner: str) -> List[str]:
        """Return what the owner is to be told now."""
        waiting = self.waiting.get(owner)
        ids: List[str] = []
        if not waiting:
            return ids
        try:
            while waiting and len(ids) < MAX_TOLD_AT_ONCE:
                ids.append(waiting.popleft())
        except IndexError:  # another thread was faster
            pass
        return ids

    def forget(self, owner: str) -> None:
        """Drop what was for an owner that has left."""
        self.waiting.pop(owner, None)


class Held:
    """One id of another peer's that something here refers to."""

    __slots__ = ("_releases", "is_shared", "object_id", "owner")

    def __init__(self, owner: str, object_id: Any, releases: Releases) -> None:
        self.owner = owner
        self.object_id = object_id
        self.is_shared = False
        """It was handed on to a third peer, of which the owner may not know: never let go."""
        self._releases = releases

    def __del__(self) -> None:
        # Ids of original JavaScript ends are numbers, which are used again: never spoken of.
        if not self.is_shared and isinstance(self.object_id, str):
            self._releases.add(self.owner, self.object_id)


class HeldObjects:
    """Which decoded values stand for which objects of other peers."""

    def __init__(self) -> None:
        self._marks: Dict[int, Tuple[Any, Held]] = {}

    def __len__(self) -> int:
        return len(self._marks)

    def add(self, value: Any, held: Held) -> None:
        """Remember the value until it is collected; one that cannot be watched is passed over."""
        key = id(value)
        marks = self._marks
        try:
            watch = weakref.ref(value, lambda _: marks.pop(key, None))
        except TypeError:
            return
        marks[key] = (watch, held)

    def find(self, value: Any) -> Optional[Held]:
        """Return the mark of an object; None for a value that is no remote object."""
        known = self._marks.get(id(value))
        return known[1] if known is not None and known[0]() is value else None


class RemoteFunction:
    """A function of another peer. A call of it is sent at once; what waits for it is returned.

    `options` is what its calls keep to, if anything: see `with_options`.
    """

    __slots__ = ("__name__", "__weakref__", "_caller", "held", "options", "target", "tree")

    def __init__(
        self,
        tree: Tree,
        target: str,
        held: Held,
        caller: Caller,
        options: Optional[CallOptions] = None,
    ) -> None:
        self.tree = tree
        self.target = target
        self.held = held
        self.options = options
        self._caller = caller
        name = tree["_rvalue"] if self.is_method else tree.get("_rname")
        self.__name__ = name if isinstance(name, str) and name else "callback"

    @property
    def is_method(self) -> bool:
        """Whether it is a member of an interface; else it came alone."""
        return "_rintf" in self.tree

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Send the call. Raises UnsupportedValueError for an argument that cannot be sent."""
        return self._caller.call(self, args, kwargs)

    def with_options(
        self,
        timeout_s: Optional[float] = None,
        on_progress: Optional[Callable[..., Any]] = None,
    ) -> RemoteFunction:
        """Return the same function, to be called with a limit of time, with a listener, or both.

        A call that has no answer after `timeout_s` seconds is cancelled and raises
        CallTimeoutError. `on_progress` is called with whatever the function reports meanwhile.
        Raises ValueError for a time that is not more than nothing.
        """
        options = CallOptions.checked(timeout_s, on_progress)
        return RemoteFunction(self.tree, self.target, self.held, self._caller, options)

    def __repr__(self) -> str:
        return f"<function {self.__name__} of {self.target}>"

    def _identity(self) -> Tuple[Any, ...]:
        return self.target, self.tree.get("_rintf"), self.tree["_rvalue"]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RemoteFunction) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

"""Generators that are drawn from over the wire: one end owns it, the other iterates.

    {"_rtype": "generator", "_rintf": id, "next": method, "return": method}

It is an interface with the two methods of an iterator in JavaScript: `next` gives `{"value": …,
"done": false}` for each item and then `{"done": true}`, or raises what the generator raises;
`return` closes it. So it is of use to an original end too. Whoever iterates asks for a few items
ahead, each by a call of its own, and never for more: that is the back-pressure. A generator is
closed where it lives when it is let go of, by whatever way; then steps that run are cancelled.

How steps are run: `steps`.
"""

from __future__ import annotations

from collections import deque
from types import AsyncGeneratorType, GeneratorType
from typing import Any, Callable, Deque, Dict, Optional

from .errors import DialectError
from .proxies import Held, RemoteFunction
from .references import Tree

try:
    from typing import Protocol
except ImportError:  # Python 3.7, which is not promised but costs nothing
    Protocol = object  # type: ignore[assignment]

__all__ = ["GENERATORS", "MAX_AHEAD", "Drawer", "OwnStream", "RemoteStream", "StreamStep"]

GENERATORS = (GeneratorType, AsyncGeneratorType)
"""What travels as a stream. Other iterators do not: many are used for more than iterating."""

MAX_AHEAD = 8
"""Items that are asked for and not yet taken. It begins with one and doubles with each item, so
that whoever wants only the first has no others computed."""


class OwnStream:
    """A generator of ours that another peer draws from."""

    __slots__ = (
        *("current", "forget", "generator", "is_abandoned"),
        *("is_async", "is_over", "place", "steps"),
    )

    def __init__(self, generator: Any) -> None:
        self.generator = generator
        self.is_async = isinstance(generator, AsyncGeneratorType)
        self.is_over = False
        """It has ended, or raised, or was closed."""
        self.is_abandoned = False
        """Nobody draws from it any more."""
        self.steps: Deque[Any] = deque()
        """The calls that wait for their step, for whoever runs them."""
        self.current: Any = None
        """The call whose step is being run."""
        self.place: Any = None
        """What runs the steps, for whoever does."""
        self.forget: Callable[[], object] = lambda: None
        """Lets others call it no more."""

    def advance(self) -> Dict[str, Any]:
        """Return the next step of a plain generator. Raises what it raises."""
        if self.is_over:
            return {"done": True}
        try:
            return {"value": next(self.generator), "done": False}
        except StopIteration:
            self._end()
            return {"done": True}
        except BaseException:
            self._end()
            raise

    async def advance_async(self) -> Dict[str, Any]:
        """Return the next step of an asynchronous generator. Raises what it raises."""
        if self.is_over:
            return {"done": True}
        try:
            return {"value": await self.generator.__anext__(), "done": False}
        except StopAsyncIteration:
            self._end()
            return {"done": True}
        except BaseException:
            self._end()
            raise

    def close(self) -> None:
        """Close a plain generator. Raises what its last lines raise."""
        self._end()
        self.generator.close()

    async def aclose(self) -> None:
        """Close an asynchronous generator. Raises what its last lines raise."""
        self._end()
        await self.generator.aclose()

    def _end(self) -> None:
        self.is_over = True
        self.forget()


class StreamStep:
    """A function of a stream as the store keeps it; whoever calls it has a step run."""

    __slots__ = ("__name__", "stream")

    def __init__(self, stream: OwnStream, name: str) -> None:
        self.stream = stream
        self.__name__ = name

    def __call__(self) -> Any:
        """Raise TypeError: steps are run in their order, by the host."""
        raise TypeError("a step of a stream is not called but run")


class Drawer(Protocol):
    """What a stream of another peer needs of the peer that draws from it."""

    def let_go_soon(self, owner: str) -> None:
        """Have an owner told soon, and not with the next message, what nobody here holds."""
        ...


class RemoteStream:
    """A generator of another peer's. Iterate over it once: `async for`, or `for` in a thread.

    `aclose()` and `close()` close it where it lives; so does being forgotten before its end.
    """

    __slots__ = ("__weakref__", "_ahead", "_asked", "_drawer", "_next", "_return", "held", "tree")

    def __init__(self, step: RemoteFunction, finish: RemoteFunction, drawer: Drawer) -> None:
        self.held: Held = step.held
        self.tree: Tree = {
            "_rtype": "generator",
            "_rintf": step.tree["_rintf"],
            "next": step.tree,
            "return": finish.tree,
        }
        self._next: Optional[RemoteFunction] = step
        self._return = finish
        self._drawer = drawer
        self._ahead = 1
        self._asked: Deque[Any] = deque()

    def __aiter__(self) -> RemoteStream:
        return self

    async def __anext__(self) -> Any:
        promise = self._ask()
        if promise is None:
            raise StopAsyncIteration
        try:
            step = await promise
        except BaseException:
            self._abandon()
            raise
        if self._is_last(step):
            raise StopAsyncIteration
        return step.get("value")

    def __iter__(self) -> RemoteStream:
        return self

    def __next__(self) -> Any:
        """Wait in this thread for the next item. Raises what the generator raises there."""
        promise = self._ask()
        if promise is None:
            raise StopIteration
        try:
            step = promise.result()
        except BaseException:
            self._abandon()
            raise
        if self._is_last(step):
            raise StopIteration
        return step.get("value")

    async def aclose(self) -> None:
        """Return when the generator is closed where it lives. Raises what its last lines raise."""
        if self._abandon():
            await self._return()

    def close(self) -> None:
        """Have the generator closed where it lives, without waiting for it."""
        if self._abandon():
            self._return().cancel()

    def _ask(self) -> Any:
        """Return what waits for the next step, a few more asked for; None after the last."""
        if self._next is None:
            return None
        while len(self._asked) < self._ahead:
            self._asked.append(self._next())
        self._ahead = min(MAX_AHEAD, 2 * self._ahead)
        return self._asked.popleft()

    def _is_last(self, step: Any) -> bool:
        if not isinstance(step, dict):
            self._abandon()
            raise DialectError("a step of a generator that is none")
        if step.get("done"):
            self._abandon()
            return True
        return False

    def _abandon(self) -> bool:
        """Take nothing more; tell whether there may have been more to take."""
        is_open = self._next is not None
        self._next = None
        while self._asked:
            self._asked.popleft().cancel()
        return is_open

    def __del__(self) -> None:
        if getattr(self, "_next", None) is not None and not self.held.is_shared:
            self._drawer.let_go_soon(self.held.owner)

    def __repr__(self) -> str:
        return f"<generator of {self.held.owner}>"

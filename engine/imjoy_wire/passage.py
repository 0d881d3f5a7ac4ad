"""The references of one message: what of ours goes out in it, what of theirs comes in."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from .dotdict import DotDict, prefer_functions
from .errors import DialectError
from .objects import ObjectStore
from .proxies import Caller, Held, HeldObjects, Releases, RemoteFunction
from .references import Codec, Tree
from .streams import GENERATORS, Drawer, OwnStream, RemoteStream, StreamStep

try:
    from typing import Protocol
except ImportError:  # Python 3.7, which is not promised but costs nothing
    Protocol = object  # type: ignore[assignment]

__all__ = ["Keeper", "Passage"]

Function = Callable[..., Any]


class Keeper(Caller, Drawer, Protocol):
    """The peer as a passage sees it: where references of both kinds are kept."""

    peer_id: str
    store: ObjectStore
    releases: Releases
    held_objects: HeldObjects
    codecs: Dict[str, Codec]

    def end_stream(self, stream: OwnStream) -> None:
        """Have a generator closed from which nobody draws any more."""
        ...


class Passage:
    """The `References` of `values` for one message to or from the peer `other`.

    Nothing that is encoded is kept before `commit`, so that a message which cannot be sent leaves
    nothing behind. With `root`, the first object goes out under that id: a peer's own interface.
    """

    def __init__(self, keeper: Keeper, other: str, root: Optional[str] = None) -> None:
        self._keeper = keeper
        self._other = other
        self._root = root
        self._callbacks: Dict[str, Function] = {}
        self._objects: Dict[str, Dict[str, Function]] = {}
        self._streams: Dict[str, OwnStream] = {}
        self._named: List[str] = []
        self._closing: List[Tuple[Function, str]] = []
        self._held: Dict[Tuple[str, str], Held] = {}

    @property
    def codecs(self) -> Mapping[str, Codec]:
        """The peer's registered codecs."""
        return self._keeper.codecs

    def callback(self, function: Function) -> Tree:
        """Return the form of a function of ours that travels as a value."""
        callback_id = self._keeper.store.new_id("f")
        self._callbacks[callback_id] = function
        name = getattr(function, "__name__", None)
        return {
            "_rtype": "callback",
            "_rtarget_id": self._keeper.peer_id,
            "_rname": name if isinstance(name, str) else callback_id,
            "_rvalue": callback_id,
        }

    def method(self, function: Function, object_id: str, path: str) -> Tree:
        """Return the form of a function of an exported object."""
        self._objects.setdefault(object_id, {})[path] = function
        return {
            "_rtype": "interface",
            "_rtarget_id": self._keeper.peer_id,
            "_rintf": object_id,
            "_rvalue": path,
        }

    def export(self, value: Any, object_id: Optional[str]) -> str:
        """Return the id of an object whose functions are about to be named."""
        if self._root is not None:
            root, self._root = self._root, None
            return root
        if object_id is None:
            object_id = self._keeper.store.new_id("o")
        else:
            self._named.append(object_id)
        on = dict.get(value, "on") if isinstance(value, dict) else getattr(value, "on", None)
        if callable(on) and not isinstance(on, RemoteFunction):
            self._closing.append((on, object_id))
        return object_id

    def remote(self, value: Any) -> Optional[Tree]:
        """Return the form by which a proxy came here: calls of it go straight to its peer.

        A generator of ours gets the form of a stream.
        """
        if isinstance(value, GENERATORS):
            return self._stream(value)
        if not isinstance(value, (RemoteFunction, RemoteStream)):
            return None
        if value.held.owner != self._other:
            value.held.is_shared = True
        return dict(value.tree)

    def _stream(self, generator: Any) -> Tree:
        object_id = self._keeper.store.new_id("s")
        self._streams[object_id] = OwnStream(generator)
        form = {
            "_rtype": "interface",
            "_rtarget_id": self._keeper.peer_id,
            "_rintf": object_id,
        }
        return {
            "_rtype": "generator",
            "_rintf": object_id,
            "next": {**form, "_rvalue": "next"},
            "return": {**form, "_rvalue": "return"},
        }

    def commit(self, holder: str, lasting: bool = False) -> List[str]:
        """Keep what the message names for its receiver; return the ids of its callbacks.

        May be repeated for further receivers. Named and lasting objects stay whatever is told about
        releases.
        """
        store = self._keeper.store
        for callback_id, function in self._callbacks.items():
            store.add_callback(callback_id, function, holder)
        for object_id, functions in self._objects.items():
            store.add_object(object_id, functions, holder, lasting or object_id in self._named)
        for object_id, stream in self._streams.items():
            self._commit_stream(object_id, stream, holder)
        closing, self._closing = self._closing, []
        for on, object_id in closing:
            on("close", lambda *_, object_id=object_id: store.dispose(object_id) and None)
        return list(self._callbacks)

    def _commit_stream(self, object_id: str, stream: OwnStream, holder: str) -> None:
        keeper = self._keeper
        steps = {name: StreamStep(stream, name) for name in ("next", "return")}
        stream.forget = lambda: keeper.store.dispose(object_id)
        keeper.store.add_stream(object_id, steps, holder, lambda: keeper.end_stream(stream))

    def remote_callback(self, tree: Tree) -> RemoteFunction:
        """Return a proxy of a function that came as a value. Raises DialectError."""
        callback_id = tree.get("_rvalue")
        if not isinstance(callback_id, (str, int)):
            raise DialectError("a callback without an id")
        target = self._target(tree)
        held = self._hold(target, callback_id)
        return RemoteFunction({**tree, "_rtarget_id": target}, target, held, self._keeper)

    def remote_method(self, tree: Tree) -> RemoteFunction:
        """Return a proxy of a member of an interface. Raises DialectError."""
        object_id = tree.get("_rintf")
        if not isinstance(object_id, str) or not isinstance(tree.get("_rvalue"), str):
            raise DialectError("a method without its object's id or its name")
        target = self._target(tree)
        held = self._held_object(target, object_id)
        return RemoteFunction({**tree, "_rtarget_id": target}, target, held, self._keeper)

    def remote_stream(self, tree: Tree) -> RemoteStream:
        """Return what is to be iterated over. Raises DialectError."""
        step, finish = tree.get("next"), tree.get("return")
        if not isinstance(step, dict) or not isinstance(finish, dict):
            raise DialectError("a generator without its functions")
        return RemoteStream(self.remote_method(step), self.remote_method(finish), self._keeper)

    def remote_object(self, value: Any, object_id: str) -> Any:
        """Return the decoded object itself, from now on known as the other end's."""
        owners = [owner for owner, known_id in self._held if known_id == object_id]
        held = self._held_object(owners[0] if owners else self._other, object_id)
        self._keeper.held_objects.add(value, held)
        if isinstance(value, DotDict):
            prefer_functions(value)
        return value

    def _held_object(self, owner: str, object_id: str) -> Held:
        held = self._held.get((owner, object_id))
        if held is None:
            held = self._held[owner, object_id] = self._hold(owner, object_id)
        return held

    def _hold(self, owner: str, object_id: Any) -> Held:
        if owner == self._keeper.peer_id:  # it has come home: hold it like anybody else's
            self._keeper.store.hold(object_id, owner)
        return Held(owner, object_id, self._keeper.releases)

    def _target(self, tree: Tree) -> str:
        target = tree.get("_rtarget_id")
        return target if isinstance(target, str) and target else self._other

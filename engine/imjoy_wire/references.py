"""What the encoding of values asks of a peer: ids for functions and objects, and proxies for ids.

`values` turns a value into a tree and back. Whatever in it exists at one end only (functions,
interface objects, proxies of the other end's) goes through the `References` that a peer implements.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping, NamedTuple, Optional, Tuple, Type, Union

try:
    from typing import Protocol
except ImportError:  # Python 3.7, which is not promised but costs nothing
    Protocol = object  # type: ignore[assignment]

__all__ = ["Codec", "References", "Tree"]

Tree = Dict[str, Any]
"""An object of the dialect, or any tree that `codec.pack` takes."""


class Codec(NamedTuple):
    """How values of one type travel, as `api.registerCodec` was told.

    `encoder(value)` returns what is sent instead, a dict in most cases; it is encoded in its turn
    and gets `_rtype: name` unless it brings one. `decoder(tree)` gets the dict with its members
    decoded and returns the value. Without `type` or `encoder` nothing is encoded, without `decoder`
    the dict itself arrives.
    """

    name: str
    type: Union[Type[Any], Tuple[Type[Any], ...], None] = None
    encoder: Optional[Callable[[Any], Any]] = None
    decoder: Optional[Callable[[Dict[str, Any]], Any]] = None


class References(Protocol):
    """What `values.encode` and `values.decode` ask of the peer that sends or receives the tree."""

    @property
    def codecs(self) -> Mapping[str, Codec]:
        """The registered codecs by name; their types are tried in this order."""
        ...

    def callback(self, function: Callable[..., Any]) -> Tree:
        """Return the `callback` form of a function of ours that travels as a value."""
        ...

    def method(self, function: Callable[..., Any], object_id: str, path: str) -> Tree:
        """Return the `interface` form of a function found at `path` ("a.b") of an exported object.

        The function need not be kept: a call names the object and the path.
        """
        ...

    def export(self, value: Any, object_id: Optional[str]) -> str:
        """Keep an object whose methods are being sent; return its id, the given one if any.

        Called once per object and only if it has functions; what removes it again (`dispose`, its
        own "close" event, the end of its owner) is the peer's business.
        """
        ...

    def remote(self, value: Any) -> Optional[Tree]:
        """Return the tree by which a proxy came here, so that it keeps its target; else None.

        Asked for every value that is neither data nor an array: the peer may give its own values
        (a stream, say) a form in this way.
        """
        ...

    def remote_callback(self, tree: Tree) -> Callable[..., Any]:
        """Return a proxy of the other end's function, given its `callback` form."""
        ...

    def remote_method(self, tree: Tree) -> Callable[..., Any]:
        """Return a proxy of the other end's method, given its `interface` form."""
        ...

    def remote_stream(self, tree: Tree) -> Any:
        """Return what draws from the other end's generator, given its `generator` form."""
        ...

    def remote_object(self, value: Any, object_id: str) -> Any:
        """Return what stands for a decoded interface object, mostly `value` itself.

        `value` is a `DotDict` with the proxies in it, or what a codec's decoder made of that.
        """
        ...

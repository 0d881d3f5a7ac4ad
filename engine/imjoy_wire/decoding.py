"""From a tree of the dialect to a Python value. What a form stands for: `values`.

A tree comes from the other end: whatever is in it, the result is a value or a DialectError. Nothing
is imported or executed on its word; only the registered codecs' decoders run.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Dict, List

from .dotdict import DotDict
from .errors import DialectError
from .leaves import LEAF_DECODERS
from .limits import MAX_DEPTH
from .references import References

__all__ = ["Decoder"]

_AS_THEY_ARE = frozenset({str, int, float, bool, type(None), bytes})


class Decoder:
    """Decodes the trees of one message for one peer."""

    def __init__(self, references: References) -> None:
        self._references = references
        self._codecs = references.codecs

    def decode(self, tree: Any) -> Any:
        """Return the value of a tree. Raises DialectError."""
        return self._value(tree, 1)

    def _value(self, tree: Any, depth: int) -> Any:
        kind = type(tree)
        if kind in _AS_THEY_ARE:
            return tree
        if depth > MAX_DEPTH:
            raise DialectError(f"more than {MAX_DEPTH} levels")
        if kind is dict:
            if type(tree.get("_rtype")) is str:
                return self._form(tree, depth)
            return self._registered(self._members(tree, depth), tree)
        if kind is list or kind is tuple:
            return [
                item if type(item) in _AS_THEY_ARE else self._value(item, depth + 1)
                for item in tree
            ]
        if isinstance(tree, (bytearray, memoryview)):
            return bytes(tree)
        return tree

    def _members(self, tree: Dict[Any, Any], depth: int) -> DotDict:
        members = DotDict()
        for key, item in tree.items():
            members[key] = item if type(item) in _AS_THEY_ARE else self._value(item, depth + 1)
        return members

    def _registered(self, value: Any, tree: Dict[Any, Any]) -> Any:
        """Return what stands for a remote object, or the value itself when it is none."""
        object_id = tree.get("_rintf")
        if type(object_id) is str and object_id:
            return self._references.remote_object(value, object_id)
        return value

    def _form(self, tree: Dict[str, Any], depth: int) -> Any:
        name = tree["_rtype"]
        codec = self._codecs.get(name)
        if codec is not None and codec.decoder is not None:
            return self._registered(codec.decoder(self._members(tree, depth)), tree)
        if name == "callback" or name == "interface":
            return self._function(tree)
        if name in LEAF_DECODERS:
            return LEAF_DECODERS[name](tree)
        if name == "generator":
            return self._references.remote_stream(tree)
        if name == "set":
            return {_as_key(item) for item in self._items(tree, depth)}
        if name == "orderedmap":
            return self._map(tree, depth)
        return self._registered(self._members(tree, depth), tree)

    def _function(self, tree: Dict[str, Any]) -> Any:
        """Return a proxy of the function that a form names; an id may be a number in JavaScript."""
        value, target = tree.get("_rvalue"), tree.get("_rtarget_id")
        if target is not None and type(target) is not str:
            raise DialectError("a function of a peer without a name")
        if tree["_rtype"] == "callback":
            if type(value) is not str and type(value) is not int:
                raise DialectError("a callback without an id")
            return self._references.remote_callback(tree)
        if type(value) is not str or type(tree.get("_rintf")) is not str:
            raise DialectError("a method without a name or without an object")
        return self._references.remote_method(tree)

    def _items(self, tree: Dict[str, Any], depth: int) -> List[Any]:
        items = tree.get("_rvalue")
        if type(items) is not list:
            raise DialectError(f"a {tree['_rtype']} without a list")
        decoded: List[Any] = self._value(items, depth + 1)
        return decoded

    def _map(self, tree: Dict[str, Any], depth: int) -> Any:
        """Return an ordered map, or the dict that was sent as one for the sake of its keys.

        A list that is not of pairs holds keys only, as imjoy-rpc's Python end writes it.
        """
        items = self._items(tree, depth)
        if not all(type(item) is list and len(item) == 2 for item in items):
            items = [(key, None) for key in items]
        pairs = ((_as_key(key), value) for key, value in items)
        return DotDict(pairs) if tree.get("_rdict") is True else OrderedDict(pairs)


def _as_key(value: Any) -> Any:
    """Return a value that may be a key or in a set. Raises DialectError if there is none."""
    if type(value) is list:
        return tuple([_as_key(item) for item in value])
    if type(value) is set:
        return frozenset(value)
    try:
        hash(value)
    except (TypeError, ValueError) as error:
        raise DialectError(f"a {type(value).__name__} cannot be a key or in a set") from error
    return value

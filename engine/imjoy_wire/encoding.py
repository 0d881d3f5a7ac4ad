"""From a Python value to a tree of the dialect. What becomes of which value: `values`.

An `Encoder` walks the values of one message. A *scope* is the interface object inside which it
walks, if any: a function in it is a method, found by its `path`, and the object is exported when
the first one is met, so that an object without functions leaves nothing behind.
"""

from __future__ import annotations

from collections import OrderedDict
from types import (
    BuiltinFunctionType,
    FunctionType,
    MemberDescriptorType,
    MethodDescriptorType,
    MethodType,
    ModuleType,
)
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Set, Tuple

from .buffers import flat_view
from .dotdict import DotDict
from .errors import UnsupportedValueError
from .interop import foreign_interface
from .leaves import NO_FORM, encode_leaf
from .limits import MAX_DEPTH
from .references import Codec, References

__all__ = ["Encoder"]

MAX_INSTANCE_MEMBERS = 2000
"""Members looked at below one attribute of an instance; an attribute with more is left out."""

_AS_THEY_ARE = frozenset({str, int, float, bool, type(None), bytes, bytearray})
_ROUTINES = (FunctionType, MethodType, BuiltinFunctionType)
_STORED = (
    FunctionType,
    BuiltinFunctionType,
    MethodDescriptorType,
    MemberDescriptorType,
    staticmethod,
    classmethod,
)
_PUBLIC_MAGIC = frozenset({"__enter__", "__exit__"})


class _Scope:
    """An interface object that is being encoded."""

    __slots__ = ("_custom_id", "_references", "_value", "object_id")

    def __init__(self, value: Any, references: References, mark: Any) -> None:
        self._value = value
        self._custom_id = mark if isinstance(mark, str) and mark else None
        self._references = references
        self.object_id: Optional[str] = None

    def method(self, function: Callable[..., Any], path: str) -> Dict[str, Any]:
        if self.object_id is None:
            self.object_id = self._references.export(self._value, self._custom_id)
        return self._references.method(function, self.object_id, path)

    def marked(self, encoded: Dict[str, Any]) -> Dict[str, Any]:
        """Add the object's id to members with functions; those of a remote object keep theirs."""
        object_id = self.object_id or self._custom_id
        if object_id is not None:
            encoded["_rintf"] = object_id
        return encoded


class Encoder:
    """Encodes the values of one message of one peer."""

    def __init__(self, references: References) -> None:
        self._references = references
        self._codecs: List[Codec] = [
            codec for codec in references.codecs.values() if codec.type and codec.encoder
        ]
        self._members_left: Optional[int] = None  # while inside an attribute of an instance
        self._open_instances: Set[int] = set()

    def encode(self, value: Any) -> Any:
        """Return the tree of a value. Raises UnsupportedValueError."""
        return self._value(value, None, "", 1)

    def encode_interface(self, value: Any) -> Any:
        """Return the tree of a dict or an instance as an interface. Raises the same."""
        return self._interface(value, None, "")

    def encode_arguments(
        self, arguments: Sequence[Any], keywords: Mapping[str, Any], as_interface: bool
    ) -> List[Any]:
        """Return the trees of a call's arguments, keywords last in one dict. Raises the same.

        As interfaces, bare functions among the arguments are methods of the list of them all.
        """
        values = [*arguments, dict(keywords)] if keywords else list(arguments)
        scope = _Scope(values, self._references, None) if as_interface else None
        encoded: List[Any] = []
        try:
            for value in values:
                if type(value) in _AS_THEY_ARE:
                    encoded.append(value)
                elif as_interface:
                    encoded.append(self._interface(value, scope, str(len(encoded))))
                else:
                    encoded.append(self._value(value, None, "", 2))
        except UnsupportedValueError as error:
            if len(encoded) < len(arguments):
                error.within(f"argument {len(encoded) + 1}")
            raise
        return encoded

    def _interface(self, value: Any, scope: Optional[_Scope], path: str) -> Any:
        if isinstance(value, type):
            raise UnsupportedValueError(
                value.__name__, f"{value.__name__} is a class: export an instance of it"
            )
        if isinstance(value, dict):
            own = _Scope(value, self._references, dict.get(value, "_rintf"))
            return self._dict(value, own, "", 2)
        if isinstance(value, ModuleType) or (callable(value) and not isinstance(value, _ROUTINES)):
            return self._instance(value, None, "", 2)
        return self._value(value, scope, path, 2)

    def _value(self, value: Any, scope: Optional[_Scope], path: str, depth: int) -> Any:
        kind = type(value)
        if kind in _AS_THEY_ARE:
            return value
        if depth > MAX_DEPTH:
            raise UnsupportedValueError(
                kind.__name__, f"nested in more than {MAX_DEPTH} levels, or in itself"
            )
        for codec in self._codecs:
            if isinstance(value, codec.type):  # type: ignore[arg-type]  # has one, see __init__
                return self._by_codec(value, codec, depth)
        if kind is dict or isinstance(value, dict):
            return self._dict(value, scope, path, depth)
        if isinstance(value, (list, tuple)):
            return self._list(value, scope, path, depth)
        if callable(value):
            return self._function(value, scope, path)
        return self._other(value, scope, path, depth)

    def _by_codec(self, value: Any, codec: Codec, depth: int) -> Any:
        sent = codec.encoder(value)  # type: ignore[misc]  # has one, see __init__
        if isinstance(sent, dict):
            return self._form({"_rtype": codec.name, **sent}, depth)
        if isinstance(sent, codec.type):  # type: ignore[arg-type]
            raise UnsupportedValueError(
                type(value).__name__, f"the codec {codec.name!r} returns a value of its own type"
            )
        return self._value(sent, None, "", depth)

    def _function(self, value: Any, scope: Optional[_Scope], path: str) -> Any:
        tree = self._references.remote(value)
        if tree is not None:
            return tree
        return self._references.callback(value) if scope is None else scope.method(value, path)

    def _list(self, items: Any, scope: Optional[_Scope], path: str, depth: int) -> List[Any]:
        encoded: List[Any] = []
        below = ""
        try:
            for item in items:
                if type(item) in _AS_THEY_ARE:
                    encoded.append(item)
                    continue
                if scope is not None:
                    below = _joined(path, str(len(encoded)))
                encoded.append(self._value(item, scope, below, depth + 1))
        except UnsupportedValueError as error:
            error.within(f"index {len(encoded)}")
            raise
        return encoded

    def _dict(self, value: Any, scope: Optional[_Scope], path: str, depth: int) -> Any:
        """Return the tree of a dict; as an interface inside a scope or with a true `_rintf`."""
        value = _plain(value)
        if "_rtype" in value:
            return self._form(value, depth)
        for key in value:
            if not isinstance(key, str):
                return {**self._pairs(value, depth), "_rdict": True}
        mark = value.get("_rintf")
        if mark and (scope is None or path):
            scope, path = _Scope(value, self._references, mark), ""
        if scope is not None:
            return self._members(value, scope, path, depth)
        if isinstance(value, OrderedDict):
            return self._pairs(value, depth)
        encoded: Dict[str, Any] = {}
        key = ""
        try:
            for key, item in value.items():
                if type(item) in _AS_THEY_ARE:
                    encoded[key] = item
                else:
                    encoded[key] = self._value(item, None, "", depth + 1)
        except UnsupportedValueError as error:
            error.within(f"key {key!r}")
            raise
        return encoded

    def _members(self, value: Any, scope: _Scope, path: str, depth: int) -> Dict[str, Any]:
        """Return the public members of a dict inside a scope, functions as methods."""
        encoded: Dict[str, Any] = {}
        has_function = False
        for key, item in value.items():
            if _is_private(key):
                continue
            try:
                encoded[key] = self._value(item, scope, _joined(path, key), depth + 1)
            except UnsupportedValueError as error:
                error.within(f"key {key!r}")
                raise
            has_function = has_function or callable(item)
        return scope.marked(encoded) if has_function else encoded

    def _form(self, value: Any, depth: int) -> Dict[str, Any]:
        """Return a dict that already is a form of the dialect, its members encoded."""
        members = {key: item for key, item in value.items() if key != "_rtype"}
        encoded: Dict[str, Any] = self._dict(members, None, "", depth)
        for key in encoded:
            if isinstance(members.get(key), memoryview):  # bytes of the form, not a form in itself
                encoded[key] = flat_view(members[key])
        encoded["_rtype"] = value["_rtype"]
        return encoded

    def _pairs(self, value: Any, depth: int) -> Dict[str, Any]:
        """Return the form of an ordered map, which takes keys of any kind."""
        pairs: List[List[Any]] = []
        key: Any = None
        try:
            for key, item in value.items():
                sent_key = self._value(key, None, "", depth + 3)
                pairs.append([sent_key, self._value(item, None, "", depth + 3)])
        except UnsupportedValueError as error:
            error.within(f"key {key!r}")
            raise
        return {"_rtype": "orderedmap", "_rvalue": pairs}

    def _other(self, value: Any, scope: Optional[_Scope], path: str, depth: int) -> Any:
        """Return the tree of a value that is no plain data, no container and no function."""
        if isinstance(value, (set, frozenset)):
            return {"_rtype": "set", "_rvalue": self._list(value, None, "", depth + 1)}
        form = encode_leaf(value)
        if form is not NO_FORM:
            return form
        members = foreign_interface(value)
        if members is not None:
            return self._dict(members, None, "", depth)
        tree = self._references.remote(value)
        if tree is not None:
            return tree
        if not _is_instance(value):
            reason = ""
            if hasattr(type(value), "__await__"):
                reason = f"a {type(value).__name__} must be awaited, and its result sent"
            raise UnsupportedValueError(type(value).__name__, reason)
        return self._instance(value, scope, path, depth)

    def _instance(self, value: Any, scope: Optional[_Scope], path: str, depth: int) -> Any:
        """Return the public attributes and methods of an instance, always as an interface.

        An attribute that cannot be sent is left out. Below the attributes of the instance itself
        no property is evaluated and no instance is entered twice.
        """
        kind = type(value).__name__
        if id(value) in self._open_instances:
            raise UnsupportedValueError(kind, f"a {kind} inside itself")
        if scope is None:
            scope, path = _Scope(value, self._references, getattr(value, "_rintf", None)), ""
        is_outermost = self._members_left is None
        encoded: Dict[str, Any] = {}
        has_function = False
        self._open_instances.add(id(value))
        try:
            for name, item in _public_members(value, is_outermost):
                self._members_left = self._allowance(kind)
                try:
                    encoded[name] = self._value(item, scope, _joined(path, name), depth + 1)
                except _TooManyMembersError:
                    if not is_outermost:
                        raise
                except UnsupportedValueError:
                    continue
                else:
                    has_function = has_function or callable(item)
                if is_outermost:
                    self._members_left = None
        finally:
            self._open_instances.discard(id(value))
            if is_outermost:
                self._members_left = None
        return scope.marked(encoded) if has_function else encoded

    def _allowance(self, kind: str) -> int:
        """Return how many more members may be looked at, this one counted."""
        if self._members_left is None:
            return MAX_INSTANCE_MEMBERS
        if self._members_left <= 0:
            raise _TooManyMembersError(kind, f"a {kind} with too many members")
        return self._members_left - 1


class _TooManyMembersError(UnsupportedValueError):
    """An attribute of an instance opens into more than can be looked through."""


def _joined(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _plain(value: Any) -> Any:
    """Return a dict whose methods are its own: those of a remote object may be the other end's."""
    return dict(value) if type(value) is DotDict else value


def _is_private(name: str) -> bool:
    return name[:1] == "_" and name not in _PUBLIC_MAGIC


def _is_instance(value: Any) -> bool:
    """Tell whether a class written in Python made the value: it has attributes of its own."""
    kind = type(value)
    if isinstance(value, ModuleType) or hasattr(kind, "__await__"):
        return False
    return hasattr(value, "__dict__") or any("__slots__" in vars(base) for base in kind.__mro__)


def _public_members(value: Any, with_properties: bool) -> Iterator[Tuple[str, Any]]:
    for name in dir(value):
        if _is_private(name) or not (with_properties or _is_stored(value, name)):
            continue
        try:
            member = getattr(value, name)
        except Exception:  # noqa: BLE001 - a property that fails is none that can be sent
            continue
        yield name, member


def _is_stored(value: Any, name: str) -> bool:
    """Tell whether an attribute can be had without running a property."""
    if name in getattr(value, "__dict__", ()):
        return True
    for base in type(value).__mro__:
        if name in vars(base):
            found = vars(base)[name]
            return isinstance(found, _STORED) or not hasattr(type(found), "__get__")
    return False

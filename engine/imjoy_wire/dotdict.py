"""Dicts whose keys read like attributes, as ImJoy plugins expect of every dict they receive."""

from __future__ import annotations

from typing import Any

__all__ = ["DotDict", "prefer_functions"]

_DICT_METHODS = frozenset(name for name in dir(dict) if not name.startswith("_"))


def _is_reserved(name: str) -> bool:
    """Tell whether Python itself asks for such a name; a key must not answer in its stead."""
    return name[:2] == "__" and name[-2:] == "__"


class DotDict(dict):  # type: ignore[type-arg]  # subscription needs Python 3.9
    """A dict with `ctx.config.x` for `ctx["config"]["x"]`; a missing attribute is None.

    Two are equal when their items are; the hash is by identity, so that a remote object, which
    arrives as one of these, can be a member of a set or a key.
    """

    def __getattr__(self, name: str) -> Any:
        if _is_reserved(name):
            raise AttributeError(name)
        return dict.get(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        try:
            del self[name]
        except KeyError:
            raise AttributeError(name) from None

    __hash__ = object.__hash__  # type: ignore[assignment]

    def copy(self) -> DotDict:
        """Return a shallow copy."""
        return DotDict(self)


def prefer_functions(value: DotDict) -> None:
    """Let `value.update(...)` be the function that is a member of that name, if there is one.

    For remote objects, whose functions may have the names of dict's own methods. Whoever needs
    those of such a value calls `dict.update(value, ...)`, or copies it with `dict(value)`.
    """
    for name in _DICT_METHODS.intersection(value):
        if callable(value[name]):
            value.__dict__[name] = value[name]

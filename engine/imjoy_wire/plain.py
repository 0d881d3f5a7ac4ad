"""Data that JSON can say as it is: told apart quickly, so that most messages need no more care."""

from __future__ import annotations

from typing import Any, Dict, Sequence

from .dotdict import DotDict
from .limits import MAX_DEPTH, MAX_SAFE_INT

__all__ = ["PlainMessage", "are_plain_values", "is_plain_json"]

_AS_THEY_ARE = frozenset({str, bool, type(None)})
_TAGS = "$"
_TAGS_AND_FORMS = "$_"
_VALUE_LEVELS = MAX_DEPTH - 2
"""Of the levels that a body may have, what a message leaves to its values."""


class PlainMessage(Dict[str, Any]):
    """A message of which its maker knows that JSON can say all of it."""


def is_plain_json(tree: Any) -> bool:
    """Tell whether JSON can say all of a tree."""
    if type(tree) in _AS_THEY_ARE or type(tree) is PlainMessage:
        return True
    return (type(tree) is dict or type(tree) is list) and _holds_plain(tree, MAX_DEPTH, _TAGS)


def are_plain_values(values: Sequence[Any]) -> bool:
    """Tell whether values are their own trees: JSON can say them, and none looks like a form."""
    return _holds_plain(values, _VALUE_LEVELS, _TAGS_AND_FORMS)


def _holds_plain(container: Any, levels: int, marks: str) -> bool:
    if isinstance(container, dict):
        for key in container:
            if type(key) is not str or key[:1] in marks:
                return False
        container = dict.values(container)  # a DotDict may have a function of that name
    for child in container:
        kind = type(child)
        if kind in _AS_THEY_ARE:
            continue
        if kind is dict or kind is list or kind is DotDict:
            if levels <= 1 or not _holds_plain(child, levels - 1, marks):
                return False
        elif not _is_plain_number(child, kind):
            return False
    return True


def _is_plain_number(value: Any, kind: type) -> bool:
    if kind is int:
        return bool(-MAX_SAFE_INT <= value <= MAX_SAFE_INT)
    return kind is float and bool(value - value == 0.0)  # NaN for what JSON has no word for

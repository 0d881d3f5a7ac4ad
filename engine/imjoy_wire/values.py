"""Python values as trees of the imjoy-rpc dialect, and back."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence

from .references import References

__all__ = ["decode", "encode", "encode_arguments"]


def encode(value: Any, references: References, as_interface: bool = False) -> Any:
    """Return the tree of a value, ready for `codec.pack`. Raises UnsupportedValueError.

    With `as_interface` functions become methods of an exported object rather than callbacks.
    """
    raise NotImplementedError


def encode_arguments(
    arguments: Sequence[Any],
    keywords: Dict[str, Any],
    references: References,
    as_interface: bool = False,
) -> List[Any]:
    """Return the trees of a call's arguments, the keyword arguments last in one dict if any.

    Raises UnsupportedValueError, whose path starts with "argument 2" or "argument 'name'".
    """
    raise NotImplementedError


def decode(tree: Any, references: References) -> Any:
    """Return the value of a tree that `codec.unpack` gave. Raises DialectError."""
    raise NotImplementedError

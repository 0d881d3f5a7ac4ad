"""Python values as trees of the imjoy-rpc dialect, and back.

What travels, and as what it arrives in Python:

    None, bool, int, float, str, bytes     as they are; bytearray as bytes
    memoryview                             memoryview
    list, tuple                            list
    dict                                   DotDict, whatever its keys
    set, frozenset, OrderedDict            set, OrderedDict
    datetime, date                         the same
    exceptions                             RemoteError
    numpy arrays, torch tensors, PIL       numpy arrays; ArrayData where numpy is not there
    numpy scalars                          bool, int or float; of other kinds an array
    forms.File; other open files           File; DotDict with read, seek, close ...
    functions and classes                  functions, called where they are
    instances                              DotDict of their public attributes and methods
    dicts with a true `_rintf`             the same, its functions called where they are
    zarr arrays and groups                 DotDict with getItem, setItem, containsItem
    os.PathLike                            str
    dicts with an `_rtype`                 what the form stands for

A registered codec is tried before all of that but None, bool, int, float, str, bytes. Anything
else is refused, by name and place. Functions, objects and codecs are the peer's: see `references`.
Trees go into a body by `codec.pack`, which does not copy their buffers: they are the caller's own
memory until they are written.
"""

from __future__ import annotations

from typing import Any, List, Mapping, Sequence

from .decoding import Decoder
from .encoding import Encoder
from .references import References

__all__ = ["decode", "encode", "encode_arguments"]


def encode(value: Any, references: References, as_interface: bool = False) -> Any:
    """Return the tree of a value, ready for `codec.pack`. Raises UnsupportedValueError.

    With `as_interface` a dict or an instance is an interface: its functions are methods.
    """
    encoder = Encoder(references)
    return encoder.encode_interface(value) if as_interface else encoder.encode(value)


def encode_arguments(
    arguments: Sequence[Any],
    keywords: Mapping[str, Any],
    references: References,
    as_interface: bool = False,
) -> List[Any]:
    """Return the trees of a call's arguments, the keyword arguments last in one dict if any.

    With `as_interface` each argument is an interface, and bare functions are methods of the list.
    Raises UnsupportedValueError, which says "argument 2" or "key 'name'" of a keyword argument.
    """
    return Encoder(references).encode_arguments(arguments, keywords, as_interface)


def decode(tree: Any, references: References) -> Any:
    """Return the value of a tree that `codec.unpack` gave. Raises DialectError."""
    return Decoder(references).decode(tree)

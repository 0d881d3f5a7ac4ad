"""The first bytes of a frame and its header: checked, written and read.

The layout is drawn in `frames`, whose two halves both stand on this module.
"""

from __future__ import annotations

import json
import re
import struct
from json.encoder import encode_basestring as _quoted
from types import MappingProxyType
from typing import Any, Dict, List, Mapping, NamedTuple, NoReturn, Tuple

from .buffers import Buffer
from .errors import FrameError, FrameTooLargeError, UnsendableFrameError
from .limits import MAX_HEADER_BYTES, MAX_HEADER_CONTAINERS, MAX_NAME_CHARS

__all__ = [
    "NO_EXTRA",
    "PREFIX_BYTES",
    "Header",
    "check_extra",
    "encode_header",
    "header_length",
    "parse_header",
    "route",
]

PREFIX_BYTES = 8
NO_EXTRA: Mapping[str, Any] = MappingProxyType({})

_MAGIC_AND_VERSION = b"IJ\x01\x00"
_KNOWN_KEYS = frozenset({"to", "from", "kind", "sizes"})
_prefix = struct.Struct(">4sI")

# Headers of one route differ in their sizes and numbers only: its text is written and read once.
_SIZES = ',"sizes":['
_REST = re.compile(
    r'(0|[1-9][0-9]{0,9})((?:,(?:0|[1-9][0-9]{0,9}))*)\](?:,"n":(0|[1-9][0-9]{0,14}))?\}'
)
_MAX_ROUTES = 1024
_texts: Dict[Tuple[str, str, str], str] = {}  # of a route, up to the first size
_routes: Dict[str, Tuple[str, str, str]] = {}  # by the same text without its last key


def _refuse_constant(name: str) -> NoReturn:
    raise FrameError(f"{name} is not JSON")


_from_json = json.JSONDecoder(parse_constant=_refuse_constant).decode
_to_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


class Header(NamedTuple):
    """What a frame's header says; `sizes` is checked and `total` is its sum, in bytes."""

    to: str
    sender: str
    kind: str
    extra: Mapping[str, Any]
    sizes: List[int]
    total: int


def encode_header(
    to: str, sender: str, kind: str, extra: Mapping[str, Any], sizes: List[int]
) -> bytes:
    """Return a frame's bytes up to its body. Raises UnsendableFrameError."""
    text = _texts.get((to, sender, kind)) or _route_text(to, sender, kind)
    # A list of integers is printed as JSON would print it, spaces apart.
    listed = str(sizes[0]) if len(sizes) == 1 else str(sizes)[1:-1].replace(" ", "")
    if not extra:
        rest = "}"
    elif len(extra) == 1 and type(extra.get("n")) is int:
        rest = f',"n":{extra["n"]}}}'
    else:
        rest = _extra_members(extra)
    header = f"{text}{listed}]{rest}".encode("utf-8", "backslashreplace")
    if len(header) > MAX_HEADER_BYTES:
        raise UnsendableFrameError(f"a header of {len(header)} bytes; {MAX_HEADER_BYTES} allowed")
    return _prefix.pack(_MAGIC_AND_VERSION, len(header)) + header


def _route_text(to: str, sender: str, kind: str) -> str:
    """Return a header's text up to its first size; remembered, for there will be more."""
    text = f'{{"to":{_quoted(to)},"from":{_quoted(sender)},"kind":{_quoted(kind)}'
    if max(len(to), len(sender), len(kind)) <= MAX_NAME_CHARS:
        if len(_texts) >= _MAX_ROUTES:
            _texts.clear()
            _routes.clear()
        _texts[to, sender, kind] = text + _SIZES
        _routes[text] = (to, sender, kind)
    return text + _SIZES


def _extra_members(extra: Mapping[str, Any]) -> str:
    """Return the unknown keys as the end of a header's JSON object."""
    try:
        members = _to_json({key: extra[key] for key in extra if key not in _KNOWN_KEYS})
    except (TypeError, ValueError, RecursionError) as error:
        raise UnsendableFrameError(f"a header key that is not JSON: {error}") from error
    return "}" if members == "{}" else "," + members[1:]


def check_extra(extra: Mapping[str, Any]) -> None:
    """Raise FrameError for unknown keys of a peer's that a header could not carry."""
    try:
        text = _extra_members(extra)
    except UnsendableFrameError as error:
        raise FrameError(str(error)) from error
    if len(text) > MAX_HEADER_BYTES // 2 or _containers(text) > MAX_HEADER_CONTAINERS // 2:
        raise FrameTooLargeError("the header's unknown keys are too large")


def header_length(prefix: Buffer) -> int:
    """Return the header's length in bytes, from a frame's first 8. Raises FrameError."""
    magic, length = _prefix.unpack(prefix)
    if magic != _MAGIC_AND_VERSION:
        if magic[:2] == _MAGIC_AND_VERSION[:2]:
            raise FrameError(f"frame version {magic[2]}.{magic[3]} is not spoken here; 1.0 is")
        raise FrameError("not a frame: it does not start with IJ")
    if length > MAX_HEADER_BYTES:
        raise FrameTooLargeError(f"a header of {length} bytes; {MAX_HEADER_BYTES} are allowed")
    return int(length)


def parse_header(data: Buffer, max_frame_bytes: int, max_buffers: int) -> Header:
    """Return what the header says when it keeps the limits. Raises FrameError."""
    try:
        text = str(data, "utf-8")
    except UnicodeDecodeError as error:
        raise FrameError("the header is not UTF-8") from error
    start, _, rest = text.partition(_SIZES)
    known = _routes.get(start)
    match = _REST.fullmatch(rest) if known is not None else None
    if known is None or match is None:
        return _parsed_header(text, max_frame_bytes, max_buffers)
    first, others, number = match.groups()
    sizes = [int(first)]
    if others:
        sizes += map(int, others[1:].split(","))
    extra = NO_EXTRA if number is None else {"n": int(number)}
    return Header(*known, extra, sizes, _total(sizes, max_frame_bytes, max_buffers))


def _parsed_header(text: str, max_frame_bytes: int, max_buffers: int) -> Header:
    """Return what any header says; the route of one that is written as ours are is remembered."""
    if _containers(text) > MAX_HEADER_CONTAINERS:
        raise FrameError(f"a header of more than {MAX_HEADER_CONTAINERS} objects and arrays")
    try:
        header = _from_json(text)
    except ValueError as error:
        raise FrameError("the header is not JSON") from error
    if type(header) is not dict:
        raise FrameError("the header is not a JSON object")
    sizes = header.get("sizes")
    if type(sizes) is not list or not sizes:
        raise FrameError("the header has no sizes")
    for size in sizes:
        if type(size) is not int or size < 0:
            raise FrameError("a size is not a natural number")
    total = _total(sizes, max_frame_bytes, max_buffers)
    to, sender, kind, extra = route(header)
    if (to, sender, kind) not in _texts:
        _route_text(to, sender, kind)
    return Header(to, sender, kind, extra, sizes, total)


def _total(sizes: List[int], max_frame_bytes: int, max_buffers: int) -> int:
    if len(sizes) - 1 > max_buffers:
        raise FrameTooLargeError(f"{len(sizes) - 1} buffers; {max_buffers} are allowed")
    total = sum(sizes)
    if total > max_frame_bytes:
        raise FrameTooLargeError(f"a frame over the limit of {max_frame_bytes} bytes")
    return total


def route(header: Mapping[str, Any]) -> Tuple[str, str, str, Mapping[str, Any]]:
    """Return to, from, kind and the unknown keys of a header. Raises FrameError."""
    to, sender, kind = header.get("to"), header.get("from"), header.get("kind")
    if type(to) is not str or type(sender) is not str or type(kind) is not str:
        raise FrameError("`to`, `from` or `kind` is missing from the header")
    if max(len(to), len(sender), len(kind)) > MAX_NAME_CHARS:
        raise FrameError(f"`to`, `from` or `kind` has more than {MAX_NAME_CHARS} characters")
    unknown = header.keys() - _KNOWN_KEYS
    extra = {key: header[key] for key in header if key in unknown} if unknown else NO_EXTRA
    return to, sender, kind, extra


def _containers(text: str) -> int:
    return text.count("[") + text.count("{")

"""A frame's body: a tree as JSON text and the buffers that it refers to.

A *tree* is made of None, bool, int, float, str, list, dict and bytes-like objects. JSON carries
most of it as it is; the rest is written as an object with one key:

    {"$buf": i}                      bytes: number i of the frame's buffers
    {"$buf": [i, offset, size]}      bytes: a part of it, where many small ones share a buffer
    {"$num": "nan" | "inf" | "-inf"} a float that JSON has no word for
    {"$int": "digits"}               an integer beyond ±(2**53 - 1)
    {"$map": [[key, value], ...]}    a dict with a key that is not a string
    {"$obj": [[key, value], ...]}    a dict with a key that starts with "$"

A lone surrogate in a string is written as its JSON escape, since UTF-8 has none, and arrives as it
was; two that form a pair arrive as the one character they stand for. A key that is a tuple is
written as an array; an array as a key arrives as a tuple. `web/link/codec.js` is the same in
JavaScript, and both are held to the golden vectors in `tests/vectors/`.

What is not here: the dialect's `_rtype` forms (`values`), and bytes on a stream (`frames`).
"""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, List, NoReturn, Sequence, Tuple, Union

from .buffers import Buffer, buffer_bytes, flat_view
from .errors import CodecError, UnsupportedValueError
from .limits import MAX_BODY_BYTES, MAX_CONTAINERS, MAX_DEPTH, MAX_INT_DIGITS, MAX_SAFE_INT
from .plain import is_plain_json

__all__ = ["pack", "unpack"]

MAX_LOOSE_BUFFERS = 256
"""A body with more buffers than this has its small ones share one."""
MAX_SHARED_BYTES = 16 * 1024
"""The largest of those that share."""

_ALIGNMENT_BYTES = 8
_MAX_INT_BITS = 14_284  # all that fit in this have at most MAX_INT_DIGITS digits
_LONG_NUMBER = b"0" * (MAX_INT_DIGITS + 1)
_DIGITS_AS_ZEROS = bytes(0x30 if 0x30 <= code <= 0x39 else 0x20 for code in range(256))
_NUMBERS = {"nan": float("nan"), "inf": float("inf"), "-inf": float("-inf")}


def _refuse_constant(name: str) -> NoReturn:
    raise CodecError(f"{name} is not JSON")


def _bounded_int(digits: str) -> int:
    if len(digits) > MAX_INT_DIGITS:
        raise CodecError(f"a number of {len(digits)} digits; {MAX_INT_DIGITS} are allowed")
    return int(digits)


def _json_writer() -> Callable[[Any], str]:
    """Return what writes a tree of plain values; made once, where `json` does so for each text."""
    encoder = json.JSONEncoder(
        ensure_ascii=False, check_circular=False, allow_nan=False, separators=(",", ":")
    )
    make: Any = getattr(json.encoder, "c_make_encoder", None)
    if make is None:  # an interpreter without it
        return encoder.encode
    pieces = make(
        None, encoder.default, json.encoder.encode_basestring, None, ":", ",", False, False, False
    )
    return lambda tree: "".join(pieces(tree, 0))


_to_json = _json_writer()
_from_json = json.JSONDecoder(parse_constant=_refuse_constant)


def pack(tree: Any) -> Tuple[bytes, List[Buffer]]:
    """Return the body and the buffers of a tree; large buffers are the tree's own, not copies.

    Raises UnsupportedValueError for what a tree cannot hold or for more than `MAX_DEPTH` levels.
    """
    buffers: List[Buffer] = []
    if not is_plain_json(tree):
        tagger = _Tagger()
        tree = tagger.tagged(tree, 1)
        buffers = tagger.buffers()
    # Outside of strings the text is ASCII, so this escape only ever lands where JSON allows it.
    body = _to_json(tree).encode("utf-8", "backslashreplace")
    if len(body) > MAX_BODY_BYTES:
        raise UnsupportedValueError(
            "message",
            f"a message of {len(body)} bytes beside its buffers; {MAX_BODY_BYTES} are allowed: "
            "send large data as bytes or as arrays",
        )
    return body, buffers


def unpack(body: Union[Buffer, str], buffers: Sequence[Buffer] = ()) -> Any:
    """Return the tree that `pack` was given, its bytes being the very objects in `buffers`.

    Raises CodecError, and nothing else, whatever the bytes.
    """
    size = len(body)
    if size > MAX_BODY_BYTES:
        raise CodecError(f"a body of {size} bytes; {MAX_BODY_BYTES} are allowed")
    try:
        text = body if isinstance(body, str) else str(body, "utf-8")
        containers = text.count("[") + text.count("{")
        if containers > MAX_CONTAINERS:
            raise CodecError(f"more than {MAX_CONTAINERS} objects and arrays in one body")
        tree = _parsed(text, buffers)
    except UnicodeError as error:
        raise CodecError("the body is not UTF-8") from error
    except RecursionError as error:
        raise CodecError(f"more than {MAX_DEPTH} levels") from error
    except ValueError as error:
        raise CodecError(f"the body is not JSON: {error}") from error
    if containers > MAX_DEPTH:
        _check_depth(tree)
    return tree


def _parsed(text: str, buffers: Sequence[Buffer]) -> Any:
    decoder = _from_json
    if '"$' in text or "\\u0024" in text:
        hook = _Untagger(buffers).untagged
        decoder = json.JSONDecoder(parse_constant=_refuse_constant, object_hook=hook)
    if len(text) > MAX_INT_DIGITS and _has_long_number(text):
        decoder = json.JSONDecoder(
            parse_constant=_refuse_constant,
            parse_int=_bounded_int,
            object_hook=decoder.object_hook,
        )
    if text[:1] in ("{", "["):
        tree, end = decoder.raw_decode(text)
        if end == len(text):
            return tree
    return decoder.decode(text)


def _has_long_number(text: str) -> bool:
    """Tell whether the text may hold an integer that takes quadratic time to read."""
    return _LONG_NUMBER in text.encode("utf-8", "replace").translate(_DIGITS_AS_ZEROS)


def _check_depth(tree: Any) -> None:
    level = [tree]
    for _ in range(MAX_DEPTH):
        below: List[Any] = []
        for container in level:
            children = container.values() if type(container) is dict else container
            below += [child for child in children if type(child) is dict or type(child) is list]
        if not below:
            return
        level = below
    raise CodecError(f"more than {MAX_DEPTH} levels")


class _Untagger:
    """Turns the tagged objects of one body into what they stand for, innermost first."""

    __slots__ = ("_buffers", "_left")

    def __init__(self, buffers: Sequence[Buffer]) -> None:
        self._buffers = buffers
        self._left: Dict[int, int] = {}  # bytes of a buffer not yet given out; -1: all are

    def untagged(self, found: Dict[str, Any]) -> Any:
        for key in found:
            if key[:1] == "$":
                break
        else:
            return found
        if len(found) != 1:
            raise CodecError(f"a tag has company: {sorted(found)[:4]}")
        ((tag, value),) = found.items()
        if tag == "$buf":
            return self._buffer(value)
        if tag == "$num" and type(value) is str and value in _NUMBERS:
            return _NUMBERS[value]
        if tag == "$int" and type(value) is str:
            return _integer(value)
        if tag == "$map":
            return {_as_key(key, 1): item for key, item in _pairs(value)}
        if tag == "$obj":
            return {_as_text(key): item for key, item in _pairs(value)}
        raise CodecError(f"not a tag: {tag[:20]}")

    def _buffer(self, place: Any) -> Buffer:
        """Return a buffer or a part of one; no byte twice, lest few of them stand for many."""
        is_part = type(place) is list and len(place) == 3
        index, offset, size = place if is_part else (place, 0, 0)
        if type(index) is not int or not 0 <= index < len(self._buffers):
            raise CodecError(f"no buffer {str(index)[:20]} in a frame of {len(self._buffers)}")
        whole = self._buffers[index]
        total = buffer_bytes(whole)
        left = self._left.get(index, total)
        if not is_part:
            if left != total:
                raise CodecError(f"buffer {index} is mentioned twice")
            self._left[index] = -1
            return whole
        if type(offset) is not int or type(size) is not int or offset < 0 or size < 0:
            raise CodecError("a part of a buffer is not [index, offset, size]")
        if size > left or offset + size > total:
            raise CodecError(f"buffer {index} is too small for its parts")
        self._left[index] = left - size
        return memoryview(whole).cast("B")[offset : offset + size]


def _integer(digits: str) -> int:
    bare = digits[1:] if digits[:1] == "-" else digits
    if not (bare.isascii() and bare.isdigit() and len(bare) <= MAX_INT_DIGITS):
        raise CodecError("$int is not a decimal number, or is too long")
    return int(digits)


def _pairs(value: Any) -> List[Any]:
    if type(value) is not list or any(type(pair) is not list or len(pair) != 2 for pair in value):
        raise CodecError("a list of [key, value] pairs is missing")
    return value


def _as_text(key: Any) -> str:
    if type(key) is not str:
        raise CodecError("a key of $obj is not a string")
    return key


def _as_key(key: Any, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise CodecError(f"a key of more than {MAX_DEPTH} levels")
    if type(key) is list:
        return tuple([_as_key(part, depth + 1) for part in key])
    if type(key) is dict:
        raise CodecError("an object cannot be a key")
    return bytes(key) if isinstance(key, (bytearray, memoryview)) else key


class _Tagger:
    """Turns a tree into one that JSON can say, and collects its bytes."""

    __slots__ = ("_buffers", "_tags")

    def __init__(self) -> None:
        self._buffers: List[Buffer] = []
        self._tags: List[Dict[str, Any]] = []  # the tag of each buffer

    def tagged(self, node: Any, depth: int) -> Any:
        """Return the node with everything in it tagged. Raises UnsupportedValueError."""
        if node is None or isinstance(node, (str, bool)):
            return node
        if isinstance(node, int):
            return node if -MAX_SAFE_INT <= node <= MAX_SAFE_INT else {"$int": _digits(node)}
        if isinstance(node, float):
            return node if node - node == 0.0 else {"$num": _number_name(node)}
        if isinstance(node, (bytes, bytearray, memoryview)):
            return self._tagged_bytes(node)
        if not isinstance(node, (dict, list, tuple)):
            raise UnsupportedValueError(type(node).__name__)
        if depth > MAX_DEPTH:
            raise UnsupportedValueError(
                type(node).__name__, f"nested in more than {MAX_DEPTH} levels, or in itself"
            )
        if isinstance(node, dict):
            return self._tagged_dict(node, depth + 1)
        return [self.tagged(child, depth + 1) for child in node]

    def _tagged_bytes(self, buffer: Buffer) -> Dict[str, Any]:
        self._tags.append({"$buf": len(self._buffers)})
        self._buffers.append(flat_view(buffer) if isinstance(buffer, memoryview) else buffer)
        return self._tags[-1]

    def _tagged_dict(self, node: Dict[Any, Any], depth: int) -> Dict[str, Any]:
        if all(isinstance(key, str) and key[:1] != "$" for key in node):
            return {key: self.tagged(child, depth) for key, child in node.items()}
        tag = "$obj" if all(isinstance(key, str) for key in node) else "$map"
        pairs = node.items()
        return {tag: [[self.tagged(key, depth), self.tagged(child, depth)] for key, child in pairs]}

    def buffers(self) -> List[Buffer]:
        """Return the buffers for the frame; small ones share one when there are too many."""
        if len(self._buffers) <= MAX_LOOSE_BUFFERS:
            return self._buffers
        buffers: List[Buffer] = []
        shared = bytearray()
        parts: List[Tuple[Dict[str, Any], List[int]]] = []
        for tag, buffer in zip(self._tags, self._buffers):
            size = buffer_bytes(buffer)
            if size > MAX_SHARED_BYTES:
                tag["$buf"] = len(buffers)
                buffers.append(buffer)
            else:
                shared += bytes(-len(shared) % _ALIGNMENT_BYTES)
                parts.append((tag, [len(shared), size]))
                shared += buffer
        for tag, part in parts:
            tag["$buf"] = [len(buffers), *part]
        return [*buffers, shared]


def _number_name(number: float) -> str:
    if number != number:
        return "nan"
    return "inf" if number > 0 else "-inf"


def _digits(number: int) -> str:
    if number.bit_length() > _MAX_INT_BITS:
        raise UnsupportedValueError(
            "int", f"an integer of {number.bit_length()} bits; {_MAX_INT_BITS} are allowed"
        )
    return str(int(number))

"""Calls and their results between a worker and its own processes: pickles, and arrays beside them.

Nothing that came from another peer is ever unpickled: only what the plugin's own processes write
over a socket that nobody else has.
"""

import io
import pickle
import struct
from typing import Any, Callable, Dict, List, Optional, Tuple

from imjoy_wire.proxies import RemoteFunction

from .promise import Promise

__all__ = [
    "Parts",
    "UnsendableToProcessError",
    "pack_call",
    "packed",
    "receive",
    "send",
    "unpacked",
]

Parts = List[Any]
"""A pickle and the buffers that it refers to."""

_NUMBER = struct.Struct("!Q")


class UnsendableToProcessError(TypeError):
    """Say which part of a call, or of its result, cannot go to another process, and why."""


class _Pickler(pickle.Pickler):
    def __init__(self, file: Any, **options: Any) -> None:
        super().__init__(file, protocol=5, **options)

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, RemoteFunction):
            raise TypeError("functions of others stay in the plugin's own process")
        if isinstance(value, Promise):
            raise TypeError("a promise stays in the plugin's own process")
        return NotImplemented


def packed(value: Any) -> Parts:
    """Return a value in parts. Raises whatever its classes raise."""
    buffers: List[Any] = []
    file = io.BytesIO()
    _Pickler(file, buffer_callback=buffers.append).dump(value)
    return [file.getbuffer(), *(buffer.raw() for buffer in buffers)]


def unpacked(parts: Parts) -> Any:
    """Return the value that was packed; its arrays may be changed."""
    return pickle.loads(parts[0], buffers=parts[1:])


def pack_call(function: Callable[..., Any], args: Any, kwargs: Dict[str, Any]) -> Parts:
    """Return a call in parts. Raises UnsendableToProcessError, which names the argument."""
    try:
        return packed((function, tuple(args), kwargs))
    except Exception as error:  # noqa: BLE001 - whatever a class raises when it is pickled
        where, reason = _culprit(function, args, kwargs) or ("the call", error)
        raise UnsendableToProcessError(
            "{} runs in a process, and {} cannot be sent there: {}".format(
                getattr(function, "__qualname__", function), where, reason
            )
        ) from None


def _culprit(function: Any, args: Any, kwargs: Dict[str, Any]) -> Any:
    named: List[Tuple[str, Any]] = [("the function itself", function)]
    named += [("argument {}".format(number), value) for number, value in enumerate(args, 1)]
    named += [("argument {!r}".format(name), value) for name, value in kwargs.items()]
    for where, value in named:
        reason = _why_not(value)
        if reason is not None:
            kind = type(getattr(value, "__self__", value)).__name__
            return "{} ({})".format(where, kind), reason
    return None


def _why_not(value: Any) -> Optional[Exception]:
    try:
        packed(value)
    except Exception as error:  # noqa: BLE001 - as above
        return error
    return None


def send(channel: Any, parts: Parts) -> None:
    """Write parts to a connected socket. Raises OSError when the other end is gone."""
    sizes = [memoryview(part).nbytes for part in parts]
    channel.sendall(b"".join(map(_NUMBER.pack, [len(parts), *sizes])))
    for part in parts:
        channel.sendall(part)


def receive(channel: Any) -> Parts:
    """Wait for parts and return them. Raises EOFError or OSError when the other end is gone."""
    (count,) = _NUMBER.unpack(_received(channel, _NUMBER.size))
    sizes = [size for (size,) in _NUMBER.iter_unpack(_received(channel, count * _NUMBER.size))]
    return [_received(channel, size) for size in sizes]


def _received(channel: Any, size: int) -> bytearray:
    data = bytearray(size)
    view = memoryview(data)
    while view:
        count = channel.recv_into(view)
        if count == 0:
            raise EOFError
        view = view[count:]
    return data

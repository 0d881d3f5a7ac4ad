"""A frame as the arguments of a Socket.IO event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from imjoy_engine.errors import BadRequestError
from imjoy_wire.frames import Frame

__all__ = ["frame_from_event", "frame_to_event"]

_TEXT_BODY_BYTES = 64 << 10
_ROUTE_KEYS = ("to", "from", "kind")


def frame_to_event(frame: Frame) -> tuple[Any, ...]:
    """Return header, body and buffers; a small body without buffers is text."""
    header = {**frame.extra, "to": frame.to, "from": frame.sender, "kind": frame.kind}
    body: str | bytes = bytes(frame.body)
    if not frame.buffers and len(body) <= _TEXT_BODY_BYTES:
        body = body.decode()
    return (header, body, *map(bytes, frame.buffers))


def frame_from_event(
    header: object, body: object, buffers: Sequence[object], max_bytes: int
) -> Frame:
    """Return the frame; BadRequestError says what about the arguments is wrong."""
    if not isinstance(header, Mapping) or not all(
        isinstance(header.get(key), str) for key in _ROUTE_KEYS
    ):
        raise BadRequestError(
            "A frame's header is an object with the texts to, from and kind.",
            hint="See the frames in the engine's documentation.",
        )
    if isinstance(body, str):
        body = body.encode("utf-8", "surrogatepass")
    if not isinstance(body, bytes) or not all(isinstance(part, bytes) for part in buffers):
        raise BadRequestError("A frame's body is text or bytes, and its buffers are bytes.")
    parts = tuple(part for part in buffers if isinstance(part, bytes))
    size = len(body) + sum(map(len, parts))
    if size > max_bytes:
        raise BadRequestError(
            f"The message has {size:,} bytes; this engine takes {max_bytes:,}.",
            hint="Send the data in pieces.",
        )
    extra = {key: value for key, value in header.items() if key not in (*_ROUTE_KEYS, "sizes")}
    return Frame(
        to=header["to"],
        sender=header["from"],
        kind=header["kind"],
        body=body,
        buffers=parts,
        extra=extra,
    )

"""A frame as the arguments of one Socket.IO event: header without sizes, body, buffers."""

from __future__ import annotations

import contextlib
from typing import Any, Dict, Sequence, Tuple, Union

from .buffers import Buffer, buffer_bytes
from .errors import FrameError, FrameTooLargeError
from .frames import Frame
from .headers import check_extra, route
from .limits import MAX_BUFFERS, MAX_FRAME_BYTES, MAX_TEXT_BODY_BYTES

__all__ = ["from_event", "to_event"]


def to_event(frame: Frame) -> Tuple[Any, ...]:
    """Return the arguments of the event; buffers are not copied.

    The body is a string when it is short and alone, which makes the event one text packet.
    """
    header: Dict[str, Any] = {**frame.extra}
    header.update({"to": frame.to, "from": frame.sender, "kind": frame.kind})
    body: Union[Buffer, str] = frame.body
    if not frame.buffers and buffer_bytes(frame.body) <= MAX_TEXT_BODY_BYTES:
        # A body that is not text is not ours to judge: it travels as bytes, to fail at its reader.
        with contextlib.suppress(UnicodeDecodeError):
            body = str(frame.body, "utf-8")
    return (header, body, *frame.buffers)


def from_event(
    arguments: Sequence[Any],
    max_frame_bytes: int = MAX_FRAME_BYTES,
    max_buffers: int = MAX_BUFFERS,
) -> Frame:
    """Return the frame that an event carries. Raises FrameError, whatever the arguments."""
    if len(arguments) < 2 or not isinstance(arguments[0], dict):
        raise FrameError("the event carries no header and body")
    to, sender, kind, extra = route(arguments[0])
    if extra:
        check_extra(extra)
    body, buffers = arguments[1], tuple(arguments[2:])
    if isinstance(body, str):
        try:
            body = body.encode("utf-8")
        except UnicodeEncodeError as error:
            raise FrameError("the body is not UTF-8") from error
    for part in (body, *buffers):
        if not isinstance(part, (bytes, bytearray, memoryview)):
            raise FrameError("the body or a buffer is not binary")
    if len(buffers) > max_buffers:
        raise FrameTooLargeError(f"{len(buffers)} buffers; {max_buffers} are allowed")
    frame = Frame(to, sender, kind, body, buffers, extra)
    if frame.payload_bytes > max_frame_bytes:
        raise FrameTooLargeError(f"a frame over the limit of {max_frame_bytes} bytes")
    return frame

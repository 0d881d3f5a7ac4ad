"""The bytes of frames on their way into a socket."""

from typing import List

from imjoy_wire.frames import Frame

__all__ = ["owned", "rest_of"]


def rest_of(parts: List[memoryview], count: int) -> List[memoryview]:
    """Return the parts without their first `count` bytes."""
    for index, part in enumerate(parts):
        if count < len(part):
            return [part[count:], *parts[index + 1 :]]
        count -= len(part)
    return []


def owned(frame: Frame) -> Frame:
    """Return the frame with buffers that nobody else can change."""
    buffers = tuple(part if isinstance(part, bytes) else bytes(part) for part in frame.buffers)
    return frame._replace(body=bytes(frame.body), buffers=buffers)

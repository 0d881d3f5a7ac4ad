"""The bytes of frames on their way into a socket."""

from typing import List

from imjoy_wire.buffers import copy_of
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
    return frame._replace(body=bytes(frame.body), buffers=tuple(map(copy_of, frame.buffers)))

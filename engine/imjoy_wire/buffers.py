"""Bytes that are handed on, not copied."""

from __future__ import annotations

import contextlib
import sys
from typing import Union

__all__ = ["Buffer", "buffer_bytes", "copy_of", "flat_view", "room_for", "take_memory"]

_LARGE_BYTES = 4 * 1024 * 1024
_STEP_BYTES = 512 * 1024
_PAGES_BYTES = 64 * 1024  # whole pages on every machine
_POPULATE_WRITE = 23  # Linux's MADV_POPULATE_WRITE, for which Python has no name

Buffer = Union[bytes, bytearray, memoryview]


def buffer_bytes(buffer: Buffer) -> int:
    """Return a buffer's size in bytes, whatever the items of a memoryview are."""
    return buffer.nbytes if isinstance(buffer, memoryview) else len(buffer)


def flat_view(view: memoryview) -> memoryview:
    """Return the same bytes as one row of single ones; copied only if they lie scattered.

    Writers count and cut a view by its items, so these have to be bytes.
    """
    if view.format == "B" and view.ndim == 1 and view.c_contiguous:
        return view
    if view.c_contiguous and view.nbytes:
        return view.cast("B")
    return memoryview(view.tobytes())


def room_for(size: int) -> memoryview:
    """Return so many bytes to be written; much of it takes memory only as it is written.

    So a large buffer can have its final place before it has come, on nobody's word but at nobody's
    cost, and need not be moved as it grows.
    """
    if size >= _LARGE_BYTES:
        import mmap  # a library of its own, which a plugin without large arrays never needs

        try:
            return memoryview(mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))
        except (OSError, AttributeError):  # a system that promises no more than it has, or another
            pass
    return memoryview(bytearray(size))


def take_memory(room: memoryview, start: int, end: int) -> None:
    """Have memory put behind these bytes of a room, which are about to be written, all at once.

    Written to without it they get theirs page by page, which takes longer than the writing itself.
    """
    advise = getattr(room.obj, "madvise", None)
    if advise is not None and sys.platform == "linux" and end - start >= _PAGES_BYTES:
        start -= start % _PAGES_BYTES
        with contextlib.suppress(OSError):  # a Linux before 5.14
            advise(_POPULATE_WRITE, start, end - start)


def copy_of(buffer: Buffer) -> Buffer:
    """Return bytes that nobody else can change; other threads get turns while much is copied."""
    if isinstance(buffer, bytes):
        return buffer
    view = flat_view(memoryview(buffer))
    if len(view) < _LARGE_BYTES:
        return bytes(view)
    room = room_for(len(view))
    for start in range(0, len(view), _STEP_BYTES):
        end = min(start + _STEP_BYTES, len(view))
        take_memory(room, start, end)
        room[start:end] = view[start:end]
    return room

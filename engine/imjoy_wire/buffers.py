"""Bytes that are handed on, not copied."""

from __future__ import annotations

from typing import Union

__all__ = ["Buffer", "buffer_bytes", "flat_view", "room_for"]

_LARGE_BYTES = 1024 * 1024

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

"""Bytes that are handed on, not copied."""

from __future__ import annotations

from typing import Union

__all__ = ["Buffer", "buffer_bytes", "flat_view"]

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

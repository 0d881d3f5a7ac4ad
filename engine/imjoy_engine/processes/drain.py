"""Reading what a process prints, always, in bounded memory."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

__all__ = ["Drain"]

_CHUNK_BYTES = 64 * 1024


class Drain:
    """Hands on what arrives at `fd` until its end, one chunk per turn of the loop.

    Nothing is kept, so a process that prints a gigabyte costs one chunk; other work gets its turn
    between two chunks. `ended` is done when the last writer closed its end. Owns `fd`.
    """

    def __init__(self, fd: int, on_chunk: Callable[[bytes], None]) -> None:
        self._fd = fd
        self._on_chunk = on_chunk
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[None] = self._loop.create_future()
        os.set_blocking(fd, False)
        self._loop.add_reader(fd, self._readable)

    def _readable(self) -> None:
        try:
            chunk = os.read(self._fd, _CHUNK_BYTES)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""  # A terminal whose other end closed says so with an error.
        if chunk:
            self._on_chunk(chunk)
        else:
            self.close()

    def close(self) -> None:
        """Stop reading, whatever may still come."""
        if not self.ended.done():
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self.ended.set_result(None)

"""Large buffers from one plugin to another on the same machine, by shared memory.

The engine gives its workers a directory in memory. The sender writes a frame's buffers into a file
there and sends the frame without them, with the header key `shm`: {"name", "sizes"}. The receiver
maps the file and removes it. The name begins with the receiver's id, so that nobody can be made to
open, or to remove, what was not written for it; the engine removes what a worker that ends has not
fetched. Whenever this cannot be done, the frame travels as it is; so does everything that a worker
sends which outlasts its engine, since the next engine removes the files of the last one.
"""

import itertools
import os
import re
import threading
from collections import deque
from typing import Any, Deque, List, Optional, Tuple

from imjoy_wire.errors import FrameError
from imjoy_wire.frames import Frame

__all__ = ["SharedMemory"]

WORKER_PREFIX = "w_"
"""How the ids of peers on this machine begin that are workers."""
SHARED_BYTES = 1024 * 1024
"""A frame with at least this many bytes in its buffers goes by shared memory."""
MAX_UNFETCHED_BYTES = 1024 * 1024 * 1024
"""Of one sender; beyond it frames travel as they are, which makes the sender wait."""
_ALIGNMENT = 64
_NAME = r"[A-Za-z0-9_-]{1,200}"


class SharedMemory:
    """The directory that the engine gave to this worker; with `puts` False it only takes."""

    def __init__(self, directory: Optional[str], peer_id: str, puts: bool = True) -> None:
        self._directory = directory
        self._puts = puts
        self._peer_id = peer_id
        self._numbers = itertools.count()
        self._salt = os.urandom(8).hex()
        self._lock = threading.Lock()
        self._unfetched: Deque[Tuple[str, str, int]] = deque()  # receiver, path, size

    def put(self, frame: Frame) -> Frame:
        """Return the frame to send: without its buffers if they lie in shared memory now."""
        if not frame.buffers or not self._puts:
            return frame
        sizes = [memoryview(buffer).nbytes for buffer in frame.buffers]
        total = sum(sizes)
        if (
            self._directory is None
            or total < SHARED_BYTES
            or not frame.to.startswith(WORKER_PREFIX)
            or self._unfetched_bytes() + total > MAX_UNFETCHED_BYTES
        ):
            return frame
        name = "{}-{}-{}".format(frame.to, self._salt, next(self._numbers))
        path = os.path.join(self._directory, name)
        try:
            self._write(path, frame.buffers)
        except OSError:  # the memory is full, or the engine has gone
            _remove(path)
            return frame
        with self._lock:
            self._unfetched.append((frame.to, path, total))
        extra = dict(frame.extra)
        extra["shm"] = {"name": name, "sizes": sizes}
        return frame._replace(buffers=(), extra=extra)

    def take(self, frame: Frame) -> Frame:
        """Return the frame with its buffers, which nobody else can see or change any more.

        Raises FrameError for a mark that no sender of ours makes, or whose file is gone.
        """
        mark = frame.extra.get("shm") if frame.extra else None
        if mark is None:
            return frame
        name, sizes = self._checked(mark)
        path = os.path.join(str(self._directory), name)
        try:
            view = memoryview(_mapped(path))
        except (OSError, ValueError) as error:
            raise FrameError("a buffer in shared memory that is not there") from error
        _remove(path)
        buffers = []  # type: List[Any]
        start = 0
        for size in sizes:
            if start + size > len(view):
                raise FrameError("a buffer in shared memory that is too short")
            buffers.append(view[start : start + size])
            start += _aligned(size)
        extra = {key: value for key, value in frame.extra.items() if key != "shm"}
        return frame._replace(buffers=tuple(buffers), extra=extra)

    def _write(self, path: str, buffers: Any) -> None:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            for buffer in buffers:
                view = memoryview(buffer).cast("B") if memoryview(buffer).nbytes else b""
                padding = _aligned(len(view)) - len(view)
                while len(view):
                    view = view[os.write(handle, view) :]
                if padding:
                    os.write(handle, bytes(padding))
        finally:
            os.close(handle)

    def _checked(self, mark: Any) -> Tuple[str, List[int]]:
        name = mark.get("name") if isinstance(mark, dict) else None
        sizes = mark.get("sizes") if isinstance(mark, dict) else None
        if (
            self._directory is None
            or not isinstance(name, str)
            or not re.fullmatch(_NAME, name)
            or not name.startswith(self._peer_id + "-")
            or not isinstance(sizes, list)
            or not all(type(size) is int and size >= 0 for size in sizes)
        ):
            raise FrameError("a mark of shared memory that is not ours")
        return name, sizes

    def move_to(self, directory: Optional[str]) -> None:
        """Use another engine's directory from now on; nothing of the last one is there any more."""
        self._directory = directory

    def forget(self, receiver: str) -> None:
        """Remove what a receiver that is gone has not fetched."""
        with self._lock:
            for to, path, _ in self._unfetched:
                if to == receiver:
                    _remove(path)

    def _unfetched_bytes(self) -> int:
        with self._lock:
            while self._unfetched and not os.path.exists(self._unfetched[0][1]):
                self._unfetched.popleft()
            return sum(size for _, _, size in self._unfetched)


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT


def _mapped(path: str) -> Any:
    import mmap  # a library of its own, which many a plugin never needs

    handle = os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
    try:
        return mmap.mmap(handle, 0)
    finally:
        os.close(handle)


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass

"""The socket to the engine: a thread reads it, and what cannot be written at once another writes.

A plugin that computes is busy, not dead: reading goes on beside it. Writing has back-pressure: a
thread that sends much waits until the engine has taken it. Frames are whole: what goes out from
different threads never mixes.
"""

import os
import socket
import threading
from collections import deque
from typing import Any, Callable, Deque, List, Optional

from imjoy_wire.errors import FrameError
from imjoy_wire.frames import Frame, FrameDecoder, encode_frame

__all__ = ["Link"]

HIGH_WATER_BYTES = 64 * 1024 * 1024
"""With more than this waiting to be written, everybody who sends waits."""
COPIED_BYTES = 256 * 1024
"""The rest of a frame up to this is copied, so that its sender need not wait."""
MAX_PARTS = 512  # of one gathering write; the system's limit is 1024 or more

Buffer = Any
OnFrame = Callable[[Frame], None]


class Link:
    """Carries frames over a connected socket, which it owns from now on."""

    def __init__(self, link_socket: socket.socket) -> None:
        self._socket = link_socket
        self._decoder = FrameDecoder()
        self._early: Deque[Frame] = deque()
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._backlog: Deque[memoryview] = deque()
        self._backlog_bytes = 0
        self._written_bytes = 0
        self._queued_bytes = 0
        self._writer: Optional[threading.Thread] = None
        self._reader_id: Optional[int] = None
        self._is_closed = False

    # Reading

    def read_frame(self) -> Optional[Frame]:
        """Wait for one frame and return it; None when the engine has hung up. Raises FrameError.

        For the greeting, before `start`.
        """
        while not self._early:
            frames = self._read()
            if frames is None:
                return None
            self._early.extend(frames)
        return self._early.popleft()

    def start(self, on_frame: OnFrame, on_end: Callable[[Optional[FrameError]], None]) -> None:
        """Have every frame from now on handed to `on_frame`, in the thread that reads.

        `on_end` is called once, with the error if the engine sent something that is no frame.
        """
        reader = threading.Thread(
            target=self._read_on, args=(on_frame, on_end), name="imjoy-link", daemon=True
        )
        reader.start()

    def _read(self) -> Optional[List[Frame]]:
        try:
            count = self._socket.recv_into(self._decoder.get_buffer())
        except OSError:
            return None
        return self._decoder.buffer_updated(count) if count else None

    def _read_on(self, on_frame: OnFrame, on_end: Callable[[Optional[FrameError]], None]) -> None:
        self._reader_id = threading.get_ident()
        error: Optional[FrameError] = None
        frames: Optional[List[Frame]] = list(self._early)
        self._early.clear()
        while frames is not None:
            for frame in frames:
                on_frame(frame)
            frames = None
            try:
                frames = self._read()
            except FrameError as found:
                error = found
        self.close()
        on_end(error)

    # Writing

    def send(self, frame: Frame, copies: bool = False) -> None:
        """Put a frame on its way. Raises UnsendableFrameError; is silent once the link is closed.

        When this returns, the frame's buffers may be changed. They are written by then; with
        `copies`, for a thread that keeps others going, they may have been copied instead.
        """
        parts = encode_frame(frame)
        is_reader = threading.get_ident() == self._reader_id
        with self._lock:
            while self._backlog_bytes > HIGH_WATER_BYTES and not is_reader and not self._is_closed:
                self._changed.wait()
            if self._is_closed:
                return
            rest = [memoryview(part).cast("B") for part in parts]
            if not self._backlog:
                rest = self._write_now(rest)
            if rest:
                self._write_later(rest, copies or is_reader)

    def _write_now(self, parts: List[memoryview]) -> List[memoryview]:
        """Return what the socket does not take at once."""
        while parts:
            try:
                count = self._socket.sendmsg(parts[:MAX_PARTS], [], socket.MSG_DONTWAIT)
            except (BlockingIOError, InterruptedError):
                return parts
            except OSError:
                self._is_closed = True
                return []
            parts = _without(parts, count)
        return parts

    def _write_later(self, parts: List[memoryview], copies: bool) -> None:
        """Leave parts to the writing thread; wait for it, or copy them. The lock is held."""
        size = sum(len(part) for part in parts)
        waits = size > COPIED_BYTES and not copies
        if not waits:
            parts = [memoryview(bytes(part)) for part in parts]
        self._backlog.extend(parts)
        self._backlog_bytes += size
        self._queued_bytes += size
        if self._writer is None:
            self._writer = threading.Thread(target=self._write_on, name="imjoy-write", daemon=True)
            self._writer.start()
        self._changed.notify_all()
        if waits:
            goal = self._queued_bytes
            while self._written_bytes < goal and not self._is_closed:
                self._changed.wait()

    def _write_on(self) -> None:
        while True:
            with self._lock:
                while not self._backlog and not self._is_closed:
                    self._changed.wait()
                if self._is_closed:
                    return
                parts = list(self._backlog)[:MAX_PARTS]
            try:
                count = self._socket.sendmsg(parts)
            except OSError:
                self.close()
                return
            with self._lock:
                self._written_bytes += count
                self._backlog_bytes -= count
                self._take_off(count)
                self._changed.notify_all()

    def _take_off(self, count: int) -> None:
        while count and self._backlog:
            first = self._backlog.popleft()
            if count < len(first):
                self._backlog.appendleft(first[count:])
                return
            count -= len(first)

    def flush(self, timeout_s: float) -> bool:
        """Wait until everything is written, at most so long; tell whether it is."""
        with self._lock:
            return self._changed.wait_for(lambda: not self._backlog or self._is_closed, timeout_s)

    def close(self) -> None:
        """Hang up; whoever waits to send goes on."""
        with self._lock:
            self._is_closed = True
            self._backlog.clear()
            self._changed.notify_all()
        try:
            # Wakes the thread that reads; closing alone would not.
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def leave_to_parent(self) -> None:
        """Let go of the socket in a forked child, so that the engine sees the worker's own end."""
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._is_closed = True
        os.close(self._socket.detach())


def _without(parts: List[memoryview], count: int) -> List[memoryview]:
    """Return the parts without their first `count` bytes."""
    for index, part in enumerate(parts):
        if count < len(part):
            return [part[count:], *parts[index + 1 :]]
        count -= len(part)
    return []

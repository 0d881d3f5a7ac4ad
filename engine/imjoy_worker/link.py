"""The socket to the engine: the loop or a thread reads it, another writes what has to wait.

A plugin that computes is busy, not dead: reading goes on beside it (`reading.py`). Writing has
back-pressure: a thread that sends much waits until the engine has taken it. Big frames go out in
chunks, and what goes to other peers passes between them.

A link that `outlasts` its engine does not end with it. It keeps what the engine has not taken, and
what is sent meanwhile, and goes on with the next engine (`comeback.py`).
"""

import os
import socket
import threading
import time
from collections import deque
from typing import Any, Callable, Deque, List, Optional

from imjoy_wire.bundles import CLOSE_S
from imjoy_wire.chunks import Assembler, is_big
from imjoy_wire.delivery import ACK, ack_number
from imjoy_wire.errors import FrameError
from imjoy_wire.frames import Frame, FrameDecoder, encode_frame
from imjoy_wire.lanes import Lanes

from .kept import Kept, without
from .parts import owned, rest_of
from .reading import SharedReading

__all__ = ["Link"]

HIGH_WATER_BYTES = 64 * 1024 * 1024
"""With more than this waiting for one peer, everybody who sends to it waits."""
COPIED_BYTES = 256 * 1024
"""The rest of a frame up to this is copied, so that its sender need not wait."""
GATHERED_BYTES = 16 * 1024
"""A frame up to this may wait for the end of its turn of the loop, with others."""
MAX_PARTS = 512  # of one gathering write; the system's limit is 1024 or more

Buffer = Any
OnFrame = Callable[[Frame], None]
ComeBack = Callable[[], Optional[List[Frame]]]
"""Find the next engine; return the frames that came behind its welcome, or None to give up."""


class Link:
    """Carries frames over a connected socket, which it owns from now on."""

    def __init__(self, link_socket: socket.socket) -> None:
        self._socket = link_socket
        self._early: Deque[Frame] = deque()
        self._assembler = Assembler()
        self._decoder = FrameDecoder(places=self._assembler.places)
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._lanes = Lanes()
        self._current: List[memoryview] = []  # what is left of the frame that is being written
        self._writer: Optional[threading.Thread] = None
        self._on_frame: OnFrame = self._early.append
        self._reader_id: Optional[int] = None  # the thread that hands on frames just now
        self._home: Any = None
        self._shared: Optional[SharedReading] = None  # while the loop reads as well
        self._gathered: Optional[List[memoryview]] = None  # None: nobody calls `_end_turn`
        self._written_at = 0.0
        self._is_closed = False
        self._come_back: Optional[ComeBack] = None
        self._kept: Optional[Kept] = None
        self._again: Deque[Frame] = deque()  # what the next engine must be sent first
        self._is_away = False
        self._is_writing = False

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

    def start(
        self,
        on_frame: OnFrame,
        on_end: Callable[[Optional[FrameError]], None],
        loop: Any = None,
    ) -> None:
        """Have every frame from now on handed to `on_frame`, one after the other.

        In the loop, and while that is busy, or without one, in a thread. `on_end` is called once,
        in that thread, with the error if the engine sent something that is no frame.
        """
        self._on_frame = on_frame
        if loop is not None:
            self._home = loop
            self._shared = SharedReading(self._socket, loop, self._read, self._take)
        threading.Thread(
            target=self._read_on, args=(on_end,), name="imjoy-link", daemon=True
        ).start()

    def _read(self, flags: int = 0) -> Optional[List[Frame]]:
        """Return the next frames; None when there will be none."""
        try:
            count = self._socket.recv_into(self._decoder.get_buffer(), 0, flags)
        except (BlockingIOError, InterruptedError):
            return []
        except OSError:
            return None
        return self._decoder.buffer_updated(count) if count else None

    def _read_on(self, on_end: Callable[[Optional[FrameError]], None]) -> None:
        error: Optional[FrameError] = None
        frames: Optional[List[Frame]] = list(self._early)
        self._early.clear()
        try:
            while frames is not None:
                self._take(frames)
                if self._shared is not None:
                    self._shared.go_on_beside(lambda: self._is_closed, self._write_gathered)
                    self._shared = None
                frames = self._read()
                if frames is None and self._come_back is not None and self._be_away():
                    frames = self._come_back()
        except FrameError as found:
            error = found
        self.close()
        on_end(error)

    def _take(self, frames: List[Frame]) -> None:
        self._reader_id = threading.get_ident()
        for frame in frames:
            if frame.kind == ACK and self._kept is not None:
                self._take_ack(frame)
                continue
            for whole in self._assembler.feed(frame):
                self._on_frame(whole)
        self._reader_id = None

    def forget(self, peer: str) -> None:
        """Drop what is under way to and from a peer that is gone. For the thread that reads."""
        self._assembler.forget(peer)
        with self._lock:
            self._lanes.drop(peer)
            if self._kept is not None:
                self._kept.forget(peer)
                self._again = deque(without(self._again, peer))
            self._changed.notify_all()

    # Outlasting the engine

    def outlast(self, come_back: ComeBack) -> None:
        """Have `come_back` called, in the thread that reads, whenever the engine has gone."""
        self._come_back = come_back
        self._kept = Kept()

    def wait_closed(self, timeout_s: float) -> bool:
        """Wait for the link's own end, at most so long; tell whether it has come."""
        with self._lock:
            return self._changed.wait_for(lambda: self._is_closed, timeout_s)

    def take_over(self, link_socket: socket.socket) -> None:
        """Read from this socket from now on; writing waits for `go_on`."""
        with self._lock:
            self._changed.wait_for(lambda: not self._is_writing)
            before, self._socket = self._socket, link_socket
        before.close()
        self._assembler = Assembler()
        self._decoder = FrameDecoder(places=self._assembler.places)
        self._early.clear()

    def go_on(self) -> List[Frame]:
        """Write again, first what no engine has taken; return frames that were read too early."""
        with self._lock:
            self._is_away = False
            self._wake_writer()
        early = list(self._early)
        self._early.clear()
        return early

    def _be_away(self) -> bool:
        """Keep everything from now on; tell whether the link is to go on at all."""
        with self._lock:
            if self._is_closed or self._kept is None:
                return False
            self._is_away = True
            # In front of what an earlier engine did not live long enough to be sent.
            self._again.extendleft(reversed(self._kept.begin_again()))
            self._drop_written()
            self._changed.notify_all()
        return True

    def _take_ack(self, frame: Frame) -> None:
        with self._lock:
            if self._kept is not None:
                self._kept.acknowledged(ack_number(frame))
                self._changed.notify_all()

    def _next(self) -> Optional[Frame]:
        """Return the next frame as it is written; None when there is none. The lock is held."""
        if self._kept is None:
            return self._lanes.take()
        frame = self._again.popleft() if self._again else self._lanes.take()
        return None if frame is None else self._kept.number(frame)

    def _lose(self) -> None:
        """Write no more to an engine that has gone; the thread that reads sees it too."""
        self._drop_written()
        if self._kept is None:
            self._is_closed = True
        else:
            self._is_away = True

    def _drop_written(self) -> None:
        """Forget the bytes that were on their way to an engine that has gone."""
        self._current = []
        if self._gathered:
            self._gathered = []

    # Writing

    def send(self, frame: Frame, copies: bool = False) -> None:
        """Put a frame on its way. Raises UnsendableFrameError; is silent once the link is closed.

        When this returns, the frame's buffers may be changed. They are written by then; with
        `copies`, for a thread that keeps others going, they may have been copied instead.
        """
        parts = encode_frame(frame)  # raises before anything is promised
        size = frame.payload_bytes
        with self._lock:
            if size <= GATHERED_BYTES and self._kept is None and self._may_write_now:
                if not self._is_closed:
                    self._write_soon([memoryview(part).cast("B") for part in parts], size)
                return
            is_reader = threading.get_ident() == self._reader_id
            waits = size > COPIED_BYTES and not copies and not is_reader and self._kept is None
            while (
                self._lanes.bytes_between(frame.sender, frame.to) > HIGH_WATER_BYTES
                and not is_reader
                and not self._is_closed
            ):
                self._changed.wait()
            if self._is_closed:
                return
            frame = self._kept.marked(frame) if self._kept is not None else frame
            if self._may_write_now and not is_big(frame):
                if self._kept is not None:
                    parts = encode_frame(self._kept.number(owned(frame)))
                self._write_soon([memoryview(part).cast("B") for part in parts], size)
                return
            if not waits:
                frame = owned(frame)
            if self._gathered and not self._is_away:
                self._write_parts([])
            self._lanes.put(frame)
            self._wake_writer()
            if waits:
                self._wait_until_written(frame)

    def _write_soon(self, parts: List[memoryview], size: int) -> None:
        """Write a frame now; in the loop, one on the heels of another waits for the turn's end.

        What it refers to stays as it is until then. The lock is held.
        """
        if self._home is None or size > GATHERED_BYTES or not self._home.is_here:
            self._write_parts(parts)
            return
        now = time.monotonic()
        if self._gathered is None and now - self._written_at < CLOSE_S:
            self._gathered = []
            self._home.call_soon(self._end_turn)
        self._written_at = now
        if self._gathered is None or len(self._gathered) > MAX_PARTS:
            self._write_parts(parts)
        else:
            self._gathered.append(memoryview(b"".join(parts)))

    def _write_parts(self, parts: List[memoryview]) -> None:
        """Write now, behind what was gathered; the writing thread goes on if it is too much."""
        if self._gathered:
            parts, self._gathered = self._gathered + parts, []
        rest = self._write_now(parts)
        if rest:
            self._current = [memoryview(b"".join(rest))]
            self._wake_writer()

    def _end_turn(self) -> None:
        self._write_gathered()
        self._gathered = None

    def _write_gathered(self) -> None:
        with self._lock:
            # Nothing can stand before it; a window that it has filled itself must not hold it.
            if self._gathered and not self._current and not self._is_away:
                self._write_parts([])

    @property
    def _may_write_now(self) -> bool:
        if self._current or self._lanes.is_ready:
            return False
        return self._kept is None or (self._kept.has_room and not self._again and not self._is_away)

    def _write_now(self, parts: List[memoryview]) -> List[memoryview]:
        """Return what the socket does not take at once."""
        while parts:
            try:
                count = self._socket.sendmsg(parts[:MAX_PARTS], [], socket.MSG_DONTWAIT)
            except (BlockingIOError, InterruptedError):
                return parts
            except OSError:
                self._lose()
                return []
            parts = rest_of(parts, count)
        return parts

    def _wake_writer(self) -> None:
        """Have the writing thread go on; the lock is held."""
        if self._writer is None:
            self._writer = threading.Thread(target=self._write_on, name="imjoy-write", daemon=True)
            self._writer.start()
        self._changed.notify_all()

    def _wait_until_written(self, frame: Frame) -> None:
        while self._lanes.holds(frame) and not self._is_closed:
            self._changed.wait()
        last = self._current
        while last and self._current is last and not self._is_closed:
            self._changed.wait()

    def _write_on(self) -> None:
        while True:
            with self._lock:
                self._changed.wait_for(self._has_work)
                if self._is_closed:
                    return
                if not self._current:
                    frame = self._next()
                    if frame is None:
                        continue
                    self._current = [memoryview(part).cast("B") for part in encode_frame(frame)]
                parts = self._current
                self._is_writing = True
            try:
                while parts:
                    parts = rest_of(parts, self._socket.sendmsg(parts[:MAX_PARTS]))
            except OSError:
                with self._lock:
                    self._lose()
                    self._is_writing = False
                if self._kept is None:
                    self.close()
                continue
            with self._lock:
                self._current = []
                self._is_writing = False
                self._changed.notify_all()

    def _has_work(self) -> bool:
        if self._is_closed or self._kept is None:
            return bool(self._current) or self._lanes.is_ready or self._is_closed
        waits = bool(self._again) or self._lanes.is_ready
        return not self._is_away and (bool(self._current) or (waits and self._kept.has_room))

    def flush(self, timeout_s: float) -> bool:
        """Wait until everything is written, at most so long; tell whether it is."""
        self._write_gathered()
        with self._lock:
            return self._changed.wait_for(
                lambda: (
                    not (self._current or self._lanes.is_ready or self._again) or self._is_closed
                ),
                timeout_s,
            )

    def close(self) -> None:
        """Hang up; whoever waits to send goes on."""
        with self._lock:
            self._is_closed = True
            self._lanes = Lanes()
            self._changed.notify_all()
        if self._shared is not None:
            self._shared.look()
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

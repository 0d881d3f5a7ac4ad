"""Reading in the plugin's loop, and in a thread beside it while the loop is kept busy."""

import contextlib
import select
import socket
import threading
from typing import Any, Callable, List, Optional

from imjoy_wire.errors import FrameError
from imjoy_wire.frames import Frame

from .turns import PATIENCE_S, Turns

__all__ = ["SharedReading"]

Read = Callable[[int], Optional[List[Frame]]]
"""Read once, with these flags of `recv`; return the frames, None at the end. Raises FrameError."""


class SharedReading:
    """Reads a socket in turns, until it ends; its end and its errors are left to the thread.

    `take` is given what `read` returned, by one of the two at a time and in order.
    """

    def __init__(
        self, link_socket: socket.socket, loop: Any, read: Read, take: Callable[[Any], None]
    ) -> None:
        self._socket = link_socket
        self._loop = loop
        self._turns: Turns = loop.turns
        self._read = read
        self._take = take
        self._lock = threading.Lock()
        self._has_ended = False

    def go_on_beside(self, is_over: Callable[[], bool], on_busy: Callable[[], None]) -> None:
        """Have the loop read; return when there is nothing more to read, or when `is_over`.

        In the thread. `on_busy` is called whenever the loop is found to be busy. Raises FrameError.
        """
        self._loop.call_soon_threadsafe(self._begin)
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        try:
            while True:
                turn = self._turns.wait_until_stuck(lambda: self._has_ended or is_over())
                if self._has_ended or is_over():
                    return
                on_busy()
                while self._turns.is_in(turn) and not self._has_ended:
                    if poll.poll(PATIENCE_S * 1000):
                        with self._lock:
                            self._read_once()
        finally:
            with self._lock:
                self._end()

    def look(self) -> None:
        """Have the thread find out whether it is over."""
        self._turns.stir()

    def _begin(self) -> None:
        with self._lock:
            if not self._has_ended:
                self._loop.add_reader(self._socket, self._read_at_home)

    def _read_at_home(self) -> None:
        with self._lock:
            self._loop.is_reading = True
            try:
                self._read_once()
            except FrameError:  # it is final: the thread meets it again
                self._end()
            finally:
                self._loop.is_reading = False
        # Without the lock: a call that computes must not keep the thread from reading.
        self._loop.begin_read()

    def _read_once(self) -> None:
        if not self._has_ended:
            frames = self._read(socket.MSG_DONTWAIT)
            if frames is None:
                self._end()
            else:
                self._take(frames)

    def _end(self) -> None:
        """Read no more; the lock is held."""
        if not self._has_ended:
            self._has_ended = True
            with contextlib.suppress(RuntimeError, ValueError):  # the loop or the socket is closed
                # The thread may do so, too: the loop is busy elsewhere, or waits in its selector.
                self._loop.remove_reader(self._socket)
            self._turns.stir()

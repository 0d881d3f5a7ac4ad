"""Exactly once and in order, over links that break and are replaced.

Each end of a session numbers the frames it sends (header key `n`: 1, 2, 3, ...) and keeps them
until the other end says, in a frame of kind "ack" (header key `n`: the last one it has), that it
has them. On a new link everything unacknowledged is sent again; what comes twice is dropped. Acks
are not numbered. What may be unacknowledged is bounded, which also holds a sender back whose
receiver is slow. Does no I/O and knows no time.
"""

from __future__ import annotations

from collections import deque
from typing import Deque, List, Optional, Tuple

from .errors import FrameError
from .frames import Frame

__all__ = ["ACK", "Incoming", "Sent", "ack_number", "ack_of"]

ACK = "ack"
ACK_EVERY_FRAMES = 64
ACK_EVERY_BYTES = 1024 * 1024
WINDOW_BYTES = 16 * 1024 * 1024
WINDOW_FRAMES = 4096


def ack_of(number: int) -> Frame:
    """Return the frame that acknowledges everything up to `number`."""
    return Frame("", "", ACK, extra={"n": number})


def ack_number(frame: Frame) -> int:
    """Return what an ack acknowledges. Raises FrameError."""
    number = frame.extra.get("n")
    if type(number) is not int or number < 0:
        raise FrameError("an ack without a number")
    return number


class Sent:
    """What was sent on one session and may have to be sent again."""

    def __init__(
        self, window_bytes: int = WINDOW_BYTES, window_frames: int = WINDOW_FRAMES
    ) -> None:
        self._window_bytes = window_bytes
        self._window_frames = window_frames
        self._last = 0
        self._kept: Deque[Tuple[int, int, Frame]] = deque()
        self._kept_bytes = 0

    @property
    def has_room(self) -> bool:
        """Whether another frame may be sent before an ack comes."""
        return self._kept_bytes < self._window_bytes and len(self._kept) < self._window_frames

    @property
    def kept_bytes(self) -> int:
        """Payload bytes that are not acknowledged."""
        return self._kept_bytes

    def number(self, frame: Frame) -> Frame:
        """Return the frame with its number; it is kept until it is acknowledged."""
        self._last += 1
        extra = {**frame.extra, "n": self._last} if frame.extra else {"n": self._last}
        numbered = Frame(*frame[:5], extra)
        size = frame.payload_bytes
        self._kept.append((self._last, size, numbered))
        self._kept_bytes += size
        return numbered

    def acknowledged(self, number: int) -> List[Frame]:
        """Forget everything up to `number` and return it. Raises FrameError for what never was."""
        if number > self._last:
            raise FrameError(f"an ack of frame {number}; only {self._last} were sent")
        forgotten: List[Frame] = []
        while self._kept and self._kept[0][0] <= number:
            _, size, frame = self._kept.popleft()
            self._kept_bytes -= size
            forgotten.append(frame)
        return forgotten

    def unacknowledged(self) -> List[Frame]:
        """Return, in order, what must be sent again on a new link."""
        return [frame for _, _, frame in self._kept]


class Incoming:
    """What has come on one session."""

    def __init__(self) -> None:
        self.last = 0
        self._unsaid_frames = 0
        self._unsaid_bytes = 0

    @property
    def owes_ack(self) -> bool:
        """Whether something has come since the last ack."""
        return self._unsaid_frames > 0

    @property
    def should_ack(self) -> bool:
        """Whether so much has come that the sender should hear of it now."""
        return self._unsaid_frames >= ACK_EVERY_FRAMES or self._unsaid_bytes >= ACK_EVERY_BYTES

    def take(self, frame: Frame) -> Optional[Frame]:
        """Return the frame without its number, or None when it has come before.

        Raises FrameError for one without a number, or when one before it is missing.
        """
        number = frame.extra.get("n")
        if type(number) is not int:
            raise FrameError("a frame without its number")
        if number <= self.last:
            self._unsaid_frames += 1
            return None
        if number != self.last + 1:
            raise FrameError(f"frame {number} came after frame {self.last}")
        self.last = number
        self._unsaid_frames += 1
        self._unsaid_bytes += frame.payload_bytes
        if len(frame.extra) == 1:
            return Frame(*frame[:5])
        extra = {key: value for key, value in frame.extra.items() if key != "n"}
        return Frame(*frame[:5], extra)

    def ack(self) -> Frame:
        """Return the ack of everything that has come; nothing is owed then."""
        self._unsaid_frames = self._unsaid_bytes = 0
        return ack_of(self.last)

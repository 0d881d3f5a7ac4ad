"""What a worker that outlives its engine has sent, until an engine has taken it.

Every frame is numbered and kept until it is acknowledged (`imjoy_wire.delivery` says how on the
wire). The next engine knows nothing of the numbers, so that they begin anew with it. Of a message
that was cut all pieces are kept until the last is acknowledged: what the last engine had of it died
with that engine.
"""

from collections import deque
from typing import Any, Deque, Dict, Iterable, List, Optional, Set, Tuple

from imjoy_wire.chunks import CHUNK
from imjoy_wire.delivery import WINDOW_BYTES, WINDOW_FRAMES
from imjoy_wire.errors import FrameError
from imjoy_wire.frames import Frame
from imjoy_wire.lanes import RUN

from .once import ONCE
from .shared import WORKER_PREFIX

__all__ = ["Kept", "without"]


class _Cut:
    """A message that is sent in pieces: how many bytes are to come, and its last number."""

    def __init__(self, missing: int, is_run: bool) -> None:
        self.missing = missing
        self.last = 0
        self.is_run = is_run


class _Entry:
    """One frame that was sent."""

    def __init__(self, number: int, frame: Frame, cut: Optional[_Cut]) -> None:
        self.number = number
        self.frame = frame
        self.cut = cut

    @property
    def is_run(self) -> bool:
        """Whether it belongs to a run, which is for the engine as well."""
        return RUN in (self.frame.extra or {}) or (self.cut is not None and self.cut.is_run)

    def is_taken(self, acknowledged: int) -> bool:
        """Whether an engine has this frame, and all of the message that it is a piece of."""
        if self.cut is None:
            return self.number <= acknowledged
        return not self.cut.missing and self.cut.last <= acknowledged


class Kept:
    """Frames in the order of their numbers. Not for two threads at once."""

    def __init__(self) -> None:
        self._marks = 0  # never begun anew: they are for other workers, not for an engine
        self._begin()

    def _begin(self) -> None:
        self._last = 0
        self._acknowledged = 0
        self._under_way: Deque[Tuple[int, int]] = deque()  # number and size
        self._bytes = 0
        self._entries: Deque[_Entry] = deque()
        self._cuts: Dict[Any, _Cut] = {}

    @property
    def has_room(self) -> bool:
        """Whether another frame may be sent before an ack comes."""
        return self._bytes < WINDOW_BYTES and len(self._under_way) < WINDOW_FRAMES

    def marked(self, frame: Frame) -> Frame:
        """Return what is to be sent; for another worker, with what tells it from a second one."""
        if not frame.to.startswith(WORKER_PREFIX):
            return frame
        self._marks += 1
        return frame._replace(extra={**(frame.extra or {}), ONCE: self._marks})

    def number(self, frame: Frame) -> Frame:
        """Return the frame with its number; it is kept, so nobody may change its buffers."""
        self._last += 1
        size = frame.payload_bytes
        self._under_way.append((self._last, size))
        self._bytes += size
        self._entries.append(_Entry(self._last, frame, self._cut_of(frame)))
        return frame._replace(extra={**(frame.extra or {}), "n": self._last})

    def acknowledged(self, number: int) -> None:
        """Forget what the engine has. Raises FrameError for a number that was never sent."""
        if number > self._last:
            raise FrameError("an ack of frame {}; only {} were sent".format(number, self._last))
        self._acknowledged = max(self._acknowledged, number)
        while self._under_way and self._under_way[0][0] <= number:
            self._bytes -= self._under_way.popleft()[1]
        self._tidy()

    def forget(self, peer: str) -> None:
        """Keep nothing of what was sent to a peer that is gone, but for what belongs to a run."""
        kept = [entry for entry in self._entries if entry.frame.to != peer or entry.is_run]
        self._entries = deque(kept)
        for key in [key for key, cut in self._cuts.items() if key[1] == peer and not cut.is_run]:
            del self._cuts[key]

    def begin_again(self) -> List[Frame]:
        """Return what the next engine must be sent first, in order, and begin to count anew.

        What is returned is numbered again when it is sent.
        """
        self._tidy()
        again = [entry.frame for entry in self._entries if not entry.is_taken(self._acknowledged)]
        self._begin()
        return again

    def _cut_of(self, frame: Frame) -> Optional[_Cut]:
        mark = (frame.extra or {}).get("cut")
        if mark is None:
            return None
        if frame.kind != CHUNK:
            cut = _Cut(sum(mark["sizes"]), RUN in frame.extra)
            key = (frame.sender, frame.to, mark["id"])
            self._cuts[key] = cut
        else:
            key = (frame.sender, frame.to, mark)
            found = self._cuts.get(key)
            if found is None:
                return None  # of a message to a peer that is gone
            cut = found
            cut.missing -= frame.payload_bytes
        if not cut.missing:
            cut.last = self._last
            del self._cuts[key]
        return cut

    def _tidy(self) -> None:
        while self._entries and self._entries[0].is_taken(self._acknowledged):
            self._entries.popleft()
        if self._entries and self._entries[0].cut is not None:
            waiting = (entry for entry in self._entries if not entry.is_taken(self._acknowledged))
            self._entries = deque(waiting)


def without(frames: Iterable[Frame], peer: str) -> List[Frame]:
    """Return the frames without those to a peer that is gone, but with what belongs to a run."""
    kept: List[Frame] = []
    runs: Set[Any] = set()
    for frame in frames:
        mark = (frame.extra or {}).get("cut")
        is_run = RUN in (frame.extra or {}) or (frame.kind == CHUNK and mark in runs)
        if isinstance(mark, dict) and is_run and frame.to == peer:
            runs.add(mark["id"])
        if frame.to != peer or is_run:
            kept.append(frame)
    return kept

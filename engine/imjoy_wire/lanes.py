"""What waits to be written to one link: one lane for each pair of peers, served in turn.

Inside a lane order is kept. Between lanes nobody waits for a big message of another: a lane gives
one frame at a time, and a big message gives one chunk. Does no I/O; the writer takes frames as
fast as its link accepts them.

A lane may have a window: how many bytes of chunks may be under way until the next relay says, by
`grant`, that it has passed them on. So a receiver that reads slowly holds its own lane only.
"""

from __future__ import annotations

from collections import deque
from typing import Deque, Dict, Iterator, Optional, Tuple

from .chunks import CHUNK, CUT_BYTES, cut
from .errors import FrameError
from .frames import Frame

__all__ = ["FRAME_OVERHEAD_BYTES", "GRANT", "RUN", "WINDOW_BYTES", "Lanes", "grant_of", "granted"]

FRAME_OVERHEAD_BYTES = 512
"""What a frame counts beside its payload, so that a flood of tiny ones is bounded too."""
WINDOW_BYTES = 4 * 1024 * 1024

RUN = "run"
"""The header key of frames that belong to a run, and the kind of frames about runs."""

GRANT = "grant"
"""The kind of the frame that a relay answers chunks with, to the link that they came by."""

Key = Tuple[str, str]


def grant_of(sender: str, to: str, count: int) -> Frame:
    """Return the frame that says: `count` bytes of chunks between these two were passed on."""
    return Frame("", "", GRANT, extra={"lane": [sender, to], "bytes": count})


def granted(frame: Frame) -> Tuple[str, str, int]:
    """Return what a grant says. Raises FrameError."""
    lane, count = frame.extra.get("lane"), frame.extra.get("bytes")
    if (
        not isinstance(lane, list)
        or len(lane) != 2
        or not all(isinstance(end, str) for end in lane)
        or type(count) is not int
        or count < 0
    ):
        raise FrameError("a grant without its lane or its bytes")
    return lane[0], lane[1], count


class _Lane:
    """The frames of one pair of peers."""

    def __init__(self) -> None:
        self.frames: Deque[Frame] = deque()
        self.pieces: Optional[Iterator[Frame]] = None  # of the first frame, when it is big
        self.next_piece: Optional[Frame] = None
        self.waiting_bytes = 0


class Lanes:
    """A fair queue of frames; `window_bytes` None means that nobody grants and nobody waits.

    `cuts` False leaves big frames whole, for a reader that knows no chunks.
    """

    def __init__(self, window_bytes: Optional[int] = None, *, cuts: bool = True) -> None:
        self._window_bytes = window_bytes
        self._cuts = cuts
        self._lanes: Dict[Key, _Lane] = {}
        self._turns: Deque[Key] = deque()  # lanes that have something to give
        self._held: Dict[Key, None] = {}  # lanes whose window is full
        self._next_cut = 0
        self._under_way: Dict[Key, int] = {}
        self.waiting_bytes = 0

    def __len__(self) -> int:
        """Return how many frames wait, big ones counted once."""
        return sum(len(lane.frames) for lane in self._lanes.values())

    def __bool__(self) -> bool:
        """Return whether anything waits, held or not."""
        return bool(self._lanes)

    def __iter__(self) -> Iterator[Frame]:
        """Yield what waits, big frames whole; lane by lane, in the order of each."""
        for lane in self._lanes.values():
            yield from lane.frames

    @property
    def is_ready(self) -> bool:
        """Whether `take` has a frame to give."""
        return bool(self._turns)

    def bytes_between(self, sender: str, to: str) -> int:
        """Return how much waits in one lane."""
        lane = self._lanes.get((sender, to))
        return lane.waiting_bytes if lane is not None else 0

    def holds(self, frame: Frame) -> bool:
        """Return whether this very frame, or a piece of it, has yet to be taken."""
        lane = self._lanes.get((frame.sender, frame.to))
        return lane is not None and any(each is frame for each in lane.frames)

    def put(self, frame: Frame) -> None:
        """Queue a frame behind the others of its pair of peers."""
        key = (frame.sender, frame.to)
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = _Lane()
            self._turns.append(key)
        lane.frames.append(frame)
        size = frame.payload_bytes + FRAME_OVERHEAD_BYTES
        lane.waiting_bytes += size
        self.waiting_bytes += size

    def take(self) -> Optional[Frame]:
        """Return the next frame to write, or None when nothing waits or all that waits is held."""
        while self._turns:
            key = self._turns.popleft()
            lane = self._lanes[key]
            frame = self._peek(lane)
            if frame.kind == CHUNK and not self._admit(key, frame):
                self._held[key] = None
                continue
            self._advance(key, lane)
            return frame
        return None

    def grant(self, sender: str, to: str, count: int) -> None:
        """Count `count` bytes of chunks as passed on by the relay behind the link."""
        key = (sender, to)
        left = self._under_way.get(key, 0) - count
        if left > 0:
            self._under_way[key] = left
        else:
            self._under_way.pop(key, None)
        if key in self._held:
            del self._held[key]
            self._turns.append(key)

    def drop(self, peer: str) -> None:
        """Forget what waits to or from a peer that is gone.

        But for what belongs to a run: that is for whoever relays it as well.
        """
        for key in [key for key in self._lanes if peer in key]:
            lane = self._lanes[key]
            kept = [frame for frame in lane.frames if RUN in frame.extra]
            if not kept or kept[0] is not lane.frames[0]:
                lane.pieces = lane.next_piece = None
            lane.frames = deque(kept)
            self.waiting_bytes -= lane.waiting_bytes
            lane.waiting_bytes = sum(each.payload_bytes + FRAME_OVERHEAD_BYTES for each in kept)
            self.waiting_bytes += lane.waiting_bytes
            if not kept:
                del self._lanes[key]
                self._held.pop(key, None)
                if key in self._turns:
                    self._turns.remove(key)
        for key in [key for key in self._under_way if peer in key]:
            del self._under_way[key]

    def _peek(self, lane: _Lane) -> Frame:
        """Return what the lane gives next, which stays there."""
        if lane.next_piece is not None:
            return lane.next_piece
        frame = lane.frames[0]
        if self._cuts and lane.pieces is None and frame.payload_bytes > CUT_BYTES:
            self._next_cut += 1
            lane.pieces = cut(frame, self._next_cut)
            lane.next_piece = next(lane.pieces)
            return lane.next_piece
        return frame

    def _advance(self, key: Key, lane: _Lane) -> None:
        """Take out what was given; the lane goes to the end of the line, or away when empty."""
        if lane.pieces is not None:
            lane.next_piece = next(lane.pieces, None)
        if lane.next_piece is None:
            lane.pieces = None
            whole = lane.frames.popleft()
            size = whole.payload_bytes + FRAME_OVERHEAD_BYTES
            lane.waiting_bytes -= size
            self.waiting_bytes -= size
        if lane.frames:
            self._turns.append(key)
        else:
            del self._lanes[key]

    def _admit(self, key: Key, chunk: Frame) -> bool:
        if self._window_bytes is None:
            return True
        under_way = self._under_way.get(key, 0)
        if under_way and under_way + chunk.payload_bytes > self._window_bytes:
            return False
        self._under_way[key] = under_way + chunk.payload_bytes
        return True

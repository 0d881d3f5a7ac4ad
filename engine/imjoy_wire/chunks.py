"""Big messages in pieces, so that small ones pass between them.

A frame whose payload is larger than `CUT_BYTES` travels as an announcement and chunks:

    announcement   the frame's own route and kind, no payload,
                   and the header key `cut`: {"id": n, "sizes": [body, buffer, ...]}
    chunk          the same `to` and `from`, kind "chunk", the header key `cut`: n,
                   and in its buffers the next bytes of body and buffers, one after the other
                   (about `CHUNK_BYTES`; who cuts chooses how many)

`id` is chosen by the sender and unique among its unfinished ones. Who relays frames relays these
like any other. Between two peers order is kept: what was sent after a big message waits in the
receiver's `Assembler` until that one is whole.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Deque, Dict, Iterator, List, Optional, Sequence, Tuple

from .buffers import Buffer, buffer_bytes, room_for, take_memory
from .errors import FrameError, FrameTooLargeError
from .frames import Frame
from .headers import Header
from .limits import MAX_BUFFERS, MAX_FRAME_BYTES

__all__ = ["CHUNK", "CHUNK_BYTES", "CUT_BYTES", "Assembler", "cut", "is_big"]

CHUNK = "chunk"
CHUNK_BYTES = 512 * 1024
CUT_BYTES = 1024 * 1024
MAX_UNFINISHED = 64
"""Cut messages that one sender may have under way to one receiver at once."""


def is_big(frame: Frame) -> bool:
    """Return whether the frame must be cut."""
    return frame.payload_bytes > CUT_BYTES


def cut(frame: Frame, cut_id: int) -> Iterator[Frame]:
    """Yield the announcement, then the chunks; nothing is copied."""
    parts: List[Buffer] = [frame.body, *frame.buffers]
    sizes = [buffer_bytes(part) for part in parts]
    announced = {**frame.extra, "cut": {"id": cut_id, "sizes": sizes}}
    yield Frame(frame.to, frame.sender, frame.kind, b"", (), announced)
    mark = {"cut": cut_id}
    for piece in _pieces(parts):
        yield Frame(frame.to, frame.sender, CHUNK, b"", piece, mark)


def _pieces(parts: List[Buffer]) -> Iterator[Tuple[memoryview, ...]]:
    """Yield the parts' bytes in groups of views, all groups of about `CHUNK_BYTES`."""
    group: List[memoryview] = []
    total = sum(map(buffer_bytes, parts))
    # Alike: a chunk for the last few bytes would cost as much as any.
    size = room = -(-total // max(1, (total + CHUNK_BYTES // 2) // CHUNK_BYTES))
    for part in parts:
        rest = memoryview(part).cast("B") if buffer_bytes(part) else memoryview(b"")
        while len(rest):
            taken, rest = rest[:room], rest[room:]
            group.append(taken)
            room -= len(taken)
            if not room:
                yield tuple(group)
                group, room = [], size
    if group:
        yield tuple(group)


class _Unfinished:
    """One cut message of which more is to come; each part has its place before it comes."""

    def __init__(self, frame: Frame, sizes: List[int]) -> None:
        self._frame = frame
        self._sizes = sizes
        self._parts: List[memoryview] = []
        self._filled = 0  # bytes of the last part that have come
        self._lent: Sequence[memoryview] = ()  # where the next chunk comes by itself
        self.missing = sum(sizes)
        self._open_parts()

    def _open_parts(self) -> None:
        """Begin the next part that has bytes to come; empty ones are whole at once."""
        while len(self._parts) < len(self._sizes) and (
            not self._parts or self._filled == len(self._parts[-1])
        ):
            self._parts.append(room_for(self._sizes[len(self._parts)]))
            self._filled = 0

    def lend(self, sizes: Sequence[int]) -> Optional[Sequence[memoryview]]:
        """Return the places of the next buffers; None when they do not lie in one part each."""
        before = len(self._parts), self._filled
        places = []
        for size in sizes:
            place = self._parts[-1][self._filled : self._filled + size]
            if len(place) < size:
                del self._parts[before[0] :]
                self._filled = before[1]
                return None
            take_memory(self._parts[-1], self._filled, self._filled + size)
            places.append(place)
            self._filled += size
            self._open_parts()
        self._lent = places
        return places

    def take(self, buffers: Sequence[Buffer]) -> None:
        if self._lent:
            lent, self._lent = self._lent, ()
            if any(buffer is not place for buffer, place in zip(buffers, lent)):
                raise FrameError("a chunk came elsewhere than in its place")
            self.missing -= sum(map(len, lent))
            return
        for buffer in buffers:
            view = memoryview(buffer).cast("B")
            if len(view) > self.missing:
                raise FrameError("a chunk brings more than its message announced")
            self.missing -= len(view)
            while len(view):
                part = self._parts[-1]
                taken = view[: len(part) - self._filled]
                end = self._filled + len(taken)
                take_memory(part, self._filled, end)
                part[self._filled : end] = taken
                self._filled = end
                view = view[len(taken) :]
                self._open_parts()

    def whole(self) -> Frame:
        frame = self._frame
        extra = {key: value for key, value in frame.extra.items() if key != "cut"}
        body, *buffers = self._parts
        return Frame(frame.to, frame.sender, frame.kind, body, tuple(buffers), extra)


class _Pair:
    """What one sender has sent to one receiver and is not yet handed out, in its order."""

    def __init__(self) -> None:
        self.waiting: Deque[Any] = deque()  # frames, and _Unfinished in their place
        self.unfinished: Dict[int, _Unfinished] = {}

    def whole(self) -> List[Frame]:
        """Take out what nothing unfinished stands before."""
        frames: List[Frame] = []
        while self.waiting:
            first = self.waiting[0]
            if isinstance(first, _Unfinished):
                if first.missing:
                    break
                first = first.whole()
            frames.append(first)
            self.waiting.popleft()
        return frames


class Assembler:
    """Turns what arrives on one link into whole frames, each sender's in its order.

    Memory: what has arrived of unfinished messages, at most `max_message_bytes` a pair of peers.
    """

    def __init__(self, max_message_bytes: int = MAX_FRAME_BYTES) -> None:
        self._max_message_bytes = max_message_bytes
        self._pairs: Dict[Tuple[str, str], _Pair] = {}

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way."""
        return not self._pairs

    def feed(self, frame: Frame) -> List[Frame]:
        """Return the frames that this one makes whole. Raises FrameError; then feed no more."""
        mark = frame.extra.get("cut") if frame.extra else None
        key = (frame.sender, frame.to)
        pair = self._pairs.get(key)
        if mark is None:
            if frame.kind == CHUNK:
                raise FrameError("a chunk that names no message")
            if pair is None:
                return [frame]
            pair.waiting.append(frame)
            return []
        if frame.kind != CHUNK:
            return self._announce(key, pair, frame, mark)
        message = pair.unfinished.get(mark) if pair and isinstance(mark, int) else None
        if pair is None or message is None:
            raise FrameError("a chunk of a message that was not announced")
        message.take(frame.buffers)
        if message.missing:
            return []
        del pair.unfinished[mark]
        return self._hand_out(key, pair)

    def places(self, header: Header) -> Optional[Sequence[memoryview]]:
        """Return where the buffers of a chunk belong that is to be fed next, for a `FrameDecoder`.

        None for any other frame, and for a chunk that has to be copied.
        """
        if header.kind != CHUNK or header.sizes[0]:
            return None
        pair = self._pairs.get((header.sender, header.to))
        mark = header.extra.get("cut")
        message = pair.unfinished.get(mark) if pair and isinstance(mark, int) else None
        return None if message is None else message.lend(header.sizes[1:])

    def forget(self, sender: str) -> None:
        """Drop what a sender that is gone has left unfinished."""
        for key in [key for key in self._pairs if key[0] == sender]:
            del self._pairs[key]

    def _announce(
        self, key: Tuple[str, str], pair: Optional[_Pair], frame: Frame, mark: Any
    ) -> List[Frame]:
        cut_id, sizes = _checked(mark)
        total = sum(sizes)
        if pair is None:
            pair = self._pairs[key] = _Pair()
        if cut_id in pair.unfinished or len(pair.unfinished) >= MAX_UNFINISHED:
            raise FrameError("a cut message is announced twice, or too many are under way")
        under_way = sum(message.missing for message in pair.unfinished.values())
        if under_way + total > self._max_message_bytes:
            raise FrameTooLargeError(
                f"a message of {total} bytes; {self._max_message_bytes} are allowed"
            )
        message = _Unfinished(frame, sizes)
        pair.waiting.append(message)
        if message.missing:
            pair.unfinished[cut_id] = message
            return []
        return self._hand_out(key, pair)

    def _hand_out(self, key: Tuple[str, str], pair: _Pair) -> List[Frame]:
        frames = pair.whole()
        if not pair.waiting:
            del self._pairs[key]
        return frames


def _checked(mark: Any) -> Tuple[int, List[int]]:
    """Return id and sizes of an announcement. Raises FrameError."""
    cut_id = mark.get("id") if isinstance(mark, dict) else None
    sizes = mark.get("sizes") if isinstance(mark, dict) else None
    if type(cut_id) is not int or not isinstance(sizes, list) or not sizes:
        raise FrameError("a cut message is announced without its id or its sizes")
    if len(sizes) > MAX_BUFFERS + 1:
        raise FrameTooLargeError(f"{len(sizes) - 1} buffers; {MAX_BUFFERS} are allowed")
    if not all(type(size) is int and size >= 0 for size in sizes):
        raise FrameError("a size is not a number of bytes")
    return cut_id, sizes

"""One unit on every link, from bytes and to bytes.

    offset size
    0      2    magic  b"IJ"
    2      1    version 1
    3      1    reserved, 0
    4      4    header length H, unsigned big-endian, at most 64 KiB
    8      H    header: UTF-8 JSON object with `to`, `from`, `kind`, `sizes`
    8+H    ...  body (sizes[0] bytes), then the buffers (sizes[1:]) in order

Here: `encode_frame` for a writer, `FrameDecoder` for a byte stream, `decode_frames` for a link that
keeps messages apart. As the event of a Socket.IO link: `events`. What is in a body: `codec`.
"""

from __future__ import annotations

import contextlib
from typing import Any, Callable, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

from .buffers import Buffer, buffer_bytes
from .errors import FrameError, UnsendableFrameError
from .headers import (
    NO_EXTRA,
    PREFIX_BYTES,
    Header,
    encode_header,
    header_length,
    parse_header,
)
from .limits import MAX_BUFFERS, MAX_FRAME_BYTES, MAX_HEADER_BYTES

__all__ = [
    "Frame",
    "FrameDecoder",
    "check_size",
    "decode_frame",
    "decode_frames",
    "encode_frame",
]

_RECEIVE_BYTES = 2 * MAX_HEADER_BYTES
_AHEAD_BYTES = 32 * 1024  # read before it is known where it belongs; it has to be copied
_JOINED_BYTES = 64 * 1024  # a body up to this is copied behind its header: one write, not two
_DIRECT_BYTES = 16 * 1024  # a part with more than this still to come is received in place
_TRUSTED_BYTES = 4 * 1024 * 1024  # set aside on a peer's word; more only as bytes arrive


class Frame(NamedTuple):
    """What one peer sends another: `to` and `sender` are peer ids, "" is the engine.

    `extra` holds the header keys that this version does not know; they are passed on.
    """

    to: str
    sender: str
    kind: str
    body: Buffer = b""
    buffers: Sequence[Buffer] = ()
    extra: Mapping[str, Any] = NO_EXTRA

    @property
    def payload_bytes(self) -> int:
        """Bytes of the body and of the buffers together."""
        body, buffers = self.body, self.buffers
        size = len(body) if type(body) is bytes else buffer_bytes(body)
        return size + sum(map(buffer_bytes, buffers)) if buffers else size


def check_size(frame: Frame, max_bytes: int) -> None:
    """Raise UnsendableFrameError for a frame with more payload than its receiver takes."""
    size = frame.payload_bytes
    if size > max_bytes:
        raise UnsendableFrameError(
            f"a message of {size:,} bytes; {max_bytes:,} are allowed: send the data in parts"
        )


def encode_frame(frame: Frame) -> List[Buffer]:
    """Return the frame's bytes in pieces for a gathering write; buffers are not copied.

    Raises UnsendableFrameError when the frame exceeds a limit of the format.
    """
    to, sender, kind, body, buffers, extra = frame
    if len(buffers) > MAX_BUFFERS:
        raise UnsendableFrameError(f"{len(buffers)} buffers; {MAX_BUFFERS} are allowed")
    sizes = [buffer_bytes(body)]
    if buffers:
        sizes += map(buffer_bytes, buffers)
    head = encode_header(to, sender, kind, extra, sizes)
    if sizes[0] <= _JOINED_BYTES:
        return [b"".join((head, body)), *buffers]
    return [head, body, *buffers]


def _frame(header: Header, parts: Sequence[Buffer]) -> Frame:
    buffers = tuple(parts[1:])
    return Frame(header.to, header.sender, header.kind, parts[0], buffers, header.extra)


Places = Callable[[Header], Optional[Sequence[memoryview]]]


class FrameDecoder:
    """Turns the bytes of one stream into frames; does no I/O.

    Either `feed` it, or let the reader write into `get_buffer()` and report with
    `buffer_updated()`, as `asyncio.BufferedProtocol` does: then a large buffer is received in its
    final place. A frame's buffers are bytearrays that nobody else holds.

    With `places` a frame's buffers may have their final place elsewhere. It is given the header
    of a frame that is about to be received, when all before it have been handed out, and returns
    where each buffer belongs, or None; the frame then has these very views.

    Memory: 128 KiB for itself, up to 4 MiB on a peer's word, and twice what has arrived of the
    current frame. The first FrameError is final: every later call raises it again.
    """

    def __init__(
        self,
        max_frame_bytes: int = MAX_FRAME_BYTES,
        max_buffers: int = MAX_BUFFERS,
        places: Optional[Places] = None,
    ) -> None:
        self._max_frame_bytes = max_frame_bytes
        self._max_buffers = max_buffers
        self._find_places = places
        self._places: Optional[Sequence[memoryview]] = None  # of the current frame's buffers
        self._scratch = memoryview(bytearray(_RECEIVE_BYTES))
        self._start = 0  # the unread bytes are scratch[start:end]
        self._end = 0
        self._header: Optional[Header] = None  # of the frame whose parts are being filled
        self._parts: List[Union[bytearray, memoryview]] = []
        self._filled = 0  # bytes of the last part that have arrived
        self._lent: Optional[memoryview] = None  # the view of a part handed out last
        self._error: Optional[FrameError] = None

    @property
    def is_between_frames(self) -> bool:
        """Whether the stream may end here without cutting a frame."""
        return self._header is None and self._start == self._end

    def feed(self, data: Buffer) -> List[Frame]:
        """Return the frames that these bytes complete. Raises FrameError."""
        frames: List[Frame] = []
        source = memoryview(data).cast("B")
        position, size = 0, len(source)
        while position < size:
            target = self.get_buffer()
            count = min(len(target), size - position)
            target[:count] = source[position : position + count]
            position += count
            frames += self.buffer_updated(count)
        return frames

    def get_buffer(self, sizehint: int = -1) -> memoryview:
        """Return a view, never empty, into which the next bytes of the stream belong.

        It is good for one `buffer_updated`. Raises FrameError when the stream is broken.
        """
        if self._error is not None:
            raise self._error
        if self._lent is not None:
            self._take_back(self._lent)
        if self._header is not None:
            size = self._header.sizes[len(self._parts) - 1]
            # With places the tail of a large frame, too: the next one is to be asked about when
            # this one has been handed out, not read together with it.
            is_alone = self._find_places is not None and self._header.total > _AHEAD_BYTES
            if size - self._filled > (0 if is_alone else _DIRECT_BYTES):
                self._lent = memoryview(self._part_with_room(size))[self._filled :]
                return self._lent
        return self._scratch[self._end : self._end + _AHEAD_BYTES]

    def buffer_updated(self, count: int) -> List[Frame]:
        """Return the frames that `count` more bytes complete. Raises FrameError."""
        if self._error is not None:
            raise self._error
        if self._lent is not None:
            self._filled += count
        else:
            self._end += count
        frames: List[Frame] = []
        try:
            while self._start < self._end or self._header is not None:
                if not self._advanced(frames):
                    break
        except FrameError as error:
            self._error = error
            self._header, self._parts, self._lent = None, [], None
            raise
        if self._start == self._end:
            self._start = self._end = 0
        else:
            self._compact()
        return frames

    def _take_back(self, lent: memoryview) -> None:
        """End the life of the view handed out last, so that its part may grow in place."""
        with contextlib.suppress(BufferError):  # a reader that still looks at it
            lent.release()
        self._lent = None

    def _advanced(self, frames: List[Frame]) -> bool:
        """Take one step; return False when more bytes are needed for the next."""
        if self._header is not None:
            return self._filled_part(self._header, frames)
        waiting = self._end - self._start
        if waiting < PREFIX_BYTES:
            return False
        scratch = self._scratch
        head_end = self._start + PREFIX_BYTES
        length = header_length(scratch[self._start : head_end])
        if waiting < PREFIX_BYTES + length:
            return False
        self._start = head_end + length
        header = parse_header(
            scratch[head_end : self._start], self._max_frame_bytes, self._max_buffers
        )
        if header.total <= self._end - self._start:
            frames.append(self._whole(header))
        else:
            self._header = header
            ask = self._find_places
            self._places = None if ask is None or frames else ask(header)
            self._open_part(header)
        return True

    def _whole(self, header: Header) -> Frame:
        """Return a frame all of which is waiting in the scratch."""
        if len(header.sizes) == 1:
            start, self._start = self._start, self._start + header.total
            body = bytes(self._scratch[start : self._start])
            return Frame(header.to, header.sender, header.kind, body, (), header.extra)
        parts: List[Buffer] = []
        for size in header.sizes:
            parts.append(bytearray(self._scratch[self._start : self._start + size]))
            self._start += size
        return _frame(header, parts)

    def _open_part(self, header: Header) -> None:
        """Set room aside for the next part of the frame, all of it only when that is little."""
        index = len(self._parts)
        if index and self._places is not None:
            self._parts.append(self._places[index - 1])
        else:
            self._parts.append(bytearray(min(header.sizes[index], _TRUSTED_BYTES)))
        self._filled = 0
        self._lent = None

    def _part_with_room(self, size: int) -> Union[bytearray, memoryview]:
        """Return the current part with room for more; it doubles as bytes arrive."""
        part = self._parts[-1]
        if isinstance(part, bytearray) and len(part) == self._filled < size:
            room = bytes(min(self._filled, size - self._filled))
            try:
                part += room
            except BufferError:  # somebody still looks at it where it is
                part = self._parts[-1] = part + room
        return part

    def _filled_part(self, header: Header, frames: List[Frame]) -> bool:
        """Move waiting bytes into the current part; return False when that changes nothing."""
        size = header.sizes[len(self._parts) - 1]
        if self._filled < size:
            waiting = min(size - self._filled, self._end - self._start)
            if not waiting:
                return False
            part = self._part_with_room(size)
            count = min(waiting, len(part) - self._filled)
            source = self._scratch[self._start : self._start + count]
            part[self._filled : self._filled + count] = source
            self._start += count
            self._filled += count
        elif len(self._parts) < len(header.sizes):
            self._open_part(header)
        else:
            frames.append(_frame(header, self._parts))
            self._header, self._parts, self._lent = None, [], None
        return True

    def _compact(self) -> None:
        """Move the unread bytes to the front when a whole header might not fit behind them."""
        if self._end > _RECEIVE_BYTES - PREFIX_BYTES - MAX_HEADER_BYTES:
            waiting = bytes(self._scratch[self._start : self._end])
            self._scratch[: len(waiting)] = waiting
            self._start, self._end = 0, len(waiting)


def decode_frame(
    data: Buffer, max_frame_bytes: int = MAX_FRAME_BYTES, max_buffers: int = MAX_BUFFERS
) -> Frame:
    """Return the one frame that fills `data`; body and buffers are views of it, not copies.

    For links that keep messages apart, such as a WebSocket. Raises FrameError.
    """
    frame, end = _frame_at(data, 0, max_frame_bytes, max_buffers)
    if end != len(data):
        raise FrameError(f"a frame of {end} bytes in a message of {len(data)}")
    return frame


def decode_frames(
    data: Buffer, max_frame_bytes: int = MAX_FRAME_BYTES, max_buffers: int = MAX_BUFFERS
) -> List[Frame]:
    """Return the frames, one or more, that fill `data` one behind the other. Raises FrameError."""
    frame, end = _frame_at(data, 0, max_frame_bytes, max_buffers)
    frames = [frame]
    while end < len(data):
        frame, end = _frame_at(data, end, max_frame_bytes, max_buffers)
        frames.append(frame)
    return frames


def _frame_at(
    data: Buffer, position: int, max_frame_bytes: int, max_buffers: int
) -> Tuple[Frame, int]:
    """Return the frame that begins at a position of `data`, and where it ends."""
    view = memoryview(data)
    size = len(view)
    head = position + PREFIX_BYTES
    if size < head:
        raise FrameError("a frame cut off in its first bytes")
    start = head + header_length(view[position:head])
    if size < start:
        raise FrameError("a frame cut off in its header")
    header = parse_header(view[head:start], max_frame_bytes, max_buffers)
    end = start + header.total
    if size < end:
        raise FrameError(f"a frame of {end - position} bytes in a message of {size - position}")
    if len(header.sizes) == 1:
        return Frame(header.to, header.sender, header.kind, view[start:end], (), header.extra), end
    parts: List[Buffer] = []
    for part_size in header.sizes:
        parts.append(view[start : start + part_size])
        start += part_size
    return _frame(header, parts), end

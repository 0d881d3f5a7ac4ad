"""The socket to the engine, on a real pair of sockets."""

from __future__ import annotations

import os
import queue
import socket
import threading

import pytest

from imjoy_wire.chunks import CHUNK_BYTES, Assembler, cut
from imjoy_wire.frames import Frame, FrameDecoder, encode_frame
from imjoy_worker.link import COPIED_BYTES, HIGH_WATER_BYTES, Link

DEADLINE_S = 10


class Engine:
    """The other end of the socket, read only when it is asked to."""

    def __init__(self, end: socket.socket) -> None:
        self.socket = end
        self.socket.settimeout(DEADLINE_S)
        self._decoder = FrameDecoder()
        self._assembler = Assembler()
        self.pieces: list[Frame] = []

    def send(self, frame: Frame) -> None:
        self.socket.sendall(b"".join(bytes(part) for part in encode_frame(frame)))

    def read_piece(self) -> None:
        """Take in what has come, whole or not."""
        self.pieces += self._decoder.feed(self.socket.recv(1 << 20))

    def read(self, count: int) -> list[Frame]:
        """Return the next whole frames."""
        frames: list[Frame] = []
        while len(frames) < count:
            for piece in self._decoder.feed(self.socket.recv(1 << 20)):
                self.pieces.append(piece)
                frames += self._assembler.feed(piece)
        return frames


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair()
    link = Link(ours)
    yield link, Engine(theirs)
    link.close()
    theirs.close()
    ours.close()


def big(size: int = 8 << 20) -> Frame:
    return Frame("b", "w", "rpc", b"{}", [bytearray(os.urandom(1024) * (size // 1024))])


def test_frames_come_in_order_in_the_thread_that_reads(ends):
    link, engine = ends
    engine.send(Frame("w", "", "welcome", b"{}"))
    engine.send(Frame("w", "b", "rpc", b"1"))
    welcome = link.read_frame()
    assert welcome is not None
    assert welcome.kind == "welcome"
    came: queue.Queue[Frame] = queue.Queue()
    ended = threading.Event()
    link.start(came.put, lambda error: ended.set())
    engine.send(Frame("w", "b", "rpc", b"2"))
    assert [bytes(came.get(timeout=DEADLINE_S).body) for _ in range(2)] == [b"1", b"2"]
    engine.socket.shutdown(socket.SHUT_WR)
    assert ended.wait(DEADLINE_S)


def test_no_frame_before_the_end_is_none(ends):
    link, engine = ends
    engine.socket.shutdown(socket.SHUT_WR)
    assert link.read_frame() is None


def test_what_is_no_frame_ends_the_link_with_its_error(ends):
    link, engine = ends
    errors: queue.Queue[object] = queue.Queue()
    link.start(lambda _: None, errors.put)
    engine.socket.sendall(b"GET / HTTP/1.1\r\n\r\n")
    assert "not a frame" in str(errors.get(timeout=DEADLINE_S))


def test_a_small_frame_is_written_at_once(ends):
    link, engine = ends
    link.send(Frame("b", "w", "rpc", b"{}"))
    (frame,) = engine.read(1)
    assert (frame.to, frame.sender, bytes(frame.body)) == ("b", "w", b"{}")


def test_whoever_sends_much_waits_until_it_is_taken(ends):
    link, engine = ends
    frame = big()
    sent = threading.Event()
    sender = threading.Thread(target=lambda: (link.send(frame), sent.set()))
    sender.start()
    assert not sent.is_set()
    (arrived,) = engine.read(1)
    assert sent.wait(DEADLINE_S)
    sender.join()
    assert arrived.buffers[0] == frame.buffers[0]


def test_a_thread_that_keeps_others_going_does_not_wait_and_may_change_its_buffer(ends):
    link, engine = ends
    frame = big()
    before = bytes(frame.buffers[0])
    link.send(frame, copies=True)
    frame.buffers[0][:] = bytes(len(before))
    (arrived,) = engine.read(1)
    assert arrived.buffers[0] == before


def test_frames_of_many_threads_do_not_mix(ends):
    link, engine = ends
    frames = [
        Frame("b", "w", "rpc", bytes([n]) * 1000, [bytes([n]) * COPIED_BYTES * 3]) for n in range(8)
    ]
    senders = [threading.Thread(target=link.send, args=[frame]) for frame in frames]
    for sender in senders:
        sender.start()
    arrived = engine.read(len(frames))
    for sender in senders:
        sender.join()
    for frame in arrived:
        assert {*frame.body, *frame.buffers[0]} == {frame.body[0]}
    assert link.flush(DEADLINE_S)


def test_beyond_the_high_water_everybody_waits(ends):
    link, engine = ends
    link.send(big(HIGH_WATER_BYTES + (4 << 20)), copies=True)
    sent = threading.Event()
    small = Frame("b", "w", "rpc", b"after")
    sender = threading.Thread(target=lambda: (link.send(small, copies=True), sent.set()))
    sender.start()
    assert not sent.is_set()
    assert bytes(engine.read(2)[1].body) == b"after"
    assert sent.wait(DEADLINE_S)
    sender.join()


def test_closing_frees_whoever_waits(ends):
    link, _ = ends
    ended = threading.Event()
    link.start(lambda _: None, lambda _: ended.set())
    sender = threading.Thread(target=link.send, args=[big()])
    sender.start()
    link.close()
    sender.join(DEADLINE_S)
    assert not sender.is_alive()
    assert ended.wait(DEADLINE_S)
    link.send(Frame("b", "w", "rpc", b"{}"))


def test_an_engine_that_has_gone_is_no_error_for_a_sender(ends):
    link, engine = ends
    engine.socket.close()
    link.send(Frame("b", "w", "rpc", b"{}"))
    link.send(Frame("b", "w", "rpc", b"{}"))


def test_a_forked_child_lets_go_of_the_socket(ends):
    link, engine = ends
    copy = Link(socket.socket(fileno=os.dup(link._socket.fileno())))
    copy.leave_to_parent()
    copy.send(Frame("b", "w", "rpc", b"lost"))
    link.send(Frame("b", "w", "rpc", b"kept"))
    assert bytes(engine.read(1)[0].body) == b"kept"


def test_what_goes_to_another_peer_passes_a_big_frame(ends):
    link, engine = ends
    link.send(big(), copies=True)
    link.send(Frame("c", "w", "rpc", b"small"), copies=True)
    assert {frame.to for frame in engine.read(2)} == {"b", "c"}
    place = next(index for index, piece in enumerate(engine.pieces) if piece.to == "c")
    assert place < len(engine.pieces) // 2
    assert max(piece.payload_bytes for piece in engine.pieces) <= CHUNK_BYTES * 5 // 4


def test_chunks_are_put_together_before_anybody_hears_of_them(ends):
    link, engine = ends
    came: queue.Queue[Frame] = queue.Queue()
    link.start(came.put, lambda error: None)
    original = big()._replace(to="w", sender="b")
    sender = threading.Thread(target=lambda: [engine.send(piece) for piece in cut(original, 1)])
    sender.start()
    arrived = came.get(timeout=DEADLINE_S)
    sender.join()
    assert arrived.buffers[0] == original.buffers[0]
    assert came.empty()


def test_what_waits_for_a_peer_that_is_gone_is_forgotten(ends):
    link, engine = ends
    link.send(big(), copies=True)
    link.forget("b")
    link.send(Frame("c", "w", "rpc", b"next"), copies=True)
    while not any(piece.to == "c" for piece in engine.pieces):
        engine.read_piece()
    assert link.flush(DEADLINE_S)

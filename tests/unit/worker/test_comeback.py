"""A link that goes on with the next engine, on real sockets."""

from __future__ import annotations

import json
import queue
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from imjoy_wire.delivery import ack_of
from imjoy_wire.frames import Frame, FrameDecoder, encode_frame
from imjoy_worker import comeback
from imjoy_worker.link import Link

DEADLINE_S = 10


class Engine:
    """An engine's end of one connection."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.socket.settimeout(DEADLINE_S)
        self._decoder = FrameDecoder()
        self._frames: list[Frame] = []

    def send(self, frame: Frame) -> None:
        self.socket.sendall(b"".join(bytes(part) for part in encode_frame(frame)))

    def read(self) -> Frame:
        while not self._frames:
            self._frames += self._decoder.feed(self.socket.recv(1 << 20))
        return self._frames.pop(0)

    def texts(self, count: int) -> list[tuple[int, bytes]]:
        frames = [self.read() for _ in range(count)]
        return [(frame.extra["n"], bytes(frame.body)) for frame in frames]


class Stage:
    """A link that outlasts its first engine, and the place where the next ones listen."""

    def __init__(self, directory: Path) -> None:
        ours, theirs = socket.socketpair()
        self.directory = directory
        self.address_file = directory / "address"
        self.link = Link(ours)
        self.engine = Engine(theirs)
        self.welcomes: list[dict[str, Any]] = []
        self.came: queue.Queue[Frame] = queue.Queue()
        self.ended = threading.Event()
        way = {"address_file": str(self.address_file), "secret": "a-secret"}
        comeback.outlast(self.link, way, self.welcomes.append)
        self.link.start(self.came.put, lambda error: self.ended.set())
        self._servers: list[socket.socket] = []

    def send(self, text: str) -> None:
        self.link.send(Frame("b", "w", "rpc", text.encode()))

    def next_engine(self, name: str) -> Engine:
        """Return the engine that the worker has found, before it has said anything."""
        server = socket.socket(socket.AF_UNIX)
        self._servers.append(server)
        server.settimeout(DEADLINE_S)
        server.bind(str(self.directory / name))
        server.listen()
        self.address_file.write_text(f"unix:{self.directory / name}")
        connection, _ = server.accept()
        engine = Engine(connection)
        hello = engine.read()
        assert hello.kind == "hello"
        assert json.loads(bytes(hello.body))["ticket"] == "a-secret"
        self.engine.socket.close()
        self.engine = engine
        return engine

    def close(self) -> None:
        self.link.close()
        assert self.ended.wait(DEADLINE_S)
        self.link._socket.close()
        for server in self._servers:
            server.close()
        self.engine.socket.close()


@pytest.fixture
def stage(short_dir):
    stage = Stage(short_dir)
    yield stage
    stage.close()


WELCOME = Frame("w", "", "welcome", b'{"peers": ["b"]}')


def test_the_next_engine_gets_what_the_last_one_had_not_taken(stage):
    stage.send("taken")
    stage.send("read, but not taken")
    assert stage.engine.texts(2) == [(1, b"taken"), (2, b"read, but not taken")]
    stage.engine.send(ack_of(1))
    stage.engine.send(Frame("w", "b", "rpc", b"last words"))
    assert bytes(stage.came.get(timeout=DEADLINE_S).body) == b"last words"
    stage.engine.socket.close()
    stage.send("sent meanwhile")
    engine = stage.next_engine("second")
    engine.send(WELCOME)
    engine.send(Frame("w", "b", "rpc", b"hello again"))
    assert engine.texts(2) == [(1, b"read, but not taken"), (2, b"sent meanwhile")]
    assert bytes(stage.came.get(timeout=DEADLINE_S).body) == b"hello again"
    assert stage.welcomes == [{"peers": ["b"]}]
    stage.send("and on")
    assert engine.texts(1) == [(3, b"and on")]


def test_an_engine_that_dies_in_between_loses_nothing(stage):
    stage.send("one")
    stage.engine.socket.close()
    second = stage.next_engine("second")
    second.send(WELCOME)
    assert second.texts(1) == [(1, b"one")]
    stage.send("two")
    second.socket.close()
    third = stage.next_engine("third")
    third.send(WELCOME)
    assert third.texts(2) == [(1, b"one"), (2, b"two")]


def test_who_refuses_or_hangs_up_is_tried_again(stage):
    stage.engine.socket.close()
    stage.send("kept")
    refusing = stage.next_engine("refusing")
    refusing.send(Frame("", "", "refused", b'{"message": "no"}'))
    silent = stage.next_engine("silent")
    silent.socket.close()
    engine = stage.next_engine("third")
    engine.send(WELCOME)
    assert engine.texts(1) == [(1, b"kept")]
    assert len(stage.welcomes) == 1


def test_big_messages_begin_again(stage):
    payload = bytes(range(256)) * (3 << 12)
    stage.link.send(Frame("b", "w", "rpc", b"{}", (payload,)))
    first = stage.engine.read()
    stage.engine.read()
    stage.engine.send(ack_of(2))
    stage.engine.socket.close()
    engine = stage.next_engine("second")
    engine.send(WELCOME)
    announced = engine.read()
    assert announced.extra["cut"] == first.extra["cut"]
    received = b""
    while len(received) < len(payload) + 2:
        received += b"".join(bytes(buffer) for buffer in engine.read().buffers)
    assert received == b"{}" + payload


def test_a_link_that_is_closed_meanwhile_ends(stage):
    stage.engine.socket.close()
    stage.send("never sent")
    stage.link.close()
    assert stage.ended.wait(DEADLINE_S)

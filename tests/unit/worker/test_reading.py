import os
import queue
import socket
import threading

import pytest

from imjoy_wire.frames import Frame, encode_frame
from imjoy_worker.executors import PluginLoop
from imjoy_worker.link import Link

DEADLINE_S = 10


def wire(*frames):
    return b"".join(part for frame in frames for part in encode_frame(frame))


class Plugin:
    """A link whose frames the plugin's loop reads, and the engine's end of it."""

    def __init__(self):
        ours, self.engine = socket.socketpair()
        self.engine.settimeout(DEADLINE_S)
        self.loop = PluginLoop()
        self.link = Link(ours)
        self.came = queue.Queue()
        self.ended = queue.Queue()
        self.thread = threading.Thread(target=self._run)
        self.link.start(self._take, self.ended.put, self.loop)
        self.thread.start()

    def _run(self):
        self.loop.run_forever()

    def _take(self, frame):
        self.came.put((frame.body, threading.current_thread() is self.thread))

    def next(self):
        return self.came.get(timeout=DEADLINE_S)

    def blocked(self):
        """Keep the loop in one turn until the event that is returned is set."""
        gate, entered = threading.Event(), threading.Event()
        self.loop.call_soon_threadsafe(lambda: (entered.set(), gate.wait(DEADLINE_S)))
        assert entered.wait(DEADLINE_S)
        return gate

    def settled(self):
        """Return when the loop itself reads."""
        self.engine.sendall(wire(Frame("w", "b", "rpc", b"first")))
        body, by_loop = self.next()
        while not by_loop:
            self.engine.sendall(wire(Frame("w", "b", "rpc", b"again")))
            body, by_loop = self.next()
        assert body in (b"first", b"again")

    def hears(self, size):
        """Return the next `size` bytes that the engine is sent."""
        data = b""
        while len(data) < size:
            data += self.engine.recv(size - len(data))
        return data

    def end(self):
        self.link.close()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(DEADLINE_S)
        self.ended.get(timeout=DEADLINE_S)
        self.loop.close()
        self.engine.close()
        self.link._socket.close()


@pytest.fixture
def plugin():
    plugin = Plugin()
    yield plugin
    plugin.end()


def test_the_loop_reads_while_it_turns(plugin):
    plugin.settled()
    for number in range(100):
        plugin.engine.sendall(wire(Frame("w", "b", "rpc", b"%d" % number)))
        assert plugin.next()[0] == b"%d" % number


def test_a_thread_reads_while_the_loop_is_busy_and_the_order_is_kept(plugin):
    plugin.settled()
    gate = plugin.blocked()
    plugin.engine.sendall(wire(*(Frame("w", "b", "rpc", b"%d" % n) for n in range(50))))
    assert [plugin.next() for _ in range(50)] == [(b"%d" % n, False) for n in range(50)]
    gate.set()
    plugin.settled()


def test_a_frame_begun_by_one_reader_is_ended_by_the_other(plugin):
    plugin.settled()
    frame = Frame("w", "b", "rpc", os.urandom(300_000))
    data = wire(frame)
    plugin.engine.sendall(data[:100_000])
    gate = plugin.blocked()
    plugin.engine.sendall(data[100_000:200_000])
    gate.set()
    plugin.engine.sendall(data[200_000:])
    assert plugin.next()[0] == frame.body


@pytest.mark.parametrize("is_busy", [False, True])
def test_the_end_is_told_once_whether_or_not_the_loop_is_busy(plugin, is_busy):
    plugin.settled()
    gate = plugin.blocked() if is_busy else threading.Event()
    plugin.engine.shutdown(socket.SHUT_RDWR)
    assert plugin.ended.get(timeout=DEADLINE_S) is None
    gate.set()
    plugin.ended.put(None)  # for the fixture


def test_what_is_no_frame_ends_the_link_with_its_error(plugin):
    plugin.settled()
    plugin.engine.sendall(b"not a frame at all")
    assert "not a frame" in str(plugin.ended.get(timeout=DEADLINE_S))
    plugin.ended.put(None)


def test_frames_sent_in_one_turn_go_together_and_arrive_in_order(plugin):
    plugin.settled()
    sent = [Frame("b", "w", "rpc", b"%d" % number) for number in range(20)]
    plugin.loop.call_soon_threadsafe(lambda: [plugin.link.send(frame) for frame in sent])
    expected = wire(*sent)
    assert plugin.hears(len(expected)) == expected


def test_what_was_sent_in_a_turn_that_does_not_end_is_written_all_the_same(plugin):
    plugin.settled()
    sent = [Frame("b", "w", "rpc", b"%d" % number) for number in range(3)]
    gate = threading.Event()

    def send_and_stay():
        for frame in sent:
            plugin.link.send(frame)
        gate.wait(DEADLINE_S)

    plugin.loop.call_soon_threadsafe(send_and_stay)
    expected = wire(*sent)
    assert plugin.hears(len(expected)) == expected
    gate.set()


def test_what_another_thread_sends_stands_behind_what_the_turn_has_sent(plugin):
    plugin.settled()
    first, second, third = (Frame("b", "w", "rpc", b"%d" % number) for number in range(3))

    def send_and_have_sent():
        plugin.link.send(first)
        plugin.link.send(second)
        other = threading.Thread(target=plugin.link.send, args=(third,))
        other.start()
        other.join()

    plugin.loop.call_soon_threadsafe(send_and_have_sent)
    expected = wire(first, second, third)
    assert plugin.hears(len(expected)) == expected

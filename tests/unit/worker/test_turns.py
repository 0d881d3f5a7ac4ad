import os
import signal
import threading

import pytest

from imjoy_worker.executors import PluginLoop


class Running:
    """A plugin's loop in a thread of its own."""

    def __init__(self):
        self.loop = PluginLoop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()

    def in_loop(self, function):
        self.loop.call_soon_threadsafe(function)

    def end(self):
        self.in_loop(self.loop.stop)
        self.thread.join()
        self.loop.close()


@pytest.fixture
def running():
    loop = Running()
    yield loop
    loop.end()


def looked_at(running, is_over=lambda: False, until=lambda: True):
    """Return a thread that looks on, and the list to which it adds the turns that it found.

    On a busy machine any turn may take long, so it looks again until something is so.
    """
    found = []

    def look():
        found.append(running.loop.turns.wait_until_stuck(is_over))
        while not until():
            found.append(running.loop.turns.wait_until_stuck(is_over))

    onlooker = threading.Thread(target=look)
    onlooker.start()
    return onlooker, found


def test_a_loop_that_is_busy_is_found_to_be(running):
    gate, entered = threading.Event(), threading.Event()
    running.in_loop(lambda: (entered.set(), gate.wait(10)))
    assert entered.wait(10)
    onlooker, found = looked_at(running)
    onlooker.join(10)
    assert found
    assert running.loop.turns.is_in(found[0])
    gate.set()
    done = threading.Event()
    running.in_loop(lambda: running.loop.call_soon(done.set))
    assert done.wait(10)
    assert not running.loop.turns.is_in(found[0])


def test_who_looks_at_an_idle_loop_sleeps_and_is_woken_when_it_turns(running):
    asleep = threading.Event()
    sleep = running.loop.turns._sleep
    running.loop.turns._sleep = lambda seen: (asleep.set(), sleep(seen))
    onlooker, found = looked_at(running, until=asleep.is_set)
    assert asleep.wait(10)
    gate = threading.Event()
    running.in_loop(lambda: gate.wait(10))
    onlooker.join(10)
    gate.set()
    assert found


def test_who_looks_on_leaves_when_it_is_over(running):
    over = threading.Event()
    onlooker, found = looked_at(running, over.is_set)
    over.set()
    running.loop.turns.stir()
    onlooker.join(10)
    assert found


def test_a_signal_handler_in_the_loops_thread_wakes_the_loop():
    loop = PluginLoop()
    before = signal.signal(signal.SIGUSR1, lambda *_: loop.call_soon_threadsafe(loop.stop))
    watchdog = threading.Timer(10, loop.call_soon_threadsafe, (loop.stop,))
    asleep = threading.Event()
    loop.turns._sleep = lambda _: asleep.set()
    over = threading.Event()

    def look_on():
        while not over.is_set():
            loop.turns.wait_until_stuck(over.is_set)

    onlooker = threading.Thread(target=look_on)

    def interrupt():
        if asleep.wait(10):
            os.kill(os.getpid(), signal.SIGUSR1)

    interrupter = threading.Thread(target=interrupt)
    for thread in (watchdog, onlooker, interrupter):
        thread.start()
    try:
        loop.run_forever()
        assert watchdog.is_alive()
    finally:
        signal.signal(signal.SIGUSR1, before)
        watchdog.cancel()
        over.set()
        for thread in (watchdog, onlooker, interrupter):
            thread.join()
        loop.close()

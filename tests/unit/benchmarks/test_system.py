from __future__ import annotations

import mmap
import os
import subprocess
import sys
import threading

import pytest

from benchmarks.system import descendants, machine_busy_s, own_busy_s, spent, touch_us


def work() -> None:
    sum(number * number for number in range(300_000))


def test_what_every_thread_of_a_process_has_had_is_counted():
    done, end = threading.Event(), threading.Event()

    def run() -> None:
        work()
        done.set()
        end.wait()

    before = spent(os.getpid())
    thread = threading.Thread(target=run)
    thread.start()
    done.wait()
    after = spent(os.getpid())
    end.set()
    thread.join()
    assert after.cpu_s > before.cpu_s
    assert after.turns > before.turns


def test_memory_that_is_touched_for_the_first_time_is_counted():
    before = spent(os.getpid()).faults
    # A mapping of its own: what malloc gives may have been touched before, or stay untouched.
    with mmap.mmap(-1, 16 << 20) as room:
        room[:] = bytes(len(room))
    assert spent(os.getpid()).faults > before


def test_a_process_that_has_ended_has_nothing():
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    with pytest.raises(FileNotFoundError):
        spent(child.pid)


def test_children_and_theirs_are_found():
    nested = (
        "import subprocess, sys; subprocess.run([sys.executable, '-c', \"print(''); input()\"])"
    )
    with subprocess.Popen(
        [sys.executable, "-c", nested], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        child.stdout.readline()
        found = descendants(os.getpid())
        below = descendants(child.pid)
        child.communicate(b"\n")
    assert child.pid in found
    assert len(below) == 1
    assert below[0] in found


def test_what_an_ended_child_has_done_counts_as_ours_and_as_the_machines():
    busy_s, own_s = machine_busy_s(), own_busy_s()
    program = "import time\nwhile time.process_time() < 0.3: pass"
    subprocess.run([sys.executable, "-c", program], check=True)
    # Both are counted in ticks, the machine's by looking what runs just then.
    assert own_busy_s() - own_s > 0.2
    assert machine_busy_s() > busy_s


def test_what_a_touch_of_rested_memory_takes_is_measured():
    assert touch_us(0) > 0

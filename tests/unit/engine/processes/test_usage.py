from __future__ import annotations

import subprocess
import sys

import pytest

from imjoy_engine.processes.usage import exact_memory_bytes, read_trees

# Uses a second of processor and 50 MB, has a child that does the same, and says when.
PROGRAM = """
import os, sys, time
def work():
    began = time.process_time()
    while time.process_time() - began < 0.2:
        pass
kept = bytearray(os.urandom(1)) * 50_000_000
if os.fork() == 0:
    own = bytearray(b"x") * 50_000_000
work()
sys.stdout.write("ready\\n")
sys.stdout.flush()
sys.stdin.read()
"""


@pytest.fixture
def tree():
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        assert process.stdout.readline() == b"ready\n"
        yield process
        assert process.stdin is not None
        process.stdin.close()


def test_a_tree_is_summed_up(tree):
    usage = read_trees([tree.pid])[tree.pid]
    assert tree.pid in usage.pids
    assert len(usage.pids) == 2
    assert usage.cpu_s >= 0.4
    assert 200_000_000 > usage.memory_bytes > 150_000_000
    # What both have got from before the fork counts once.
    assert 100_000_000 < exact_memory_bytes(usage.pids) < usage.memory_bytes
    assert 0 < usage.age_s < 60


def test_a_tree_that_has_ended_is_left_out():
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert read_trees([ended.pid]) == {}
    assert exact_memory_bytes([ended.pid]) == 0


def test_what_has_left_its_parent_counts_by_the_shim():
    program = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"
    inner = "import os; print(os.getpid(), flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", program, inner], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as shim:
        assert shim.stdout is not None
        leader = int(shim.stdout.readline())
        assert sorted(read_trees([leader])[leader].pids) == sorted([shim.pid, leader])
        assert shim.stdin is not None
        shim.stdin.write(b"\n")

from __future__ import annotations

import os
import subprocess
import sys

import psutil
import pytest

from imjoy_engine.processes.ends import StrangerProcess
from support.pids import alive

# Has a child that has ended, and never collects it.
CARELESS = """
import os
pid = os.fork()
if pid == 0: os._exit(0)
os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
print(pid, flush=True)
input()
"""


def test_a_stranger_whom_nobody_collects_has_ended_all_the_same() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", CARELESS], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        stranger = StrangerProcess(int(parent.stdout.readline()))
        stranger.wait()
        assert psutil.Process(stranger.pid).status() == psutil.STATUS_ZOMBIE
        parent.communicate(b"\n")


def test_a_stranger_that_has_become_ours_is_collected() -> None:
    pid = os.posix_spawn(sys.executable, [sys.executable, "-c", "input()"], {})
    stranger = StrangerProcess(pid)
    stranger.kill()
    stranger.wait()
    assert not alive(pid)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    stranger.wait()
    stranger.kill()


def test_who_has_ended_is_no_stranger() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    with pytest.raises(psutil.NoSuchProcess):
        StrangerProcess(ended.pid)

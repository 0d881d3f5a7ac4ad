"""The part of `api.utils` that is local."""

from __future__ import annotations

import subprocess
import sys
import threading

import numpy as np
import pytest

from imjoy_worker.tools import LOCAL_TOOLS, debounce, kill, ndarray, set_interval

DEADLINE_S = 10
SLEEPER = [sys.executable, "-c", "input()"]


@pytest.mark.parametrize("new_session", [True, False])
def test_a_child_process_is_ended(new_session):
    process = subprocess.Popen(SLEEPER, stdin=subprocess.PIPE, start_new_session=new_session)
    kill(process)
    assert process.returncode == -9
    process.stdin.close()


def test_one_that_has_ended_is_no_error():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait(DEADLINE_S)
    kill(process)
    kill(process.pid)


def test_ndarray_makes_arrays():
    np.testing.assert_array_equal(ndarray([1, 2], dtype="uint8"), np.array([1, 2], "uint8"))
    image = ndarray(bytes(range(6)), (2, 3), "uint8")
    assert image.shape == (2, 3)


def test_ndarray_without_numpy_makes_the_form_of_one(monkeypatch):
    monkeypatch.delitem(sys.modules, "numpy")
    assert ndarray([1, 2], [1, 2]) == {
        "_rtype": "ndarray",
        "_rvalue": b"\x01\x02",
        "_rshape": [1, 2],
        "_rdtype": "uint8",
    }


def test_of_debounced_calls_the_first_is_made():
    calls = []
    often = debounce(60)(calls.append)
    often(1)
    often(2)
    assert calls == [1]
    always = debounce(0)(calls.append)
    always(3)
    always(4)
    assert calls == [1, 3, 4]


def test_an_interval_repeats_until_it_is_stopped():
    seen = threading.Semaphore(0)
    stop = set_interval(0.001)(seen.release)()
    for _ in range(3):
        assert seen.acquire(timeout=DEADLINE_S)
    stop.set()


def test_these_are_the_names():
    assert set(LOCAL_TOOLS) == {"kill", "ndarray", "debounce", "set_interval"}

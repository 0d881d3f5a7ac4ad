"""What goes between a worker and its own processes."""

from __future__ import annotations

import socket
import threading

import numpy as np
import pytest

from imjoy_worker import pickles
from imjoy_worker.promise import Promise


def there_and_back(value):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        sending = threading.Thread(target=pickles.send, args=(ours, pickles.packed(value)))
        sending.start()
        received = pickles.receive(theirs)
        sending.join()
    return pickles.unpacked(received)


@pytest.mark.parametrize("value", [None, "", b"", [], {"a": (1, {2})}, b"x" * (1 << 20)])
def test_values_arrive_as_they_were(value):
    assert there_and_back(value) == value


@pytest.mark.parametrize("shape", [(0,), (3, 4), (4, 1024, 1024)])
def test_arrays_arrive_beside_the_pickle_and_may_be_changed(shape):
    array = np.full(shape, 7, "uint8")
    assert memoryview(pickles.packed([array])[0]).nbytes < 1000
    (arrived,) = there_and_back([array])
    np.testing.assert_array_equal(arrived, array)
    arrived += 1


def test_an_end_that_closes_is_told():
    ours, theirs = socket.socketpair()
    with theirs:
        with ours:
            ours.sendall(bytes(7))
        with pytest.raises(EOFError):
            pickles.receive(theirs)


def test_what_cannot_be_sent_is_named():
    def take(*_args, **_kwargs):
        pass

    promise = Promise("ask", lambda *_: None)
    for args, kwargs, words in (
        ((), {}, r"take runs in a process, and the function itself \(function\) cannot be sent"),
        ((1, threading.Lock()), {}, r"argument 2 \(lock\)"),
        (([promise],), {}, r"argument 1 \(list\) cannot be sent there: a promise stays"),
        ((), {"gate": threading.Lock()}, r"argument 'gate' \(lock\)"),
    ):
        function = take if not (args or kwargs) else print
        with pytest.raises(pickles.UnsendableToProcessError, match=words.replace("take", ".*take")):
            pickles.pack_call(function, args, kwargs)

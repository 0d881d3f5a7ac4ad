"""The first words to the engine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from imjoy_wire import codec
from imjoy_wire.frames import FrameDecoder
from imjoy_worker import greeting


def test_hello_is_a_frame_like_any_other(short_dir):
    path = short_dir / "s"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        ours = greeting.connect(f"unix:{path}")
        theirs, _ = server.accept()
        with theirs:
            greeting.say_hello(ours, "a-b_C9")
            (frame,) = FrameDecoder().feed(theirs.recv(1 << 16))
        ours.close()
    assert (frame.to, frame.sender, frame.kind) == ("", "", "hello")
    assert codec.unpack(frame.body) == {
        "ticket": "a-b_C9",
        "protocol": 1,
        "python": ".".join(map(str, sys.version_info[:3])),
        "pid": os.getpid(),
    }


@pytest.mark.parametrize("address", ["", "unix:", "tcp:127.0.0.1:80", "/tmp/x"])
def test_an_address_that_is_none_is_refused(address):
    with pytest.raises(ValueError, match="not an address"):
        greeting.connect(address)


@pytest.mark.parametrize("ticket", ["", "-", 'a"b', "a b", "é"])
def test_a_ticket_that_is_none_is_refused(ticket):
    with pytest.raises(ValueError, match="no ticket has"):
        greeting.say_hello(None, ticket)


def test_little_is_imported_before_hello():
    check = (
        "import sys, imjoy_worker.greeting; "
        "print(sorted({'asyncio', 'json', 'socket', 'typing', 'threading'} & set(sys.modules)))"
    )
    engine = str(Path(greeting.__file__).parents[1])
    asked = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path.insert(0, {engine!r}); {check}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert asked.stdout.strip() == "[]"

"""Forks shims and keepers off itself: they share its memory, and start in a millisecond.

Run as a script with the engine's own interpreter, without its packages:

    python -I -S forking.py

Standard input is a Unix socket that keeps messages apart. Each says what to fork, `shim` or
`keeper`, and brings the descriptors that it is to have: a shim those of orders, reports, standard
output and error, a keeper its connection; all others are held. The answer is the process's id, or
`-ERRNO` when there could be none. What it runs it hears on its own standard input.

When the socket ends the engine has gone, and so does this; what it has forked lives on, being
whole without it, and is the system's first process's child from then on.
"""

from __future__ import annotations

# As in `shim.py`: `signal`, `socket` and `array` would cost each shim.
import _signal as signal  # type: ignore[import-not-found]
import _socket
import gc
import os
import sys

# This runs without packages: its siblings are beside it.
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import keeper  # type: ignore[import-not-found]
import shim  # type: ignore[import-not-found]

del sys.path[0]

_MOST_FDS = 253  # as the system allows
_INT_BYTES = 4
_PR_SET_NAME = 15


def main() -> None:
    """Fork what the engine asks for, until it is gone; in each fork, be that."""
    # The system itself collects whoever ends.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    # The collector would write to every object, and so copy its page for each fork.
    gc.freeze()
    engine = _socket.socket(fileno=0)
    while True:
        kind, rights, _, _ = engine.recvmsg(16, _socket.CMSG_SPACE(_MOST_FDS * _INT_BYTES))
        if not kind:
            return
        fds = descriptors(rights)
        try:
            pid = os.fork()
        except OSError as error:
            pid = -(error.errno or 1)
        if pid == 0:
            engine.detach()
            be(kind, fds)
            return
        for fd in fds:
            os.close(fd)
        engine.send(b"%d" % pid)


def descriptors(rights: list[tuple[int, int, bytes]]) -> list[int]:
    """Return the descriptors that came with a message."""
    data = b"".join(each for _, _, each in rights)
    starts = range(0, len(data), _INT_BYTES)
    return [int.from_bytes(data[at : at + _INT_BYTES], sys.byteorder) for at in starts]


def be(kind: bytes, fds: list[int]) -> None:
    """Turn this forked process into a shim or a keeper with these descriptors."""
    os.setsid()
    # All forks have one command line; this is the name that `top` shows.
    shim.prctl(_PR_SET_NAME, b"imjoy-" + kind)
    keeps = kind == b"keeper"
    given = {0: fds[0]} if keeps else {0: fds[0], 1: fds[2], 2: fds[3]}
    for number, fd in given.items():
        os.dup2(fd, number)
        os.close(fd)
    run = keeper.main if keeps else shim.main
    run(*(fd for fd in fds if fd not in given.values()))


if __name__ == "__main__":
    main()
    # What remains is to take the interpreter apart, and the engine waits for that.
    os._exit(0)

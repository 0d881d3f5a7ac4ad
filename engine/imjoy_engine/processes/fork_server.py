"""The process that shims are forked off (`forking.py`), as the engine sees it."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import psutil

from imjoy_engine.processes.ends import StrangerProcess

__all__ = ["ForkServer", "ForkServerLostError"]

_LOG = logging.getLogger(__name__)
_SCRIPT = Path(__file__).with_name("forking.py")
_ANSWER_S = 10.0


class ForkServerLostError(Exception):
    """The process did not answer. A shim that it may have forked all the same is told nothing."""


class ForkServer:
    """One process, started when first asked for, and again when it was lost; methods block.

    One that never answered is not started again: it does not work on this system. `script` is what
    it runs; `answer_s` is how long a fork may take.
    """

    def __init__(self, script: Path = _SCRIPT, answer_s: float = _ANSWER_S) -> None:
        self._script = script
        self._answer_s = answer_s
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None
        self._is_of_use = sys.platform.startswith("linux")
        self._has_answered = False

    @property
    def pid(self) -> int | None:
        """The process, if there is one."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Have it started, so that the first fork waits less; without effect where it cannot be."""
        with self._lock, contextlib.suppress(ForkServerLostError):
            self._connected()

    def fork(self, kind: str, fds: Sequence[int]) -> StrangerProcess:
        """Return a new shim or keeper with these descriptors.

        Raises ForkServerLostError, and OSError when the system allows no more processes.
        """
        with self._lock:
            connection = self._connected()
            try:
                socket.send_fds(connection, [kind.encode()], list(fds))
                answer = int(connection.recv(64))
                self._has_answered = True
            except (OSError, ValueError) as error:
                self._lose("it did not answer")
                self._is_of_use = self._has_answered
                raise ForkServerLostError from error
        if answer < 0:
            raise OSError(-answer, os.strerror(-answer))
        try:
            return StrangerProcess(answer)
        except psutil.NoSuchProcess as error:
            raise ForkServerLostError from error

    def close(self) -> None:
        """Let it go, for good; what it has forked stays."""
        with self._lock:
            self._is_of_use = False
            self._end()

    def _connected(self) -> socket.socket:
        if self._process is not None and self._process.poll() is not None:
            self._lose("it was ended from outside")
        if self._connection is not None:
            return self._connection
        if not self._is_of_use:
            raise ForkServerLostError
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(self._answer_s)
        try:
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, "-I", "-S", str(self._script)],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    cwd="/",
                    start_new_session=True,
                )
        except OSError as error:
            ours.close()
            raise ForkServerLostError from error
        self._connection = ours
        return ours

    def _lose(self, why: str) -> None:
        _LOG.warning("The fork server was lost: %s. Running plugins go on without it.", why)
        self._end()

    def _end(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._process is not None:
            # It has nothing to put in order, and may have been stopped.
            self._process.kill()
            self._process.wait()
            self._process = None

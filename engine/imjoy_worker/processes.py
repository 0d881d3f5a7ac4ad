"""The pool of processes in which a plugin's functions may run. The other side of it: `child`.

A process is started when a call comes and none is idle, up to one a core; it starts afresh, not as
a copy of this one, whose threads and GPU contexts would not survive that. One that dies takes only
its own call with it.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import CancelledError, Executor, Future
from typing import Any, Callable, Dict, List, Optional, Set

from imjoy_wire.current import current_call, interrupted_by, is_cancelled, report
from imjoy_wire.errors import RemoteError
from imjoy_wire.forms import decode_error

from . import pickles
from .scripts import ScriptRecord

__all__ = ["ErrorInProcess", "ProcessDiedError", "ProcessPool"]

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
START = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from imjoy_worker.child import main; main(int(sys.argv[2]))"
)
LAST_MOMENTS_S = 5.0
"""For the system to say how a process ended whose socket is closed already."""


class ProcessDiedError(RuntimeError):
    """Say which call was running in a process of the pool when it died, and how it died."""


class ErrorInProcess(Exception):
    """Carry what a function raised in a process.

    `told` has its name, message, traceback and cause; `original` is the exception itself, if it
    could be sent.
    """

    def __init__(self, told: RemoteError, original: Optional[BaseException]) -> None:
        super().__init__(str(told))
        self.told = told
        self.original = original


class _Child:
    """One process, which runs one call at a time."""

    def __init__(self, scripts: int) -> None:
        self.scripts = scripts  # how many there were when it was started
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-s", "-u", "-c", START, ROOT, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
        self._channel = ours
        pickles.send(self._channel, pickles.packed(list(sys.path)))

    def ask(self, job: pickles.Parts) -> pickles.Parts:
        """Return the reply, and pass on what the function reports meanwhile.

        Raises EOFError or OSError when the process ends instead.
        """
        call = current_call()
        listens = call is not None and call.is_listened_to
        pickles.send(self._channel, [b"listens" if listens else b"", *job])
        while True:
            reply = pickles.receive(self._channel)
            if reply[0]:
                return reply
            report(*pickles.unpacked(reply[1:]))

    def how_it_ended(self) -> str:
        """Return in words how the process ended that has closed its connection."""
        try:
            code = self._process.wait(LAST_MOMENTS_S)
        except subprocess.TimeoutExpired:
            return "closed its connection"
        if code >= 0:
            return "ended with exit code {}".format(code)
        words = "was killed by {}".format(_signal_name(-code))
        if code == -signal.SIGKILL:
            words += ", as the system does when memory runs out"
        return words

    def kill(self) -> None:
        """End the process; whoever asks it is told by its closed connection."""
        self._process.kill()

    def close(self) -> None:
        """End the process, if it has not, and let go of it. Nobody may be asking it."""
        self._process.kill()
        self._process.wait()
        self._channel.close()

    def let_go(self) -> None:
        """Close the socket in a forked process, so that the child sees the worker's own end."""
        os.close(self._channel.detach())


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "signal {}".format(number)


class ProcessPool(Executor):
    """Runs functions in processes; what `threads` are for is to wait for them."""

    def __init__(self, threads: Executor, record: ScriptRecord, size: Optional[int] = None) -> None:
        self._threads = threads
        self._record = record
        self._slots = threading.Semaphore(size or _cores())
        self._lock = threading.Lock()
        self._idle: List[_Child] = []
        self._all: Set[_Child] = set()
        self._is_shut = False

    def run(self, function: Callable[..., Any], args: Any, kwargs: Dict[str, Any]) -> Any:
        """Return the result of a call that is made in a process; wait for it in this thread.

        Raises UnsendableToProcessError, ProcessDiedError, and ErrorInProcess for what the function
        itself raises.
        """
        return self._asked(function, pickles.pack_call(function, args, kwargs))

    def submit(  # type: ignore[override]  # TypeVarTuple needs Python 3.11
        self, function: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> "Future[Any]":
        """Run a function in a process, or in a thread if it cannot be sent to one.

        For `run_in_executor(None, ...)`, with which libraries also do small things of their own.
        """
        return self._threads.submit(self._run_somewhere, function, args, kwargs)

    def shutdown(self, wait: bool = True, **_: Any) -> None:
        """Kill every process; the calls in them fail."""
        with self._lock:
            self._is_shut = True
            idle, self._idle = self._idle, []
            self._all.difference_update(idle)
            busy = list(self._all)
        for child in idle:
            child.close()
        for child in busy:
            child.kill()

    def leave_to_parent(self) -> None:
        """Let go of the processes in a forked one."""
        self._lock = threading.Lock()
        children, self._all, self._idle = self._all, set(), []
        for child in children:
            child.let_go()

    def _run_somewhere(self, function: Any, args: Any, kwargs: Any) -> Any:
        try:
            job = pickles.pack_call(function, args, kwargs)
        except pickles.UnsendableToProcessError:
            return function(*args, **kwargs)
        try:
            return self._asked(function, job)
        except ErrorInProcess as error:
            if error.original is None:
                raise error.told from None
            raise error.original from error.told

    def _asked(self, function: Any, job: pickles.Parts) -> Any:
        with self._slots:
            if is_cancelled():
                raise CancelledError
            child = self._borrow()
            try:
                with interrupted_by(child.kill):
                    reply = child.ask(job)
                if is_cancelled():
                    raise EOFError  # it has been, or is about to be, killed
            except (EOFError, OSError):
                with self._lock:
                    self._all.discard(child)
                ending = child.how_it_ended()
                child.close()
                raise ProcessDiedError(
                    "The process that ran {} {}. The next call gets a new one.".format(
                        getattr(function, "__qualname__", function), ending
                    )
                ) from None
            with self._lock:
                self._idle.append(child)
        outcome = pickles.unpacked(reply)
        if outcome[0]:
            return outcome[1]
        raise ErrorInProcess(decode_error(outcome[1]), outcome[2])

    def _borrow(self) -> _Child:
        """Return an idle process that knows all scripts, a new one if there is none."""
        with self._lock:
            if self._is_shut:
                raise RuntimeError("The plugin is ending; nothing is run any more.")
            while self._idle:
                child = self._idle.pop()
                if child.scripts == self._record.count:
                    return child
                self._all.discard(child)
                child.close()
            child = _Child(self._record.count)
            self._all.add(child)
            return child


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS
        return os.cpu_count() or 1

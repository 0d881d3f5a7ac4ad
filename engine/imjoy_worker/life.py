"""From the engine's welcome to the end of the process."""

import asyncio
import contextlib
import gc
import importlib
import os
import select
import signal
import socket
import sys
import threading
from typing import Any, Dict, Optional

from imjoy_wire import codec
from imjoy_wire.arrays import import_numpy_by
from imjoy_wire.errors import WireError

from . import comeback, stdio, tracebacks
from .executors import PluginLoop
from .link import Link
from .worker import Worker

__all__ = ["live"]

GRACE_S = 5.0
"""For the plugin's `exit` when nobody says how long it may take."""
_ENDS = (signal.SIGTERM, signal.SIGINT)
LAST_WORDS_S = 1.0
"""For what is still to be written to the engine, and for threads that the plugin leaves behind."""


def live(link_socket: Any) -> int:
    """Be a plugin on this connected socket until told to leave; return the exit code."""
    stdio.prepare()
    waits = not select.select([link_socket], [], [], 0)[0]
    link = Link(socket.socket(fileno=link_socket.detach()))
    loop = PluginLoop()
    if waits:
        # A spare interpreter: what a new worker does while its clients answer is done by then.
        _make_ready()
    try:
        welcome = _welcome(link)
    except WireError as error:
        sys.stderr.write("The engine did not say welcome: {}\n".format(error))
        return 2
    if isinstance(welcome, str):
        sys.stderr.write(welcome + "\n")
        return 2
    # What is the plugin's alone: this process may have waited for any plugin.
    os.environ.update(welcome.get("variables") or {})
    work_dir = welcome.get("work_dir")
    if work_dir:
        os.makedirs(work_dir, exist_ok=True)
        os.chdir(work_dir)
    import_numpy_by(importlib.import_module)
    life = Life(link, welcome, loop, is_ready=waits)
    if hasattr(gc, "freeze"):  # PyPy's collector has none
        # What is loaded by now stays to the end: collections need not look at it. Above all the one
        # that takes the interpreter apart, for which whoever stops the plugin waits.
        gc.freeze()
    gc.enable()
    if isinstance(welcome.get("outlast"), dict):
        comeback.outlast(link, welcome["outlast"], life.welcomed_again)
    return life.run()


def _make_ready() -> None:
    stdio.let_libraries_print_by_the_line()
    tracebacks.read_ahead()


def _welcome(link: Link) -> Any:
    """Return the body of the welcome, or the sentence that says why there is none."""
    frame = link.read_frame()
    if frame is None:
        return "The engine hung up before it said welcome."
    body = codec.unpack(frame.body, frame.buffers)
    if frame.kind == "welcome" and isinstance(body, dict) and body.get("peer_id"):
        return body
    if frame.kind == "refused" and isinstance(body, dict):
        return "The engine refused this worker: {}".format(body.get("message"))
    return "The engine did not say welcome but {!r}.".format(frame.kind)


class Life:
    """Runs the plugin's loop in the main thread, and ends in time."""

    def __init__(
        self, link: Link, welcome: Dict[str, Any], loop: PluginLoop, *, is_ready: bool = False
    ) -> None:
        self._link = link
        self._loop = loop
        self._is_ready = is_ready
        asyncio.set_event_loop(loop)
        self._worker = Worker(link, welcome, self._loop, self.leave)
        self._lock = threading.RLock()  # a signal may come while one is dealt with
        self._is_leaving = False
        self._is_ending = False
        self._is_over = False
        self._signal: Optional[int] = None
        self._ended = threading.Event()

    def welcomed_again(self, welcome: Dict[str, Any]) -> None:
        """Go on with the engine that came after; in the thread that reads the link."""
        self._worker.welcomed_again(welcome)

    def run(self) -> int:
        """Return the exit code, when the plugin has ended."""
        for number in _ENDS:
            signal.signal(number, self._on_signal)
        os.register_at_fork(
            before=_hold_signals, after_in_parent=_heed_signals, after_in_child=_end_at_a_signal
        )
        self._worker.start()
        if not self._is_ready:
            _make_ready()  # meanwhile the clients answer
        while not self._is_over:
            with contextlib.suppress(KeyboardInterrupt):  # one signal more, on the way out
                self._run_loop()
            self._is_over = self._is_leaving
        for number in _ENDS:
            signal.signal(number, signal.SIG_IGN)  # the last words are bounded in time
        self._link.flush(LAST_WORDS_S)
        self._link.close()
        stdio.flush()
        for number in _ENDS:
            # What is left is the interpreter's waiting for threads that compute: a signal ends that
            # without a word.
            signal.signal(number, signal.SIG_DFL)
        if self._signal is not None:
            os.kill(os.getpid(), self._signal)  # so that our parent sees which it was
        return 0

    def _run_loop(self) -> None:
        """Run until the loop is stopped, by us or by the plugin."""
        try:
            self._loop.run_forever()
        except (SystemExit, KeyboardInterrupt) as error:
            # Raised by a task of the plugin's, or by a second signal: who stops it knows of that.
            if not (self._is_leaving and isinstance(error, KeyboardInterrupt)):
                tracebacks.report(error, "the plugin's background work")

    def leave(self, grace_s: Optional[float] = None, number: Optional[int] = None) -> None:
        """End the process within so many seconds, by this signal if any; from any thread."""
        with self._lock:
            if self._is_leaving:
                return
            self._is_leaving = True
        self._signal = number
        grace_s = GRACE_S if grace_s is None else max(0.0, grace_s)
        # The main thread may be anywhere in the plugin's code: the clock runs beside it.
        threading.Thread(
            target=self._end_in_time, args=(grace_s,), name="imjoy-end", daemon=True
        ).start()
        self._worker.stop_taking_calls()
        self._loop.call_soon_threadsafe(self._begin_to_leave, grace_s)
        # From here on a signal may break into the plugin's code, and not before: into this.
        self._is_ending = True

    def _begin_to_leave(self, grace_s: float) -> None:
        self._leaving = self._loop.create_task(self._leave_well(grace_s))

    async def _leave_well(self, grace_s: float) -> None:
        try:
            await asyncio.wait_for(self._worker.exit_plugin(), grace_s)
        except asyncio.TimeoutError:
            sys.stderr.write("exit() took longer than {:g} s and was left.\n".format(grace_s))
        finally:
            self._worker.close()
            # The tasks that were cancelled take their leave first.
            self._loop.call_soon(self._loop.call_soon, self._loop.stop)

    def _end_in_time(self, grace_s: float) -> None:
        if not self._ended.wait(grace_s + LAST_WORDS_S):
            stdio.flush()
            os._exit(0 if self._signal is None else 128 + self._signal)

    def _on_signal(self, number: int, _frame: Any) -> None:
        if self._is_ending and not self._is_over:
            raise KeyboardInterrupt
        self.leave(None, number)


def _hold_signals() -> None:
    """Let a signal that comes to a child at once wait until the child knows what to do."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)


def _heed_signals() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDS)


def _end_at_a_signal() -> None:
    """Let a forked child of the plugin's end as any process does: its pool asks it by SIGTERM."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _heed_signals()

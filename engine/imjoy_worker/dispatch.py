"""Where a call runs: an `async def` in the plugin's loop, a plain function where it was chosen to.

That is a thread of the pool unless the plugin says otherwise (`choice`). Calls do not wait for each
other. Only those of one plain callback do, so that what is reported step by step arrives step by
step.
"""

import asyncio
import contextvars
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from types import GeneratorType
from typing import Any, Callable, Optional

from imjoy_wire.calls import IncomingCall
from imjoy_wire.current import CALL, interrupted_by
from imjoy_wire.errors import CallCancelledError
from imjoy_wire.forms import CANCELLED

from . import stdio, tracebacks
from .attention import Attention
from .choice import Choice, is_async, own_choice
from .coroutines import gives_generator, is_awaitable
from .executors import Lanes, PluginLoop, PluginPool
from .processes import ErrorInProcess, ProcessPool
from .streams import Streams

__all__ = ["Dispatcher"]


_OF_THE_PROCESS = frozenset({"setup", "resume", "exit"})
"""Exported functions that are about the plugin's process and would do nothing in another one."""


class Dispatcher:
    """Runs the calls of other peers. `run` may be called from any thread; it returns at once.

    `interface_id` is the object id of what the plugin exports.
    """

    def __init__(
        self, loop: PluginLoop, pool: PluginPool, processes: ProcessPool, interface_id: str
    ) -> None:
        self._loop = loop
        self._pool = pool
        self._processes = processes
        self._interface_id = interface_id
        self.streams = Streams(loop, pool, self._fail)
        self._usual: Choice = "thread"
        self._lanes = Lanes(pool)
        self.attention = Attention()
        self.exit_was_called = False
        """Whether somebody has called the plugin's `exit` already."""
        self.on_setup: Optional[Callable[[Optional[str]], None]] = None
        """Told how the plugin's `setup` ended: what it raised, if it did; from any thread."""
        self.on_raised: Optional[Callable[[str], None]] = None
        """Told of the traceback of what a call is answered with; from any thread."""

    def choose(self, choice: Choice) -> None:
        """Let exported plain functions run there from now on, and `run_in_executor(None, ...)`."""
        self._usual = choice
        there = self._executor(choice)
        self._loop.usual_executor = self._pool if there is None else there

    def run(self, call: IncomingCall) -> None:
        """Have the call run where its function belongs, and answered."""
        self.attention.begin(call)
        if call.label == "exit" and call.callback_id is None:
            self.exit_was_called = True
        if is_async(call.function):
            self._in_loop(call, self._run_async(call))
            return
        context = contextvars.copy_context()
        context.run(CALL.set, call)
        choice = self._choice(call)
        if choice == "process" and gives_generator(call.function):
            choice = "thread"  # a generator lives where it is made, and cannot be sent from there
        if choice == "main-thread":
            self._loop.call_soon_threadsafe(self._run_at_home, call, context=context)
        elif call.callback_id is None:
            context.run(self._pool.submit, self._run_plain, call, self._executor(choice))
        else:
            there = self._executor(choice)
            context.run(self._lanes.submit, call.callback_id, lambda: self._run_plain(call, there))

    def after_calls(self, callback_id: Any, job: Callable[[], None]) -> None:
        """Do something when the calls of a plain callback that came before have ended."""
        self._lanes.follow(callback_id, job)

    def cancel(self, call: IncomingCall) -> None:
        """Have a call that is marked as cancelled end.

        A coroutine is cancelled, a thread that waits is woken, a process ended; a plain function
        that computes in a thread goes on. What has not begun never does.
        """
        interrupt = call.interrupt
        if interrupt is not None:
            interrupt()
        self._loop.call_soon_threadsafe(self._cancel_task, call)

    async def run_own(self, function: Any, label: str) -> None:
        """Run a function of the plugin's that no peer has called; print its error if it has one."""
        try:
            if is_async(function) or self._usual == "main-thread":
                result = function()
            else:
                result = await self._loop.run_in_executor(self._pool, function)
            if is_awaitable(result):
                await result
        except Exception as error:  # noqa: BLE001 - the border to the plugin's code
            tracebacks.report(error, label)

    def cancel_all(self) -> None:
        """Cancel what runs in the loop; called there."""
        self.streams.cancel_all()
        for work in self.attention.under_way():
            if isinstance(work, IncomingCall) and work.work is not None:
                work.work.cancel()

    def _choice(self, call: IncomingCall) -> Choice:
        own: Optional[Choice] = own_choice(call.function)
        if own is not None:
            return own
        if self._usual == "main-thread":
            return self._usual
        is_exported = call.object_id == self._interface_id and call.label not in _OF_THE_PROCESS
        return self._usual if is_exported else "thread"

    def _executor(self, choice: Choice) -> Optional[Executor]:
        """Return what a thread of the pool hands the call on to; None when it runs it itself."""
        if isinstance(choice, Executor):
            return choice
        return self._processes if choice == "process" else None

    def _in_loop(self, call: IncomingCall, coroutine: Any) -> None:
        if self._loop.is_here:
            self._start(call, coroutine)
        else:
            self._loop.call_soon_threadsafe(self._start, call, coroutine)

    def _start(self, call: IncomingCall, coroutine: Any) -> None:
        call.work = self._loop.create_call_task(coroutine)
        if call.is_cancelled:
            self._cancel_task(call)

    def _cancel_task(self, call: IncomingCall) -> None:
        task = call.work
        if task is not None:
            task.cancel()
            # One that has not begun never does, and answers nothing by itself.
            task.add_done_callback(lambda _: self._end_cancelled(call))

    def _run_plain(self, call: IncomingCall, there: Optional[Executor] = None) -> None:
        if call.is_cancelled:
            self._end_cancelled(call)
            return
        try:
            args, kwargs = call.arguments()
            if there is None:
                result = call.function(*args, **kwargs)
            else:
                result = self._handed_on(there, call.function, args, kwargs)
            del args, kwargs  # what of them is still referred to counts as kept
        except BaseException as error:  # noqa: BLE001 - the border to the plugin's code
            self._fail(call, error)
            return
        if is_awaitable(result):
            self._in_loop(call, self._run_rest(call, result))
        else:
            self._succeed(call, result)

    def _run_at_home(self, call: IncomingCall) -> None:
        """Run a call in the main thread, and there too the generator that it may return."""
        function = call.function

        def keeping(*args: Any, **kwargs: Any) -> Any:
            result = function(*args, **kwargs)
            if isinstance(result, GeneratorType):
                self.streams.keep_at_home(result)
            return result

        call.function = keeping
        self._run_plain(call)

    def _handed_on(self, there: Executor, function: Any, args: Any, kwargs: Any) -> Any:
        """Return what the function returns in another executor; this thread waits for it."""
        if isinstance(there, ProcessPool):
            return there.run(function, args, kwargs)
        if isinstance(there, ThreadPoolExecutor):
            context = contextvars.copy_context()
            return _result(there.submit(self._in_their_thread, context, function, args, kwargs))
        return _result(there.submit(function, *args, **kwargs))

    def _in_their_thread(self, context: Any, function: Any, args: Any, kwargs: Any) -> Any:
        asyncio.set_event_loop(self._loop)
        return context.run(function, *args, **kwargs)

    async def _run_async(self, call: IncomingCall) -> None:
        CALL.set(call)
        try:
            args, kwargs = call.arguments()
            coroutine = call.function(*args, **kwargs)
            del args, kwargs
            result = await coroutine
            del coroutine
        except BaseException as error:  # noqa: BLE001 - the border to the plugin's code
            self._fail(call, error)
        else:
            self._succeed(call, result)

    async def _run_rest(self, call: IncomingCall, awaitable: Any) -> None:
        try:
            result = await awaitable
        except BaseException as error:  # noqa: BLE001 - the border to the plugin's code
            self._fail(call, error)
        else:
            self._succeed(call, result)

    def _succeed(self, call: IncomingCall, result: Any) -> None:
        self.attention.end(call)
        stdio.flush()
        self._tell_setup(call, None)
        call.succeed(result)

    def _end_cancelled(self, call: IncomingCall) -> None:
        self.attention.end(call)
        call.end_cancelled()

    def _fail(self, call: IncomingCall, error: BaseException) -> None:
        self.attention.end(call)
        stdio.flush()
        tracebacks.trimmed(error)
        if call.is_cancelled:
            call.end_cancelled()
            return
        if isinstance(error, ErrorInProcess):
            error = error.told
        if isinstance(error, (asyncio.CancelledError, KeyboardInterrupt)):
            error = CallCancelledError("{} was cancelled".format(call.label), CANCELLED)
        elif isinstance(error, SystemExit):
            error = RuntimeError("{} ended itself with sys.exit()".format(call.label))
        self._tell_setup(call, error)
        if call.is_awaited:
            if self.on_raised is not None and not isinstance(error, CallCancelledError):
                self.on_raised("{}()\n{}".format(call.label, tracebacks.text_of(error)))
            call.fail(error)
        else:
            tracebacks.report(error, call.label)

    def _tell_setup(self, call: IncomingCall, error: Optional[BaseException]) -> None:
        if call.label == "setup" and call.callback_id is None and self.on_setup is not None:
            self.on_setup(None if error is None else tracebacks.text_of(error))


def _result(future: "Future[Any]") -> Any:
    """Wait for a job of another executor; it is taken back if the call is cancelled in time."""
    with interrupted_by(future.cancel):
        return future.result()

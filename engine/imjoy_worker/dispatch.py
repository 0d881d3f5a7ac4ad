"""Where a call runs: an `async def` in the plugin's loop, a plain function in a thread of the pool.

Calls do not wait for each other. Only those of one plain callback do, so that what is reported step
by step arrives step by step.
"""

import asyncio
import contextvars
import functools
from inspect import isawaitable, iscoroutinefunction
from typing import Any, Dict, Set

from imjoy_wire.calls import IncomingCall

from . import stdio, tracebacks
from .executors import Lane, PluginLoop, PluginPool

__all__ = ["CALLER", "Dispatcher", "is_async"]

CALLER: "contextvars.ContextVar[str]" = contextvars.ContextVar("imjoy_caller", default="")
"""The peer whose call, or whose script, is being run."""


def is_async(function: Any) -> bool:
    """Tell whether calling the function only makes a coroutine."""
    while isinstance(function, functools.partial):
        function = function.func
    if iscoroutinefunction(function):
        return True
    if isinstance(function, type) or not callable(function):
        return False
    return iscoroutinefunction(type(function).__call__)


class Dispatcher:
    """Runs the calls of other peers. `run` may be called from any thread; it returns at once."""

    def __init__(self, loop: PluginLoop, pool: PluginPool) -> None:
        self._loop = loop
        self._pool = pool
        self._lanes: Dict[Any, Lane] = {}
        self._tasks: Set[Any] = set()
        self.exit_was_called = False
        """Whether somebody has called the plugin's `exit` already."""

    def run(self, call: IncomingCall) -> None:
        """Have the call run where its function belongs, and answered."""
        context = contextvars.copy_context()
        context.run(CALLER.set, call.sender)
        if call.callback_id is None and call.label == "exit":
            self.exit_was_called = True
        if is_async(call.function):
            self._in_loop(context, self._run_async(call))
        elif call.callback_id is None:
            context.run(self._pool.submit, self._run_plain, call)
        else:
            context.run(self._lane(call.callback_id).submit, lambda: self._run_plain(call))

    async def run_own(self, function: Any, label: str) -> None:
        """Run a function of the plugin's that no peer has called; print its error if it has one."""
        try:
            if is_async(function):
                result = function()
            else:
                result = await self._loop.run_in_executor(self._pool, function)
            if isawaitable(result):
                await result
        except Exception as error:  # noqa: BLE001 - the border to the plugin's code
            tracebacks.report(error, label)

    def cancel_all(self) -> None:
        """Cancel what runs in the loop; called there."""
        for task in list(self._tasks):
            task.cancel()

    def _lane(self, callback_id: Any) -> Lane:
        lane = self._lanes.get(callback_id)
        if lane is None:
            if len(self._lanes) > 1000:
                self._lanes = {key: used for key, used in self._lanes.items() if not used.is_idle}
            lane = self._lanes[callback_id] = Lane(self._pool)
        return lane

    def _in_loop(self, context: contextvars.Context, coroutine: Any) -> None:
        self._loop.call_soon_threadsafe(self._start, coroutine, context=context)

    def _start(self, coroutine: Any) -> None:
        task = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _run_plain(self, call: IncomingCall) -> None:
        try:
            args, kwargs = call.arguments()
            result = call.function(*args, **kwargs)
            del args, kwargs  # what of them is still referred to counts as kept
        except BaseException as error:  # noqa: BLE001 - the border to the plugin's code
            self._fail(call, error)
            return
        if isawaitable(result):
            self._in_loop(contextvars.copy_context(), self._run_rest(call, result))
        else:
            self._succeed(call, result)

    async def _run_async(self, call: IncomingCall) -> None:
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
        stdio.flush()
        call.succeed(result)

    def _fail(self, call: IncomingCall, error: BaseException) -> None:
        stdio.flush()
        tracebacks.trimmed(error)
        if isinstance(error, asyncio.CancelledError):
            error = RuntimeError("{} was cancelled".format(call.label))
        elif isinstance(error, SystemExit):
            error = RuntimeError("{} ended itself with sys.exit()".format(call.label))
        if call.is_awaited:
            call.fail(error)
        else:
            tracebacks.report(error, call.label)

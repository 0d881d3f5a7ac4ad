"""Where the steps of generators run from which others draw: in threads, or in the plugin's loop."""

import contextvars
import weakref
from typing import Any, Callable, Set

from imjoy_wire.calls import IncomingCall
from imjoy_wire.current import CALL
from imjoy_wire.steps import Fail, close_stream, run_step, run_steps
from imjoy_wire.streams import OwnStream

from . import tracebacks
from .executors import Lanes, PluginLoop, PluginPool

__all__ = ["Streams"]


class Streams:
    """Runs the steps of each generator one after the other; those of several do not wait.

    An asynchronous generator runs in the plugin's loop, a plain one in threads of the pool, or in
    the main thread where the function ran that returned it.
    """

    def __init__(self, loop: PluginLoop, pool: PluginPool, fail: Fail) -> None:
        self._loop = loop
        # A generator that waits for something is not entered a second time meanwhile.
        self._lanes = Lanes(pool, steps_aside=False)
        self._fail = fail
        self._at_home: "weakref.WeakSet[Any]" = weakref.WeakSet()
        self._tasks: Set[Any] = set()

    def keep_at_home(self, generator: Any) -> None:
        """Have a plain generator run in the main thread."""
        self._at_home.add(generator)

    def run(self, call: IncomingCall, stream: OwnStream) -> None:
        """Have a step run and answered; from any thread."""
        context = contextvars.copy_context()
        context.run(CALL.set, call)
        if self._is_for_loop(stream):
            self._loop.call_soon_threadsafe(self._put, stream, call, context=context)
        else:
            context.run(self._lanes.submit, stream, lambda: run_step(stream, call, self._fail))

    def end(self, stream: OwnStream) -> None:
        """Have a generator closed after the step that runs; from any thread."""
        if self._is_for_loop(stream):
            self._loop.call_soon_threadsafe(self._put, stream, None)
        else:
            self._lanes.submit(stream, lambda: _told(lambda: close_stream(stream)))

    def cancel_all(self) -> None:
        """Cancel the steps that run in the loop; called there."""
        for task in list(self._tasks):
            task.cancel()

    def _is_for_loop(self, stream: OwnStream) -> bool:
        return stream.is_async or stream.generator in self._at_home

    def _put(self, stream: OwnStream, call: Any) -> None:
        stream.steps.append(call)
        if stream.place is None:
            task = stream.place = self._loop.create_task(self._serve(stream))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self, stream: OwnStream) -> None:
        try:
            await run_steps(stream, self._fail)
        except Exception as error:  # noqa: BLE001 - the border to the plugin's code
            tracebacks.report(error, "a generator that was closed")


def _told(close: Callable[[], None]) -> None:
    try:
        close()
    except Exception as error:  # noqa: BLE001 - the border to the plugin's code
        tracebacks.report(error, "a generator that was closed")

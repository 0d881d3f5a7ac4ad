"""The plugin's event loop, the pool of threads beside it, and order where order is expected.

What public plugins do in plain functions, which run in threads of the pool, goes on working there:
`asyncio.get_event_loop()` is the plugin's loop, `ensure_future` and `create_task` start a task in
it, `run_until_complete` waits for one, `run_in_executor(None, ...)` uses the same pool. Which
function runs where: `choice`; processes: `processes`.
"""

import asyncio
import contextvars
import threading
from collections import deque
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any, Callable, Deque, Dict, Optional, Tuple

from . import tracebacks
from .turns import Turns

__all__ = ["Lanes", "PluginLoop", "PluginPool", "step_aside"]

MAX_THREADS = 256
"""Threads are made when none is idle. A thread that waits for another call must not be what that
call waits for, so there are more than could ever compute at once."""

Job = Callable[[], None]


class PluginLoop(asyncio.SelectorEventLoop):
    """An event loop that other threads may give work to in all the usual ways."""

    def __init__(self) -> None:
        self.turns = Turns()
        super().__init__(self.turns)
        self._home: Optional[int] = None
        self.is_reading = False
        """Whether it hands on what was read just now; `begin_read` comes right after."""
        self._takes_first_step = False
        self._first_steps: Deque[Tuple[Any, Any]] = deque()
        self.usual_executor: Optional[Executor] = None
        """What `run_in_executor(None, ...)` uses in place of the default threads."""

    def run_forever(self) -> None:
        """Run in this thread until stopped."""
        self._home = threading.get_ident()
        try:
            super().run_forever()
        finally:
            self._home = None

    @property
    def is_here(self) -> bool:
        """Whether it runs, in this thread."""
        return self._home == threading.get_ident()

    @property
    def _is_away(self) -> bool:
        return self._home is not None and self._home != threading.get_ident()

    def call_soon(  # type: ignore[override]  # TypeVarTuple needs Python 3.11
        self, callback: Any, *args: Any, context: Any = None
    ) -> Any:
        """Run a function in the loop soon. A task made in another thread begins by this."""
        if self._is_away:
            return self.call_soon_threadsafe(callback, *args, context=context)
        if self._takes_first_step:
            return self._first_steps.append((callback, context))
        return super().call_soon(callback, *args, context=context)

    def create_call_task(self, coroutine: Any) -> Any:
        """Return a new task; of one that has just been read, `begin_read` takes the first step.

        A turn of the loop costs more than a small call, so that it begins without one, unless
        something else has its turn before. When tasks of a plugin's own kind begin, it says itself.
        """
        if not self.is_reading or self._ready or self.get_task_factory() is not None:  # type: ignore[attr-defined]
            return self.create_task(coroutine)
        self._takes_first_step = True
        try:
            return self.create_task(coroutine)
        finally:
            self._takes_first_step = False

    def begin_read(self) -> None:
        """Let what was read begin, in its order."""
        while self._first_steps:
            step, context = self._first_steps.popleft()
            context.run(step)

    def call_at(  # type: ignore[override]  # as above
        self, when: float, callback: Any, *args: Any, context: Any = None
    ) -> Any:
        """Run a function in the loop at a time of its clock."""
        if not self._is_away:
            return super().call_at(when, callback, *args, context=context)
        context = context or contextvars.copy_context()
        timer = asyncio.TimerHandle(when, callback, args, self, context)

        def fire() -> None:
            if not timer.cancelled():
                context.run(callback, *args)

        self.call_soon_threadsafe(super().call_at, when, fire)
        return timer

    def run_in_executor(  # type: ignore[override]  # as above
        self, executor: Any, function: Any, *args: Any
    ) -> Any:
        """Run a function in an executor; for None in that of the plugin's plain functions."""
        return super().run_in_executor(executor or self.usual_executor, function, *args)

    def run_until_complete(self, future: Any) -> Any:
        """Return the result of a coroutine or future; from another thread, by waiting for it."""
        if not self._is_away:
            return super().run_until_complete(future)
        step_aside()
        return asyncio.run_coroutine_threadsafe(_awaited(future), self).result()


async def _awaited(future: Any) -> Any:
    return await future


class PluginPool(ThreadPoolExecutor):
    """Threads in which the plugin's loop is the current one and whose jobs know their caller."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(MAX_THREADS, "plugin")
        self._loop = loop

    def submit(self, function: Any, *args: Any, **kwargs: Any) -> "Future[Any]":  # type: ignore[override]
        """Run a function in a thread, in a copy of this context."""
        context = contextvars.copy_context()
        return super().submit(self._run, context, function, args, kwargs)

    def _run(self, context: Any, function: Any, args: Any, kwargs: Any) -> Any:
        # For every job anew: `asyncio.run` in an earlier one has taken the loop away.
        asyncio.set_event_loop(self._loop)
        return context.run(function, *args, **kwargs)


class Lanes:
    """Runs jobs in threads of the pool, those of one key one after the other, in their order.

    Calls of one callback keep their order in this way. A job that waits for something else lets the
    next one begin, unless `steps_aside` is false: it might be what is waited for.
    """

    def __init__(self, pool: PluginPool, steps_aside: bool = True) -> None:
        self._pool = pool
        self._steps_aside = steps_aside
        self._lock = threading.Lock()
        self._lanes: Dict[Any, _Lane] = {}

    def __len__(self) -> int:
        """How many keys have a job that runs or waits."""
        return len(self._lanes)

    def submit(self, key: Any, job: Job) -> None:
        """Run the job when those of this key that came before it have ended."""
        context = contextvars.copy_context()
        with self._lock:
            lane = self._lanes.get(key)
            if lane is None:
                lane = self._lanes[key] = _Lane(key)
            lane.jobs.append(lambda: context.run(job))
            if lane.runner is None:
                self._start(lane)

    def follow(self, key: Any, job: Job) -> None:
        """Run the job behind those of this key; here and now when there are none."""
        with self._lock:
            lane = self._lanes.get(key)
            if lane is not None:
                lane.jobs.append(job)
                return
        job()

    def step_aside(self, lane: "_Lane", runner: object) -> None:
        """Let the next job begin although this runner's has not ended."""
        with self._lock:
            if lane.runner is runner:
                self._leave(lane)

    def _start(self, lane: "_Lane") -> None:
        lane.runner = object()
        self._pool.submit(self._run, lane, lane.runner)

    def _leave(self, lane: "_Lane") -> None:
        """Take the runner off the lane; another one goes on if there is something to do."""
        lane.runner = None
        if lane.jobs:
            self._start(lane)
        else:
            del self._lanes[lane.key]

    def _run(self, lane: "_Lane", runner: object) -> None:
        while True:
            with self._lock:
                if lane.runner is not runner:
                    return
                if not lane.jobs:
                    self._leave(lane)
                    return
                job = lane.jobs.popleft()
            _here.run = (self, lane, runner) if self._steps_aside else None
            try:
                job()
            except Exception as error:  # noqa: BLE001 - the border to a job: the next one is due
                tracebacks.report_whole(error, "a job")
            finally:
                _here.run = None
            del job


class _Lane:
    """The jobs of one key; it is there while there are any."""

    __slots__ = ("jobs", "key", "runner")

    def __init__(self, key: Any) -> None:
        self.key = key
        self.jobs: Deque[Job] = deque()
        self.runner: Optional[object] = None


class _Here(threading.local):
    run: Any = None


_here = _Here()


def step_aside() -> None:
    """Let the jobs behind the current one begin: this thread is going to wait."""
    run = _here.run
    if run is not None:
        lanes, lane, runner = run
        lanes.step_aside(lane, runner)

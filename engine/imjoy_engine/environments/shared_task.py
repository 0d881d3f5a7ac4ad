"""One piece of work that many wait for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

from imjoy_engine.environments.progress import OnProgress, Progress
from imjoy_engine.processes import outlast

__all__ = ["SharedTasks"]

T = TypeVar("T")
Work = Callable[[OnProgress], Awaitable[T]]


class _Task(Generic[T]):
    """Running work with those who wait for it."""

    def __init__(self, work: Work[T]) -> None:
        self.listeners: list[OnProgress] = []
        self.last: Progress | None = None
        self.running = asyncio.ensure_future(self._run(work))

    async def _run(self, work: Work[T]) -> T:
        return await work(self._publish)

    def _publish(self, progress: Progress) -> None:
        self.last = progress
        for listener in list(self.listeners):
            listener(progress)


class SharedTasks(Generic[T]):
    """Work under way, by key: whoever asks for the same key joins it.

    `dispose` gets the result when the last of those who joined has left.
    """

    def __init__(self, dispose: Callable[[T], None]) -> None:
        self._dispose = dispose
        self._tasks: dict[str, _Task[T]] = {}

    @asynccontextmanager
    async def joined(self, key: str, work: Work[T], on_progress: OnProgress) -> AsyncIterator[T]:
        """Give the result of the work of `key`, which is started unless it is under way.

        `on_progress` hears what it does from here on, and at once what it did last. Who leaves
        early leaves the others their work; when the last one leaves it is cancelled, and has ended
        before the context is left.
        """
        task = self._tasks.get(key)
        if task is None:
            task = self._tasks[key] = _Task(work)
        elif task.last is not None:
            on_progress(task.last)
        task.listeners.append(on_progress)
        try:
            yield await asyncio.shield(task.running)
        finally:
            task.listeners.remove(on_progress)
            if not task.listeners:
                del self._tasks[key]
                await self._end(task)

    async def _end(self, task: _Task[T]) -> None:
        task.running.cancel()
        try:
            await outlast(asyncio.ensure_future(asyncio.wait((task.running,))))
        finally:
            if not task.running.cancelled() and task.running.exception() is None:
                self._dispose(task.running.result())

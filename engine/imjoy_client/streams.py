"""Generators of a program from which plugins draw, and those of plugins without `await`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from typing import Any

from imjoy_wire.calls import IncomingCall
from imjoy_wire.steps import run_steps
from imjoy_wire.streams import OwnStream, RemoteStream

__all__ = ["Streams", "SyncStream"]

_LOG = logging.getLogger(__name__)


class Streams:
    """Runs the steps of the program's generators in its loop, for each one after the other."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._tasks: set[asyncio.Task[None]] = set()

    def put(self, stream: OwnStream, call: IncomingCall | None) -> None:
        """Have a step run and answered; with None in place of a call the generator is closed."""
        stream.steps.append(call)
        if stream.place is None:
            task = stream.place = self._loop.create_task(_serve(stream))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)


async def _serve(stream: OwnStream) -> None:
    try:
        await run_steps(stream, lambda call, error: call.fail(error))
    except Exception as error:  # noqa: BLE001 - the border to the program's own functions
        _LOG.warning("A generator failed when it was closed: %s", error)


class SyncStream:
    """A generator of a plugin's: iterate over it once, with `for`."""

    def __init__(
        self, stream: RemoteStream, run: Callable[[Any], Any], ours: Callable[[Any], Any]
    ) -> None:
        self.stream = stream
        self._run = run
        self._ours = ours

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        """Wait for the next item. Raises what the generator raises there."""
        done = object()
        item = self._run(_next(self.stream, done))
        if item is done:
            raise StopIteration
        return self._ours(item)

    def close(self) -> None:
        """Return when the generator is closed where it lives."""
        self._run(self.stream.aclose())

    def __repr__(self) -> str:
        return repr(self.stream)


async def _next(stream: RemoteStream, done: object) -> Any:
    return await anext(stream, done)

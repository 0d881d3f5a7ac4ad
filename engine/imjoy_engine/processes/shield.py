"""Waiting that a cancellation cannot cut short."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

__all__ = ["outlast"]

T = TypeVar("T")


async def outlast(future: asyncio.Future[T], on_cancel: Callable[[], object] | None = None) -> T:
    """Return the future's result; a cancellation is raised only after the future is done.

    `on_cancel` is called at the first cancellation, to hurry the future. Used where leaving early
    would leave a process behind, so the future itself must be bounded in time.
    """
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait((future,))
        except asyncio.CancelledError as error:
            if cancelled is None and on_cancel is not None:
                on_cancel()
            cancelled = error
    if cancelled is not None:
        if not future.cancelled():
            future.exception()  # Seen here; the cancellation is what the caller must hear.
        raise cancelled
    return future.result()

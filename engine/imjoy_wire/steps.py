"""The steps of a generator of ours that another peer draws from, run one after the other.

A host has them run either in a thread, by `run_step` for each, or in a loop, by `run_steps` in one
task at a time; in the order in which they came.
"""

from __future__ import annotations

from typing import Any, Callable

from .calls import IncomingCall
from .current import CALL
from .streams import OwnStream

__all__ = ["Fail", "close_stream", "run_step", "run_steps"]

Fail = Callable[[IncomingCall, BaseException], None]
"""Answers a call with what its step has raised, as the host does it."""

RETURN = "return"


def run_step(stream: OwnStream, call: IncomingCall, fail: Fail) -> None:
    """Run a step of a plain generator, and answer."""
    if not _begins(stream, call):
        return
    try:
        if call.label == RETURN:
            stream.close()
            step = {"done": True}
        else:
            step = stream.advance()
    except BaseException as error:  # noqa: BLE001 - the border to the generator's code
        fail(call, error)
    else:
        call.succeed(step)
    finally:
        stream.current = None


async def run_steps(stream: OwnStream, fail: Fail) -> None:
    """Run the steps that wait, in a task that is the stream's `place`; leave when there are none.

    None in place of a call closes the generator. Raises what its last lines raise then.
    """
    try:
        while stream.steps:
            call = stream.steps.popleft()
            if call is None:
                await _closed(stream)
            elif stream.is_async:
                await _run_async(stream, call, fail)
            else:
                run_step(stream, call, fail)
    finally:
        stream.place = None


async def _run_async(stream: OwnStream, call: IncomingCall, fail: Fail) -> None:
    if not _begins(stream, call):
        return
    call.work = stream.place
    try:
        if call.label == RETURN:
            await stream.aclose()
            step: Any = {"done": True}
        else:
            step = await stream.advance_async()
    except BaseException as error:  # noqa: BLE001 - the border to the generator's code
        fail(call, error)
    else:
        call.succeed(step)
    finally:
        # A cancel that comes now must not meet the step after this one.
        call.work = stream.current = None


def _begins(stream: OwnStream, call: IncomingCall) -> bool:
    if call.is_cancelled or (stream.is_abandoned and call.label != RETURN):
        call.end_cancelled()
        return False
    CALL.set(call)
    stream.current = call
    return True


def close_stream(stream: OwnStream) -> None:
    """Close a plain generator from which nobody draws any more."""
    if not stream.is_over:
        stream.close()


async def _closed(stream: OwnStream) -> None:
    if stream.is_async and not stream.is_over:
        await stream.aclose()
    else:
        close_stream(stream)

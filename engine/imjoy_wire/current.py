"""Which call is being run here, for the code that runs in it.

Whoever runs a call sets `CALL` in its context. Tasks inherit it, and so do jobs of an executor that
copies the context.
"""

from __future__ import annotations

import contextlib
import contextvars
from typing import Any, Callable, Iterator, Optional, Union

from .calls import IncomingCall
from .host import ScriptRequest

__all__ = ["CALL", "current_call", "interrupted_by", "is_cancelled", "report"]

CALL: contextvars.ContextVar[Union[IncomingCall, ScriptRequest, None]] = contextvars.ContextVar(
    "imjoy_call", default=None
)
"""The call, or the script, that is being run; both know their `sender`."""


def current_call() -> Optional[IncomingCall]:
    """Return the call that is being run; None outside of any."""
    running = CALL.get()
    return running if isinstance(running, IncomingCall) else None


@contextlib.contextmanager
def interrupted_by(wake: Callable[[], object]) -> Iterator[None]:
    """Have `wake` called, from any thread, when the call that is being run here is cancelled.

    At once if it is already; nothing happens outside of a call. The wait that it ends is for the
    block to notice.
    """
    call = current_call()
    if call is None:
        yield
        return
    call.interrupt = wake
    try:
        if call.is_cancelled:
            wake()
        yield
    finally:
        call.interrupt = None


def is_cancelled() -> bool:
    """Tell whether the caller of the call that is being run waits no more for it."""
    call = current_call()
    return call is not None and call.is_cancelled


def report(*values: Any) -> None:
    """Tell the caller of the call that is being run how far it is, if it has asked to be told.

    Costs next to nothing when it has not. Raises UnsupportedValueError, naming the value that
    cannot be sent.
    """
    call = current_call()
    if call is not None and call.is_listened_to:
        call.report(values)

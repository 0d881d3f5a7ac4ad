"""The part of `api.utils` that is local: what native plugins have always found there."""

import functools
import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any, Callable, Dict, Optional, Sequence

__all__ = ["LOCAL_TOOLS"]

Function = Callable[..., Any]


def kill(process: Any) -> None:
    """End a child process and all of its group: a `subprocess.Popen`, or a process id."""
    pid = process if isinstance(process, int) else process.pid
    try:
        group = os.getpgid(pid)
        if group != os.getpgrp():
            os.killpg(group, signal.SIGKILL)
        else:
            os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    if isinstance(process, subprocess.Popen):
        process.wait()


def ndarray(data: Any, shape: Optional[Sequence[int]] = None, dtype: Optional[str] = None) -> Any:
    """Return an array that travels as one: numpy's if that is loaded, else its form on the wire."""
    numpy = sys.modules.get("numpy")
    if numpy is None:
        form = {"_rtype": "ndarray", "_rvalue": bytes(data), "_rdtype": dtype or "uint8"}
        return {**form, "_rshape": list(shape) if shape is not None else [len(form["_rvalue"])]}
    array = (
        numpy.frombuffer(data, dtype or "uint8") if _is_buffer(data) else numpy.array(data, dtype)
    )
    return array if shape is None else array.reshape(tuple(shape))


def _is_buffer(data: Any) -> bool:
    return isinstance(data, (bytes, bytearray, memoryview))


def debounce(secs: float) -> Callable[[Function], Function]:
    """Return a decorator: of calls within `secs` seconds only the first is made."""

    def decorate(function: Function) -> Function:
        last: Dict[str, float] = {}

        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            now = time.monotonic()
            if "at" in last and now - last["at"] < secs:
                return None
            result = function(*args, **kwargs)
            last["at"] = time.monotonic()
            return result

        return wrapped

    return decorate


def set_interval(interval: float) -> Callable[[Function], Callable[..., threading.Event]]:
    """Return a decorator: a call starts a thread that calls every `interval` seconds.

    The call returns an event; set it to stop.
    """

    def decorate(function: Function) -> Callable[..., threading.Event]:
        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> threading.Event:
            stopped = threading.Event()

            def repeat() -> None:
                while not stopped.wait(interval):
                    function(*args, **kwargs)

            threading.Thread(target=repeat, daemon=True).start()
            return stopped

        return wrapped

    return decorate


LOCAL_TOOLS: Dict[str, Function] = {
    "kill": kill,
    "ndarray": ndarray,
    "debounce": debounce,
    "set_interval": set_interval,
}

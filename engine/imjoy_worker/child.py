"""A process beside the worker, in which plain functions compute. The worker's side: `processes`.

It runs the plugin's scripts under the same module name, so that functions and classes are found by
their names, and then one call after the other. It ends when the worker does.
"""

import os
import queue
import signal
import socket
import sys
import threading
from types import ModuleType
from typing import Any, List

from imjoy_wire.forms import encode_error

from . import modules, pickles, stdio, tracebacks
from .child_api import ChildApi
from .loader import MODULE_NAME, Loader
from .scripts import read_record

__all__ = ["become_plugin", "main"]


def become_plugin(module: ModuleType) -> ChildApi:
    """Run the plugin's scripts in this module. Raises RuntimeError when one fails."""
    record = read_record()
    api = ChildApi(record.values, record.config)
    modules.install(api)
    loader = Loader({"api": api}, module=module)
    for code in record.scripts:
        error = loader.run(code)
        if error is not None:
            raise RuntimeError("The plugin's script failed in another process.\n" + error)
    api.is_loading = False
    return api


def main(handle: int) -> None:
    """Answer the worker at the other end of this socket until it hangs up."""
    # A person who interrupts the plugin means the worker, and we end with it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stdio.prepare()
    stdio.let_libraries_print_by_the_line()
    channel = socket.socket(fileno=handle)
    jobs: "queue.SimpleQueue[Any]" = queue.SimpleQueue()
    sys.path[:] = pickles.unpacked(pickles.receive(channel))
    sys.argv[:] = [""]
    threading.Thread(target=_read, args=(channel, jobs), daemon=True).start()
    failure: List[BaseException] = []
    tell = _Teller(channel)
    try:
        become_plugin(ModuleType(MODULE_NAME)).report = tell
    except Exception as error:  # noqa: BLE001 - the border to the plugin's code: each call is told
        failure.append(error)
    while True:
        job = jobs.get()
        tell.is_heard = bool(job.pop(0))
        reply = _reply(job, failure)
        tell.is_heard = False
        stdio.flush()
        pickles.send(channel, reply)


class _Teller:
    """`api.report` of a function that runs here, while its caller listens."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self.is_heard = False

    def __call__(self, *values: Any) -> None:
        if self.is_heard:
            # Nothing in front: a reply begins with its pickle.
            pickles.send(self._channel, [b"", *pickles.packed(values)])


def _read(channel: socket.socket, jobs: Any) -> None:
    """Hand every job on; leave at once when the worker has ended, whatever is being computed."""
    try:
        while True:
            jobs.put(pickles.receive(channel))
    except (EOFError, OSError):
        os._exit(0)


def _reply(job: pickles.Parts, failure: List[BaseException]) -> pickles.Parts:
    try:
        if failure:
            raise failure[0]
        function, args, kwargs = pickles.unpacked(job)
        job.clear()
        result = function(*args, **kwargs)
        del args, kwargs
        name = getattr(function, "__qualname__", str(function))
        return _packed_result(result, name)
    except BaseException as error:  # noqa: BLE001 - the border to the plugin's code
        return _packed_error(tracebacks.trimmed(error))


def _packed_result(result: Any, name: str) -> pickles.Parts:
    try:
        return pickles.packed((True, result))
    except Exception as error:  # noqa: BLE001 - whatever a class raises when it is pickled
        raise pickles.UnsendableToProcessError(
            "{} ran in a process, and its result ({}) cannot be sent from there: {}".format(
                name, type(result).__name__, error
            )
        ) from None


def _packed_error(error: BaseException) -> pickles.Parts:
    told = encode_error(error)
    try:
        parts = pickles.packed((False, told, error))
        pickles.unpacked(parts)  # some can be written but not read again
    except Exception:  # noqa: BLE001 - as above
        return pickles.packed((False, told, None))
    return parts

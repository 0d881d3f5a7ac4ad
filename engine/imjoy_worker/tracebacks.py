"""Errors of a plugin's code without our own lines in them."""

import importlib
import os
import sys
import traceback
from types import TracebackType
from typing import List, Optional, Set

import imjoy_wire
from imjoy_wire.errors import RemoteError

__all__ = ["read_ahead", "report", "report_whole", "text_of", "trimmed"]

_OURS = tuple(os.path.dirname(str(path)) + os.sep for path in (__file__, imjoy_wire.__file__))


def read_ahead() -> None:
    """Import what Python imports when it writes a traceback: by then files may have run out."""
    if sys.version_info >= (3, 11):
        importlib.import_module("ast")


def _is_ours(filename: str) -> bool:
    return filename.startswith(_OURS)


def _without_ours(trace: Optional[TracebackType]) -> Optional[TracebackType]:
    kept: List[TracebackType] = []
    while trace is not None:
        if not _is_ours(trace.tb_frame.f_code.co_filename):
            kept.append(trace)
        trace = trace.tb_next
    following: Optional[TracebackType] = None
    for entry in reversed(kept):
        following = TracebackType(following, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    return following


def trimmed(error: BaseException) -> BaseException:
    """Return the error itself, our own lines taken out of its traceback and those of its causes."""
    seen: Set[int] = set()
    found: List[Optional[BaseException]] = [error]
    while found:
        one = found.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        one.__traceback__ = _without_ours(one.__traceback__)
        found += [one.__cause__, one.__context__]
    return error


def text_of(error: BaseException) -> str:
    """Return the error as Python prints it, with the plugin's lines only."""
    trimmed(error)
    if isinstance(error, RemoteError) and error.trace and error.__traceback__ is None:
        return error.trace if error.trace.endswith("\n") else error.trace + "\n"
    return "".join(traceback.format_exception(type(error), error, error.__traceback__))


def report_whole(error: BaseException, where: str) -> None:
    """Print an error with every line of it: it is not the plugin's."""
    lines = traceback.format_exception(type(error), error, error.__traceback__)
    sys.stderr.write("Error in {}\n{}".format(where, "".join(lines)))


def report(error: BaseException, where: str) -> None:
    """Print an error that has nowhere else to go; `where` ends its first line."""
    sys.stderr.write("Error in {}\n{}".format(where, text_of(error)))

"""The forms of single values: exceptions, moments in time, files.

    {"_rtype": "error", "_rvalue": message, "_rname": type, "_rtrace": traceback, "_rcause": error}
    {"_rtype": "datetime", "_rvalue": ISO 8601; without a "T" it is a date}
    {"_rtype": "file" | "blob", "_rvalue": bytes, "_rname": name, "_rmime": type, "_rpath": path}

An end that knows imjoy-rpc only reads `_rvalue` of an error and passes over the rest.
"""

from __future__ import annotations

import datetime
import io
import traceback
from typing import Any, Dict, Optional, Union

from .errors import CallCancelledError, DialectError, RemoteError, UnsupportedValueError

__all__ = [
    "File",
    "decode_datetime",
    "decode_error",
    "decode_file",
    "encode_datetime",
    "encode_error",
    "encode_file",
    "encode_in_short",
]

CANCELLED = "CancelledError"
MAX_CAUSES = 8
MAX_TRACE_CHARS = 64 * 1024
MAX_SHORT_CHARS = 1000


class File(io.BytesIO):
    """A file in memory that travels as one, in both directions; JavaScript knows it as `File`.

    `name` is the file's name, `mime` its media type, `path` where its sender had it; each may be
    empty.
    """

    def __init__(self, data: bytes = b"", name: str = "", mime: str = "", path: str = "") -> None:
        super().__init__(data)
        self.name = name
        self.mime = mime
        self.path = path


def encode_file(file: File) -> Dict[str, Any]:
    """Return the form of a file: all its bytes, wherever it stands."""
    return {
        "_rtype": "file",
        "_rvalue": file.getvalue(),
        "_rname": file.name,
        "_rmime": file.mime,
        "_rpath": file.path,
    }


def decode_file(tree: Dict[str, Any]) -> File:
    """Return the file, standing at its start. Raises DialectError."""
    value = tree.get("_rvalue")
    if isinstance(value, str):
        value = value.encode("utf-8", "surrogatepass")
    if not isinstance(value, (bytes, bytearray, memoryview)):
        raise DialectError("a file without bytes")
    labels = [tree.get(key) for key in ("_rname", "_rmime", "_rpath")]
    return File(bytes(value), *(label if isinstance(label, str) else "" for label in labels))


def encode_datetime(moment: Union[datetime.datetime, datetime.date]) -> Dict[str, Any]:
    """Return the form of a date, or of a date and time with its offset if it has one.

    Raises UnsupportedValueError for a moment that is none, such as pandas' NaT.
    """
    if moment != moment:
        raise UnsupportedValueError(type(moment).__name__, "a moment that is none cannot be sent")
    # Subclasses write nanoseconds, which nobody else reads.
    is_date = not isinstance(moment, datetime.datetime)
    base = datetime.date if is_date else datetime.datetime
    return {"_rtype": "datetime", "_rvalue": base.isoformat(moment)}


def decode_datetime(tree: Dict[str, Any]) -> Union[datetime.datetime, datetime.date]:
    """Return the moment; one with a `Z` is in UTC. Raises DialectError."""
    text = tree.get("_rvalue")
    if not isinstance(text, str) or len(text) > 64:
        raise DialectError("a datetime that is not a text")
    try:
        if len(text) == 10:
            return datetime.date.fromisoformat(text)
        return datetime.datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith("Z") else text)
    except ValueError as error:
        raise DialectError(f"not a moment that Python knows: {text}") from error


def encode_error(error: BaseException, causes: int = MAX_CAUSES) -> Dict[str, Any]:
    """Return the form of an exception, with its cause within.

    Its traceback is that which Python prints: those of its causes are in it.
    """
    summary = traceback.TracebackException(type(error), error, error.__traceback__)
    name, trace = type(error).__name__, _trace_of(error, summary)
    if isinstance(error, RemoteError):
        name, trace = error.name, "\n".join(part for part in (error.trace, trace) if part)
    # str(summary) is the message even when the exception's own __str__ fails.
    tree = {"_rtype": "error", "_rvalue": str(summary), "_rname": name}
    if trace:
        tree["_rtrace"] = trace[-MAX_TRACE_CHARS:]
    cause = _cause(error)
    if cause is not None and causes > 0:
        return {**tree, "_rcause": encode_error(cause, causes - 1)}
    return dict(tree)


def _trace_of(error: BaseException, summary: traceback.TracebackException) -> str:
    if error.__traceback__ is None:
        return ""
    # The trace of a remote error tells of the remote cause already.
    is_told = isinstance(error, RemoteError) and error.__cause__ is error.cause
    try:
        return "".join(summary.format(chain=not is_told))
    except RecursionError:  # Python 3.9 and before, for hundreds of causes
        return "".join(summary.format(chain=False))


def encode_in_short(error: BaseException) -> Dict[str, Any]:
    """Return the form of an exception by its type and the beginning of its message alone."""
    tree = encode_error(error, causes=0)
    message, name = tree["_rvalue"][:MAX_SHORT_CHARS], tree["_rname"][:MAX_SHORT_CHARS]
    return {"_rtype": "error", "_rvalue": message, "_rname": name}


def _cause(error: BaseException) -> Optional[BaseException]:
    if error.__cause__ is not None or error.__suppress_context__:
        return error.__cause__
    return error.__context__


def decode_error(tree: Dict[str, Any], causes: int = MAX_CAUSES) -> RemoteError:
    """Return the exception to raise in place of the remote one, whatever is missing of it.

    JavaScript writes a message as "name: message"; with the name beside it, that part goes.
    """
    value, name, trace = tree.get("_rvalue"), tree.get("_rname"), tree.get("_rtrace")
    cause = tree.get("_rcause")
    message = value if isinstance(value, str) else "" if value is None else repr(value)
    if isinstance(name, str) and message.startswith(f"{name}: "):
        message = message[len(name) + 2 :]
    kind = CallCancelledError if name == CANCELLED else RemoteError
    return kind(
        message,
        name if isinstance(name, str) else "Error",
        trace if isinstance(trace, str) else "",
        decode_error(cause, causes - 1) if isinstance(cause, dict) and causes > 0 else None,
    )

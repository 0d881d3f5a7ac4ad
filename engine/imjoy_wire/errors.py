"""Every error of the wire, drawn as a tree; the second level says whose fault it was.

WireError
├── LocalWireError               ours: what we were asked to send cannot be sent
│   ├── UnsupportedValueError    a value has no form on the wire; names the way to it
│   └── UnsendableFrameError     a frame over the limits of its own format
└── RemoteWireError              the peer's: what arrived is malformed; close its channel
    ├── FrameError               not a frame: magic, version, header
    │   └── FrameTooLargeError   a frame that announces more than we are ready to hold
    └── CodecError               a body that is not tagged JSON, or is over its limits
        └── DialectError         a tree whose `_rtype` form is malformed

RemoteError                      not of this tree: what the other end's own code raised
├── PeerGoneError                it left before it answered
├── CallCancelledError           it was cancelled there
└── CallTimeoutError             it did not answer in time, and has been cancelled
"""

from __future__ import annotations

from typing import Any, List, Mapping, Optional, Sequence

__all__ = [
    "CallCancelledError",
    "CallTimeoutError",
    "CodecError",
    "DialectError",
    "FrameError",
    "FrameTooLargeError",
    "LocalWireError",
    "PeerGoneError",
    "RemoteError",
    "RemoteWireError",
    "UnsendableFrameError",
    "UnsupportedValueError",
    "WireError",
]

MAX_STEPS_SHOWN = 6
MAX_LAST_LINES = 10


class WireError(Exception):
    """Say what is wrong with a frame, a body or a value."""


class LocalWireError(WireError):
    """Say why this end cannot send what it was asked to send."""


class UnsendableFrameError(LocalWireError):
    """Say which limit of the frame format a frame of ours exceeds."""


class UnsupportedValueError(LocalWireError):
    """Say which value cannot be sent, by the way that leads to it, and why.

    `steps` runs from the outermost container to the value ("argument 2", "key 'image'"); the
    encoder adds to its front while the error passes upwards. `type_name` is the value's type.
    """

    def __init__(self, type_name: str, reason: str = "") -> None:
        super().__init__(type_name, reason)
        self.type_name = type_name
        self.reason = reason
        self.steps: List[str] = []

    def within(self, step: str) -> None:
        """Put one more container in front of the way to the value."""
        self.steps.insert(0, step)

    @property
    def path(self) -> str:
        """The way to the value in words, the middle left out when it is long; may be empty."""
        steps = self.steps
        if len(steps) > MAX_STEPS_SHOWN:
            half = MAX_STEPS_SHOWN // 2
            steps = [*steps[:half], "...", *steps[-half:]]
        return ", ".join(steps)

    def __str__(self) -> str:
        reason = self.reason or f"a value of type {self.type_name} cannot be sent"
        return f"{self.path}: {reason}" if self.steps else reason


class RemoteWireError(WireError):
    """Say what is malformed in what the peer sent."""


class FrameError(RemoteWireError):
    """Say why these bytes are not a frame."""


class FrameTooLargeError(FrameError):
    """Say which size the frame announces and which limit that exceeds."""


class CodecError(RemoteWireError):
    """Say why a body is not tagged JSON within its limits."""


class DialectError(CodecError):
    """Say which form of the dialect is malformed."""


class RemoteError(Exception):
    """Raise here what the other end's code raised there.

    `str()` is the remote message; `name` the remote type's name, "Error" when unknown; `trace` the
    remote traceback as text, as Python prints it, with those of its causes; empty when unknown;
    `cause` the remote cause, also `__cause__`.
    """

    def __init__(
        self,
        message: str = "",
        name: str = "Error",
        trace: str = "",
        cause: Optional[RemoteError] = None,
    ) -> None:
        super().__init__(message)
        self.name = name
        self.trace = trace
        self.cause = cause
        self.__cause__ = cause


class CallCancelledError(RemoteError):
    """Say that a call was cancelled where it ran; whoever cancels a call himself is not told so."""


class CallTimeoutError(RemoteError, TimeoutError):
    """Say that a call had no answer within the time its caller gave it; it has been cancelled."""

    def __init__(self, label: str, timeout_s: float) -> None:
        super().__init__(f"{label} has not answered within {timeout_s:g} s", "CallTimeoutError")
        self.label = label
        self.timeout_s = timeout_s

    def __reduce__(self) -> Any:
        return CallTimeoutError, (self.label, self.timeout_s)


class PeerGoneError(RemoteError):
    """Say why nobody answers a call any more, with the last lines that the other end printed.

    `code` is stable, `hint` says what to do next; `exit_code` and `signal` are those of its process
    when it was one and it ended.
    """

    def __init__(self, message: str, peer_id: str = "", last_lines: Sequence[str] = ()) -> None:
        self.last_lines = list(last_lines)[-MAX_LAST_LINES:]
        text = message
        if self.last_lines:
            text = "\n    ".join([f"{message} Its last lines:", *self.last_lines])
        super().__init__(text, "PeerGoneError")
        self.peer_id = peer_id
        self.code = "peer-gone"
        self.hint = ""
        self.exit_code: Optional[int] = None
        self.signal: Any = None

    @classmethod
    def because(cls, peer_id: str, reason: Mapping[str, Any]) -> PeerGoneError:
        """Return the error for the `reason` of a `peer_gone` or `undeliverable` frame."""
        message = reason.get("message") or f"The other end ({peer_id}) has left."
        lines = reason.get("last_lines")
        known_lines = [str(line) for line in lines] if isinstance(lines, (list, tuple)) else []
        error = cls(str(message), peer_id, known_lines)
        error.code = str(reason.get("code") or error.code)
        error.hint = str(reason.get("hint") or "")
        exit_code = reason.get("exit_code")
        error.exit_code = exit_code if isinstance(exit_code, int) else None
        error.signal = reason.get("signal")
        return error

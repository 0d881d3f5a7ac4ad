"""What a peer asks of the process that it lives in."""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional

from . import messages
from .calls import IncomingCall
from .messages import Message
from .streams import OwnStream

try:
    from typing import Protocol
except ImportError:  # Python 3.7, which is not promised but costs nothing
    Protocol = object  # type: ignore[assignment]

__all__ = ["Host", "ScriptRequest", "Settleable"]


class Settleable(Protocol):
    """What a caller gets to wait on; made by the process that the peer lives in.

    Settled once, by one of the two methods, from the thread that hands messages to the peer, or
    where the host's `after_reports` does so.
    """

    def resolve(self, value: Any) -> None:
        """Let whoever waits have the value."""
        ...

    def reject(self, error: BaseException) -> None:
        """Raise the error where somebody waits."""
        ...

    def expire_after(self, timeout_s: float) -> None:
        """Settle with CallTimeoutError, and cancel the call, when so much time has passed."""
        ...


class ScriptRequest:
    """A script that another peer wants run here; answered once, by `done`."""

    __slots__ = ("_answer", "code", "sender")

    def __init__(
        self, sender: str, code: Dict[str, Any], answer: Callable[[Message], None]
    ) -> None:
        self.sender = sender
        self.code = code
        self._answer = answer

    def done(self, error: Optional[str] = None) -> None:
        """Say that the script has run, or why it has not, in words for a person."""
        self._answer(messages.executed(error))


class Host(Protocol):
    """What a peer needs of the process it lives in. No method may block for long."""

    def send(self, to: str, message: Message) -> None:
        """Put a message on its way. Raises LocalWireError when it cannot be written."""
        ...

    def new_promise(self, label: str, key: str = "") -> Settleable:
        """Return what a caller of the function that the label names will wait on.

        When it is given up, it is settled and the peer's `cancel(key)` is called.
        """
        ...

    def run_call(self, call: IncomingCall) -> None:
        """Have a call run, soon and elsewhere, and answered."""
        ...

    def after_reports(self, callback_id: str, settle: Callable[[], None]) -> None:
        """Have the answer of a call settled when what hears of its progress has heard all of it.

        `callback_id` is that of the listener, whose calls this is to come behind.
        """
        ...

    def cancel_call(self, call: IncomingCall) -> None:
        """Have a call, which has just been marked as cancelled, end soon, or never begin."""
        ...

    def run_step(self, call: IncomingCall, stream: OwnStream) -> None:
        """Have a step of a generator run after those before it, and answered: see `steps`."""
        ...

    def end_stream(self, stream: OwnStream) -> None:
        """Have a generator closed, after the step that runs: nobody draws from it any more."""
        ...

    def soon(self, function: Callable[[], None]) -> None:
        """Have a function called soon. The garbage collector asks for it, in any thread."""
        ...

    def run_script(self, request: ScriptRequest) -> None:
        """Have a script run, soon and elsewhere, and answered."""
        ...

    def heard(self, sender: str, kind: str, message: Message) -> None:
        """Take note of a message, not of a call, that the peer itself has dealt with."""
        ...

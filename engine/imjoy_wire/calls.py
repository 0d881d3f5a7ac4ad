"""A call that another peer makes of a function of ours."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from . import messages
from .errors import CallCancelledError, DialectError, LocalWireError
from .forms import CANCELLED, encode_in_short
from .messages import CallRequest, Message
from .passage import Keeper, Passage
from .plain import PlainMessage, are_plain_values
from .values import decode, encode, encode_arguments

try:
    from typing import Protocol
except ImportError:  # Python 3.7, which is not promised but costs nothing
    Protocol = object  # type: ignore[assignment]

__all__ = ["IncomingCall", "Replier"]


class Replier(Keeper, Protocol):
    """The peer as an incoming call sees it."""

    def send_answer(self, to: str, message: Message) -> None:
        """Send an answer. Raises LocalWireError when it cannot be."""
        ...

    def callbacks_outlive(self, callback_ids: List[str], holder: str) -> None:
        """Take note of callbacks that no call keeps alive."""
        ...


class IncomingCall:
    """A call that another peer makes of a function of ours, and its answer.

    Whoever runs it takes the `arguments`, calls the `function` with them and reports with `succeed`
    or `fail`, from any thread; the first report counts. The arguments should be gone by then: what
    of them is still referred to counts as kept.

    Its caller may cancel it. What then becomes of it is the business of whoever runs it; its answer
    is that it was cancelled, whatever it returns.
    """

    __slots__ = (
        *("_peer", "_request", "_running", "function", "label", "sender"),
        *("interrupt", "is_cancelled", "work"),
    )

    def __init__(
        self,
        peer: Replier,
        sender: str,
        function: Callable[..., Any],
        request: CallRequest,
        running: Dict[Any, IncomingCall],
    ) -> None:
        """`running` holds the calls of this sender that have not been answered."""
        self._peer = peer
        self._request = request
        self._running = running
        self.sender = sender
        self.function = function
        self.is_cancelled = False
        """Whether the caller waits no more."""
        self.work: Any = None
        """What runs it, for whoever does."""
        self.interrupt: Optional[Callable[[], object]] = None
        """Wakes the thread in which the call waits for something, if it does."""
        if request.promise is not None:
            running[request.promise[0]["_rvalue"]] = self
        self.label = str(request.name) if request.object_id is not None else _name_of(function)

    @property
    def callback_id(self) -> Optional[Any]:
        """The id of the callback that is called; None for a method."""
        return self._request.name if self._request.object_id is None else None

    @property
    def object_id(self) -> Optional[str]:
        """The id of the object whose method is called; None for a callback."""
        return self._request.object_id

    @property
    def is_awaited(self) -> bool:
        """Whether the caller wants an answer; an error goes nowhere otherwise."""
        return self._request.promise is not None

    @property
    def answer_reference(self) -> Optional[Dict[str, Any]]:
        """Where the result goes, as it came over the wire; None when nobody waits."""
        return self._request.promise[0] if self._request.promise is not None else None

    @property
    def is_listened_to(self) -> bool:
        """Whether the caller wants to hear how far it is, and still waits."""
        request = self._request
        if request.progress is None or request.promise is None or self.is_cancelled:
            return False
        return request.promise[0]["_rvalue"] in self._running

    def report(self, values: Sequence[Any]) -> None:
        """Tell the caller how far it is. Raises LocalWireError for what cannot be sent."""
        reference = self._request.progress
        if reference is None or not self.is_listened_to:
            return
        to = reference.get("_rtarget_id") or self.sender
        passage = Passage(self._peer, to)
        trees = encode_arguments(values, {}, passage)
        passage.commit(to)
        self._peer.send_answer(to, messages.callback(to, reference["_rvalue"], trees, False))

    def arguments(self) -> Tuple[List[Any], Dict[str, Any]]:
        """Return the decoded arguments, positional and by keyword. Raises DialectError.

        May run code of the plugin: the decoders of its own codecs.
        """
        args = decode(self._request.args, Passage(self._peer, self.sender))
        # What was asked for is answered from here on without them.
        self._request.args.clear()
        if self._request.with_kwargs:
            kwargs = args.pop() if args else None
            if not isinstance(kwargs, dict) or not all(isinstance(key, str) for key in kwargs):
                raise DialectError("the keyword arguments are not a dict with names")
        elif args and isinstance(args[-1], dict) and dict.get(args[-1], "_rkwargs"):
            kwargs = args.pop()
        else:
            return args, {}
        # Of a remote object `get` and `items` may be its own functions.
        return args, {key: value for key, value in dict.items(kwargs) if key != "_rkwargs"}

    def succeed(self, value: Any) -> None:
        """Send the result, or why it cannot be sent."""
        if self._request.promise is None:
            return
        if self.is_cancelled:
            self.end_cancelled()
            return
        try:
            self._answer(0, value)
        except Exception as error:  # noqa: BLE001 - a codec of the plugin's may raise anything
            self.fail(error)

    def fail(self, error: BaseException) -> None:
        """Send the exception, with its type, message, traceback and cause.

        Of one that cannot be sent, for its size or its codec, go type and beginning.
        """
        if self._request.promise is None:
            return
        try:
            self._answer(1, error)
        except Exception:  # noqa: BLE001 - as above; whoever waits must hear something
            self._answer(1, error, in_short=True)

    def end_cancelled(self) -> None:
        """Send that it was cancelled."""
        self.fail(CallCancelledError(f"{self.label} was cancelled", CANCELLED))

    def _answer(self, index: int, value: Any, in_short: bool = False) -> None:
        promise = self._request.promise
        if promise is None:
            return
        if promise[0]["_rvalue"] not in self._running:
            return  # it has been answered
        reference = promise[index]
        to = reference.get("_rtarget_id") or self.sender
        callback_ids: List[str] = []
        if in_short:
            message = messages.answer(reference, encode_in_short(value))
        else:
            message, callback_ids = self._encoded_answer(reference, to, value)
        try:
            self._peer.send_answer(to, message)
        except LocalWireError:
            self._peer.store.release(callback_ids, to)
            raise
        self._running.pop(promise[0]["_rvalue"], None)
        if not self._request.says_releases:
            self._peer.callbacks_outlive(callback_ids, to)

    def _encoded_answer(self, reference: Any, to: str, value: Any) -> Tuple[Message, List[str]]:
        """Return the answer and the ids of the callbacks in it, which are kept from now on."""
        if not self._peer.codecs and are_plain_values((value,)):
            return PlainMessage(messages.answer(reference, value)), []
        passage = Passage(self._peer, to)
        tree = encode(value, passage)
        return messages.answer(reference, tree), passage.commit(to)


def _name_of(function: Callable[..., Any]) -> str:
    name = getattr(function, "__qualname__", None)
    return name if isinstance(name, str) else type(function).__name__

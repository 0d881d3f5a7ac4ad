"""The messages of the dialect (imjoy-rpc API 0.2.3), built and read; their values: `values`.

    greeting     imjoyRPCReady {config, peer_id} · initialize {config}
                 initialized {config, peer_id}
    interfaces   getInterface · setInterface {api} · interfaceSetAsRemote
    scripts      execute {code} · executed {error?}
    calls        method {target_id, object_id, name, args, with_kwargs, promise?}
                 callback {target_id, id, args, with_kwargs, promise?}; an answer is a `callback`
                 too, with one of the two ids that the call's `promise` named
                 cancel {target_id, call}
    objects      disposeObject {object_id} · disposed {object_id?, error?} · released {released}
    the rest     log {message} · error {message} · disconnect

`cancel` is ours: the caller waits no more for the call whose `promise` began with this id.
`progress` in a call, ours too, names the function that is told how far it is; it is called like
any callback, and nobody waits for that. An end that has never heard of the two passes over them.

`released` is ours: a list of ids of callbacks and objects that the sender no longer holds. Calls
and answers carry it too, empty or not, and so tell that the sender does say when it lets go of
something. An end that has never heard of it passes over it. `object_id` in `disposed` is ours as
well: the original has no way to tell two answers apart but their order.
"""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from .errors import DialectError

__all__ = [
    "API_VERSION",
    "CALLS",
    "INTERFACE_NAMES",
    "CallRequest",
    "Message",
    "answer",
    "call_request",
    "callback",
    "cancel",
    "cancelled_call",
    "configuration",
    "dispose_object",
    "disposed",
    "execute",
    "executed",
    "method",
    "released_ids",
    "simple",
    "text_of",
    "type_of",
]

API_VERSION = "0.2.3"

INTERFACE_NAMES = frozenset({"register", "registerService", "register_service", "export", "on"})
"""Functions whose arguments outlive the call: a function among them is sent as a member of an
interface, which an original end may call as often as it likes, and not as a callback."""

CALLS = frozenset({"method", "callback", "cancel"})
"""Messages about a single call, for which nobody waits by their type."""

MAX_RELEASED = 100_000

Message = Dict[str, Any]
Reference = Dict[str, Any]


class CallRequest(NamedTuple):
    """A `method` or `callback` message, checked; its values are still encoded."""

    object_id: Optional[str]
    """Whose method is called; None when a callback is."""
    name: Any
    """The method's path, or the callback's id as its owner chose it."""
    args: List[Any]
    with_kwargs: bool
    promise: Optional[Tuple[Reference, Reference]]
    """Where the result and where the error go; None when nobody waits."""
    progress: Optional[Reference]
    """Where it is told how far the call is; None when nobody listens."""
    says_releases: bool
    """The caller tells when it no longer holds something."""


def simple(kind: str, **fields: Any) -> Message:
    """Return a message that needs no more than its type and these fields."""
    fields["type"] = kind
    return fields


def method(
    target_id: str, object_id: str, name: str, args: List[Any], with_kwargs: bool
) -> Message:
    """Return a call of a method of an interface; the caller adds `promise`."""
    return {
        "type": "method",
        "target_id": target_id,
        "object_id": object_id,
        "name": name,
        "args": args,
        "with_kwargs": with_kwargs,
    }


def callback(target_id: str, callback_id: Any, args: List[Any], with_kwargs: bool) -> Message:
    """Return a call of a function that was an argument or a result; the caller adds `promise`."""
    return {
        "type": "callback",
        "target_id": target_id,
        "id": callback_id,
        "args": args,
        "with_kwargs": with_kwargs,
    }


def answer(reference: Reference, value: Any) -> Message:
    """Return the message that settles the promise behind a reference with an encoded value."""
    return callback(reference.get("_rtarget_id", ""), reference["_rvalue"], [value], False)


def cancel(target_id: str, call: Any) -> Message:
    """Return the message that a call is not waited for any more: the id of its `resolve`."""
    return {"type": "cancel", "target_id": target_id, "call": call}


def execute(content: str, filename: str, first_line: int, lang: str = "python") -> Message:
    """Return the message that has a script run; `first_line` is its line in `filename`, from 1."""
    code = {
        "type": "script",
        "content": content,
        "lang": lang,
        "attrs": {"lang": lang},
        "filename": filename,
        "first_line": first_line,
    }
    return {"type": "execute", "code": code}


def executed(error: Optional[str] = None) -> Message:
    """Return the answer to `execute`; an error is a text for a person."""
    return {"type": "executed"} if error is None else {"type": "executed", "error": error}


def dispose_object(target_id: str, object_id: str) -> Message:
    """Return the request to forget an exported object."""
    return {"type": "disposeObject", "target_id": target_id, "object_id": object_id}


def disposed(object_id: str, error: Optional[str] = None) -> Message:
    """Return the answer to `disposeObject`."""
    message = {"type": "disposed", "object_id": object_id}
    if error is not None:
        message["error"] = error
    return message


def type_of(message: Any) -> str:
    """Return the message's type. Raises DialectError when it has none."""
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise DialectError("not a message: it has no type")
    kind: str = message["type"]
    return kind


def call_request(message: Message) -> CallRequest:
    """Return what a `method` or `callback` message asks for. Raises DialectError."""
    object_id = None
    if message["type"] == "method":
        object_id, name = message.get("object_id"), message.get("name")
        if not isinstance(object_id, str) or not isinstance(name, str):
            raise DialectError("a method call without object_id or name")
    else:
        name = message.get("id")
        if not isinstance(name, (str, int)):
            raise DialectError("a callback without an id")
    args = message.get("args", [])
    if not isinstance(args, list):
        raise DialectError("the arguments of a call are not a list")
    promise, progress = message.get("promise"), message.get("progress")
    return CallRequest(
        object_id,
        name,
        args,
        bool(message.get("with_kwargs")),
        None if promise is None else _promise(promise),
        None if progress is None else _reference(progress),
        "released" in message,
    )


def _promise(promise: Any) -> Tuple[Reference, Reference]:
    if not isinstance(promise, list) or len(promise) != 2:
        raise DialectError("a promise that is not a pair")
    return _reference(promise[0]), _reference(promise[1])


def _reference(reference: Any) -> Reference:
    if not isinstance(reference, dict) or not isinstance(reference.get("_rvalue"), (str, int)):
        raise DialectError("a promise that does not name its functions")
    return reference


def cancelled_call(message: Message) -> Any:
    """Return the id of the call that a `cancel` is about. Raises DialectError."""
    call = message.get("call")
    if not isinstance(call, (str, int)):
        raise DialectError("a cancel that does not name its call")
    return call


def released_ids(message: Message) -> Sequence[str]:
    """Return the ids that the sender has let go of. Raises DialectError if they are no ids."""
    ids = message.get("released", ())
    if not ids:
        return ()
    if not isinstance(ids, list) or len(ids) > MAX_RELEASED:
        raise DialectError("released is not a list of ids")
    if not all(isinstance(object_id, str) for object_id in ids):
        raise DialectError("released holds something that is no id")
    return ids


def configuration(message: Message) -> Dict[str, Any]:
    """Return the `config` of a greeting; empty when there is none."""
    config = message.get("config")
    return config if isinstance(config, dict) else {}


def text_of(message: Message) -> str:
    """Return the text of a `log` or `error` message, whatever was put there."""
    text = message.get("message", "")
    return text if isinstance(text, str) else str(text)

"""The calls that are runs: their answers and their progress carry the run's id.

A caller marks its call as a run (frame header `run: {id}`); the engine then keeps the answer, for
whoever wants it later, and knows it by the mark that is put on it here.
"""

import threading
from typing import Any, Dict, Optional, Tuple

from imjoy_wire.calls import IncomingCall
from imjoy_wire.forms import CANCELLED
from imjoy_wire.messages import Message

__all__ = ["Runs"]

Key = Tuple[str, Any]
_MAX_WORDS = 300


class Runs:
    """The runs that have not been answered. Every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_answer: Dict[Key, Tuple[str, str, Tuple[Key, Key]]] = {}
        self._calls: Dict[str, IncomingCall] = {}

    def begin(self, sender: str, mark: Any, message: Message) -> None:
        """Take note of a call that is marked as a run."""
        run_id = mark.get("id") if isinstance(mark, dict) else None
        promise = message.get("promise")
        if not isinstance(run_id, str) or not isinstance(promise, list) or len(promise) != 2:
            return
        keys = (_key(promise[0], sender), _key(promise[1], sender))
        with self._lock:
            self._by_answer[keys[0]] = (run_id, "done", keys)
            self._by_answer[keys[1]] = (run_id, "failed", keys)

    def mark(self, to: str, message: Message) -> Optional[Dict[str, Any]]:
        """Return the mark of a message that answers a run, which is over then; None for others."""
        if not self._by_answer or message.get("type") != "callback":
            return None
        with self._lock:
            entry = self._by_answer.get((to, message.get("id")))
            if entry is None:
                return None
            run_id, state, keys = entry
            for key in keys:
                self._by_answer.pop(key, None)
            self._calls.pop(run_id, None)
        if state == "done":
            return {"id": run_id, "state": state}
        error = _error_in(message)
        if error.get("_rname") == CANCELLED:
            return {"id": run_id, "state": "cancelled"}
        if "_rvalue" not in error:
            return {"id": run_id, "state": state}
        words = "{}: {}".format(error.get("_rname"), error["_rvalue"])
        return {"id": run_id, "state": state, "error": words[:_MAX_WORDS]}

    def called(self, call: IncomingCall) -> None:
        """Take note of the call that a run is, if it is one."""
        run_id = self.id_of(call)
        if run_id is not None:
            self._calls[run_id] = call

    def call_of(self, run_id: Any) -> Optional[IncomingCall]:
        """Return the call that a run is; None when there is no such run (any more)."""
        return self._calls.get(run_id) if isinstance(run_id, str) else None

    def id_of(self, call: Optional[IncomingCall]) -> Optional[str]:
        """Return the id of the run that a call is; None for another."""
        if call is None or not self._by_answer or call.answer_reference is None:
            return None
        entry = self._by_answer.get(_key(call.answer_reference, call.sender))
        return None if entry is None else entry[0]


def _error_in(message: Message) -> Dict[str, Any]:
    """Return the form of the error that an answer is; empty when it is none."""
    args = message.get("args")
    value = args[0] if isinstance(args, list) and args else None
    return value if isinstance(value, dict) else {}


def _key(reference: Any, sender: str) -> Key:
    target = reference.get("_rtarget_id") if isinstance(reference, dict) else None
    value = reference.get("_rvalue") if isinstance(reference, dict) else None
    return str(target or sender), value if isinstance(value, (str, int)) else ""

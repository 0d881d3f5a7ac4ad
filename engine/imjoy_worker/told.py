"""Calls that only tell a client something: nobody waits for their answer.

A page that sleeps does not answer, and what is told it must not keep the plugin from its work. So
the caller's promise is fulfilled at once; that the call has arrived is watched here. Of what only
shows how far something is, the last call waits while earlier ones are unanswered.
"""

import contextvars
import threading
from typing import Callable, Dict, Tuple

from .clients import LAST_COUNTS
from .promise import Promise

__all__ = ["TOLD", "Told"]

TOLD = LAST_COUNTS | {"log", "error", "showMessage", "showSnackbar"}
"""Functions of the core that answer nothing."""
MAX_PROGRESS = 16
"""Calls of one of `LAST_COUNTS` on their way to one client; more are not sent, but the last."""
MAX_UNANSWERED = 1000
"""With more calls of one function on their way, the caller waits for the answer after all."""

Key = Tuple[str, str]


class Told:
    """What is on its way to the clients. Every method may be called from any thread."""

    def __init__(self, new_promise: Callable[[str], Promise]) -> None:
        self._new_promise = new_promise
        self._lock = threading.Lock()
        self._unanswered: Dict[Key, int] = {}
        self._latest: Dict[Key, Callable[[], Promise]] = {}

    def tell(self, path: str, client: str, send: Callable[[], Promise]) -> Promise:
        """Have `send` called, now or when there is room; return what the caller waits on."""
        key = (path, client)
        with self._lock:
            count = self._unanswered.get(key, 0)
            is_late = path in LAST_COUNTS and count >= MAX_PROGRESS
            if is_late:
                context = contextvars.copy_context()
                self._latest[key] = lambda: context.run(send)
            else:
                self._unanswered[key] = count + 1
        if is_late:
            return self.done(path)
        sent = self._send(key, send)
        return sent if count >= MAX_UNANSWERED else self.done(path)

    def _send(self, key: Key, send: Callable[[], Promise]) -> Promise:
        try:
            sent = send()
        except BaseException:
            self._answered(key)
            raise
        sent.when_settled(lambda: self._answered(key))
        return sent

    def _answered(self, key: Key) -> None:
        with self._lock:
            later = self._latest.pop(key, None)
            if later is None:
                count = self._unanswered.pop(key) - 1
                if count:
                    self._unanswered[key] = count
        if later is not None:
            _ = self._send(key, later)

    def done(self, path: str) -> Promise:
        """Return what a caller waits on that need not wait."""
        promise = self._new_promise(path)
        promise.resolve(None)
        return promise

"""Whether a script that has exported nothing may still do so, and telling those who wait for it.

A script may call `api.export` later: from a task, a timer, a thread, a function that it has handed
to somebody, or when an answer comes. As long as it has left anything of the kind, nobody can know.
When there is nothing, nothing will come.
"""

import asyncio
import threading
from typing import Any, Callable, Dict, Set

from imjoy_wire.peer import Peer

from .executors import PluginLoop

__all__ = ["ExportWatch"]

LOOK_S = 0.2
QUIET_LOOKS = 3
"""What is on its way between two threads, or between two scripts, is not seen by a single look."""

_YET = (
    "The script has run to its end without api.export(...). "
    "The plugin can be used as soon as it exports its functions."
)
_NEVER = (
    "The script has run to its end without api.export(...), "
    "and it has left nothing running that could call it."
)


class ExportWatch:
    """Looks on while clients wait for an interface. Its methods are for the plugin's loop.

    `has_run` tells whether the scripts have run and none does now. `tell` gets a client, a text and
    whether there is still hope.
    """

    def __init__(
        self,
        peer: Peer,
        loop: PluginLoop,
        has_run: Callable[[], bool],
        tell: Callable[[str, str, bool], None],
    ) -> None:
        self._peer = peer
        self._loop = loop
        self._has_run = has_run
        self._tell = tell
        self._waiting: Dict[str, bool] = {}
        """The clients, and whether each has been told that nothing has come yet."""
        self._quiet_looks = 0
        self._is_looking = False
        self._first_threads: Set[Any] = set()
        self._first_files = 0

    def begin(self) -> None:
        """Take note of what is there before the first script."""
        self._first_threads = set(threading.enumerate())
        self._first_files = len(self._loop.turns.get_map())

    def wanted_by(self, client: str) -> None:
        """Take note of a client that waits for the interface."""
        if self._peer.has_interface:
            return
        self._waiting[client] = False
        if not self._is_looking:
            self._is_looking = True
            self._quiet_looks = 0
            self._look()

    def gone(self, client: str) -> None:
        """Forget a client."""
        self._waiting.pop(client, None)

    def _look(self) -> None:
        if self._peer.has_interface:
            self._waiting.clear()
        if not self._waiting:
            self._is_looking = False
            return
        if self._has_run():
            self._quiet_looks = 0 if self._goes_on() else self._quiet_looks + 1
            if self._quiet_looks >= QUIET_LOOKS:
                self._say(_NEVER, is_last=True)
            elif self._quiet_looks == 0:
                self._say(_YET, is_last=False)
        self._loop.call_later(LOOK_S, self._look)

    def _say(self, text: str, *, is_last: bool) -> None:
        for client, knows in list(self._waiting.items()):
            if is_last:
                del self._waiting[client]
            elif knows:
                continue
            else:
                self._waiting[client] = True
            self._tell(client, text, not is_last)

    def _goes_on(self) -> bool:
        """Return whether anything is left that could export something."""
        loop, peer = self._loop, self._peer
        if peer.waiting or len(peer.store) or asyncio.all_tasks(loop):
            return True
        # No public way leads to the timers; a loop without them would be one that has none.
        timers = getattr(loop, "_scheduled", ())
        if any(not timer.cancelled() for timer in timers):
            return True
        if len(loop.turns.get_map()) > self._first_files:
            return True
        threads = set(threading.enumerate()) - self._first_threads
        return any(not thread.name.startswith("imjoy-") for thread in threads)

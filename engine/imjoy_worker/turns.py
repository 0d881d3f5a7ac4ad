"""Whether the plugin's loop turns, so that another thread may do its part while it does not.

The loop itself reads the link, which spares every call two changes of threads. A loop that runs a
plugin's code for long reads nothing meanwhile; then a thread does. That thread looks on, and sleeps
while the loop waits for something to happen: an idle plugin costs nothing.
"""

import selectors
import threading
from typing import Any, Callable, Optional

__all__ = ["PATIENCE_S", "Turns"]

PATIENCE_S = 0.01
"""How long a turn of the loop may take before somebody else does its part."""
QUIET_LOOKS = 20
"""After so many looks at a loop that waits, the onlooker sleeps until it turns again."""


class Turns(selectors.DefaultSelector):
    """The loop's selector, which counts the turns and knows whether the loop waits in it."""

    def __init__(self) -> None:
        super().__init__()
        self._count = 0
        self._is_waiting = False
        self._onlooker_sleeps = False
        self._stirred = threading.Event()

    def select(self, timeout: Optional[float] = None) -> Any:
        """Wait as any selector does; here a turn of the loop ends and the next begins."""
        self._is_waiting = True
        try:
            return super().select(timeout)
        finally:
            self._is_waiting = False
            self._count += 1
            if self._onlooker_sleeps:
                self.stir()

    def stir(self) -> None:
        """Have the onlooker look again now."""
        self._onlooker_sleeps = False
        self._stirred.set()

    def wait_until_stuck(self, is_over: Callable[[], bool]) -> int:
        """Return the number of a turn that takes long, or of any once `is_over`."""
        quiet = 0
        seen = -1
        while not is_over():
            if seen == self._count:
                if not self._is_waiting:
                    break
                quiet += 1
            else:
                quiet = 0
            seen = self._count
            if quiet > QUIET_LOOKS:
                self._sleep(seen)
                quiet = 0
            else:
                self._stirred.wait(PATIENCE_S)
            self._stirred.clear()
        return self._count

    def is_in(self, turn: int) -> bool:
        """Tell whether the loop is still in this turn, and busy."""
        return self._count == turn and not self._is_waiting

    def _sleep(self, seen: int) -> None:
        self._onlooker_sleeps = True
        if self._is_waiting and self._count == seen:  # else it may not see that we sleep
            self._stirred.wait()
        self._onlooker_sleeps = False

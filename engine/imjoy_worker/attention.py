"""Whether the plugin has anything to do, for the engine that asks before it stops an idle one."""

import time
from typing import Any, List, Set

__all__ = ["Attention"]


class Attention:
    """What is under way, and since when nothing is. From any thread."""

    def __init__(self) -> None:
        self._under_way: Set[Any] = set()
        self._quiet_since_s = time.monotonic()

    def begin(self, work: Any) -> None:
        """Take note of a call or a script that begins, and keep it until it ends."""
        self._under_way.add(work)

    def end(self, work: Any) -> None:
        """Take note that it has ended."""
        self._under_way.discard(work)
        self._quiet_since_s = time.monotonic()

    def under_way(self) -> List[Any]:
        """Return the calls and scripts that have not ended."""
        return list(self._under_way)

    def stir(self) -> None:
        """Take note that the plugin has said something by itself."""
        self._quiet_since_s = time.monotonic()

    @property
    def idle_s(self) -> float:
        """For how many seconds there has been nothing to do; 0 while there is."""
        return 0.0 if self._under_way else time.monotonic() - self._quiet_since_s

"""The scripts of the plugin, each run once, whichever of its clients asks for it.

A page may be loaded anew while a script runs. The next page sends the scripts again, each with its
`index` among them; what has run or runs already is answered and not run a second time.
"""

from typing import Dict, List, Optional

from imjoy_wire.host import ScriptRequest

__all__ = ["ScriptRequests"]


class ScriptRequests:
    """What was asked for; `take` from the thread that reads, `done` from the one that runs them."""

    def __init__(self) -> None:
        self.running = 0
        """How many scripts were taken and have not ended."""
        self._waiting: Dict[int, List[ScriptRequest]] = {}
        self._outcomes: Dict[int, Optional[str]] = {}

    def take(self, request: ScriptRequest) -> bool:
        """Return whether the script is to be run; else it is answered when the first one ends."""
        index = _index_of(request)
        if index is None:
            self.running += 1
            return True
        if index in self._outcomes:
            request.done(self._outcomes[index])
            return False
        waiting = self._waiting.setdefault(index, [])
        waiting.append(request)
        # It may have ended just now, and have told those whom it saw waiting.
        if index in self._outcomes:
            self._answer(index)
            return False
        if len(waiting) > 1:
            return False
        self.running += 1
        return True

    def done(self, request: ScriptRequest, error: Optional[str]) -> None:
        """Answer everybody who wants to know how the script went."""
        self.running -= 1
        index = _index_of(request)
        if index is None:
            request.done(error)
            return
        self._outcomes[index] = error
        self._answer(index)

    def _answer(self, index: int) -> None:
        waiting = self._waiting.get(index, [])
        while waiting:
            try:
                request = waiting.pop(0)
            except IndexError:  # the other thread was faster
                return
            request.done(self._outcomes[index])


def _index_of(request: ScriptRequest) -> Optional[int]:
    index = request.code.get("index")
    return index if type(index) is int else None

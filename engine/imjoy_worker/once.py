"""Messages from one worker to another, each taken once over all engines that relay them.

What an engine that was killed has not acknowledged is sent to the next one, and its receiver may
have had it already. So a worker that outlasts its engine numbers what it sends to other workers
(header key `once`), rising over its whole life; between two peers order is kept, so that their
receiver knows what comes a second time by the last number of each sender.
"""

from typing import Dict

from imjoy_wire.frames import Frame

__all__ = ["ONCE", "Taken"]

ONCE = "once"
MAX_SENDERS = 4096
"""Of those who have been silent the longest the number is forgotten."""


class Taken:
    """What has come from each sender. For the thread that reads."""

    def __init__(self) -> None:
        self._last: Dict[str, int] = {}  # the sender heard last at the end

    def is_new(self, frame: Frame) -> bool:
        """Return whether a whole frame has not come before, and take note of it."""
        number = frame.extra.get(ONCE)
        if type(number) is not int:
            return True
        last = self._last.pop(frame.sender, 0)
        self._last[frame.sender] = max(number, last)
        if len(self._last) > MAX_SENDERS:
            del self._last[next(iter(self._last))]
        return number > last

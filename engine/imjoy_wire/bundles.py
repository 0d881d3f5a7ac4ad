"""Small frames of one turn of an event loop as one message.

A message costs far more than a frame in it: a write to the system here, a read there. The first
frame of a turn is written at once, since mostly it is the only one; those behind it wait for the
end of the turn, and go together. Knows no loop: it is given what writes and what calls soon.
"""

from __future__ import annotations

import contextlib
from typing import Any, Awaitable, Callable, Coroutine, List, Optional

from .eager import begun
from .frames import Frame, encode_frame

__all__ = ["Bundles"]

BUNDLE_BYTES = 64 * 1024


class Bundles:
    """Writes frames, one `send` after the other, in their order.

    `write` sends one message and waits until there is room for more; `call_soon` has a function
    called at the end of this turn of the loop. An error of `write` is raised by `send`, by the next
    one when it was met between two.
    """

    def __init__(
        self,
        write: Callable[[bytes], Coroutine[Any, Any, None]],
        call_soon: Callable[[Callable[[], None]], Any],
    ) -> None:
        self._write = write
        self._call_soon = call_soon
        self._waiting: Optional[List[bytes]] = None  # None: nothing was written in this turn
        self._waiting_bytes = 0
        self._rest: Optional[Awaitable[Any]] = None  # of the last write, which found no room

    async def send(self, frame: Frame) -> None:
        """Return when the frame is written or waits for the end of this turn, and there is room."""
        parts = encode_frame(frame)
        data: Any = parts[0] if len(parts) == 1 else b"".join(parts)
        if self._rest is not None:
            rest, self._rest = self._rest, None
            await rest
        if self._waiting is None:
            self._waiting = []
            self._call_soon(self._flush)
        elif self._waiting_bytes + len(data) <= BUNDLE_BYTES:
            self._waiting.append(data)
            self._waiting_bytes += len(data)
            return
        elif self._waiting:
            await self._write(self._taken())
        await self._write(data)

    def _taken(self) -> bytes:
        waiting, self._waiting, self._waiting_bytes = self._waiting or [], [], 0
        return b"".join(waiting)

    def _flush(self) -> None:
        data = self._taken()
        self._waiting = None
        if data:
            with contextlib.suppress(ConnectionError):  # whoever writes next hears of it
                self._rest = begun(self._write(data))

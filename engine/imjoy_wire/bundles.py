"""Small frames that come close together as one message.

A message costs far more than a frame in it: a write to the system here, a read there. A frame that
comes by itself is written at once; those that follow on its heels wait for the end of the loop's
turn, and go together. Knows no loop and no clock: it is given what writes, calls soon, and tells
the time.
"""

from __future__ import annotations

from typing import Any, Awaitable, Callable, Coroutine, List, Optional

from .eager import begun
from .frames import Frame, encode_frame

__all__ = ["CLOSE_S", "Bundles"]

BUNDLE_BYTES = 64 * 1024
CLOSE_S = 0.0001
"""A frame so soon after the last write is not alone. Far less than a call and its answer take."""


class Bundles:
    """Writes frames, one `send` after the other, in their order.

    `write` sends one message and waits until there is room for more; `call_soon` has a function
    called at the end of this turn of the loop; `now` is a clock in seconds. An error of `write` is
    raised by `send`, by the next one when it was met between two.
    """

    def __init__(
        self,
        write: Callable[[bytes], Coroutine[Any, Any, None]],
        call_soon: Callable[[Callable[[], None]], Any],
        now: Callable[[], float],
    ) -> None:
        self._write = write
        self._call_soon = call_soon
        self._now = now
        self._written_at = 0.0
        self._waiting: Optional[List[bytes]] = None  # None: nobody calls `_flush`
        self._waiting_bytes = 0
        self._error: Optional[ConnectionError] = None
        self._rest: Optional[Awaitable[Any]] = None  # of the last write, which found no room

    async def send(self, frame: Frame) -> None:
        """Return when the frame is written or waits for the end of this turn, and there is room."""
        parts = encode_frame(frame)
        data: Any = parts[0] if len(parts) == 1 else b"".join(parts)
        if self._error is not None:
            raise self._error
        if self._rest is not None:
            rest, self._rest = self._rest, None
            await rest
        now = self._now()
        if self._waiting is None and now - self._written_at < CLOSE_S:
            self._waiting = []
            self._call_soon(self._flush)
        self._written_at = now
        if self._waiting is not None:
            if self._waiting_bytes + len(data) <= BUNDLE_BYTES:
                self._waiting.append(data)
                self._waiting_bytes += len(data)
                return
            if self._waiting:
                await self._write(self._taken())
        await self._write(data)

    def _taken(self) -> bytes:
        waiting, self._waiting, self._waiting_bytes = self._waiting or [], [], 0
        return b"".join(waiting)

    def _flush(self) -> None:
        data = self._taken()
        self._waiting = None
        if data:
            try:
                self._rest = begun(self._write(data))
            except ConnectionError as error:
                self._error = error  # whoever sends next hears of it

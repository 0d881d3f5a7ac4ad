"""The port to a connected client; the gateway implements it, contract tests hold it to this."""

from __future__ import annotations

import json
from typing import Any, Protocol

from imjoy_wire.frames import Frame

__all__ = ["EVENT", "ClientLink", "LinkClosedError", "event_frame"]

EVENT = "event"
"""The kind of a frame that tells the client something: `name` in its header, JSON in its body."""


class LinkClosedError(ConnectionError):
    """The client is gone: what was to be sent has not arrived."""


class ClientLink(Protocol):
    """One live connection to a client. Calls are made one after the other, in order."""

    async def send(self, frame: Frame) -> None:
        """Return when the connection has taken the frame and has room for more.

        LinkClosedError when the client is gone.
        """
        ...

    async def close(self, reason: str) -> None:
        """End the connection after telling the client why."""
        ...


def event_frame(name: str, payload: dict[str, Any], *, sender: str = "", to: str = "") -> Frame:
    """Return an event as a frame, which keeps its place among those from `sender` to `to`."""
    body = json.dumps(payload, separators=(",", ":")).encode()
    return Frame(to, sender, EVENT, body, (), {"name": name})

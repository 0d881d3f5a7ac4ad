"""The port to a connected client; the gateway implements it, contract tests hold it to this."""

from __future__ import annotations

from typing import Any, Protocol

from imjoy_wire.frames import Frame

__all__ = ["ClientLink", "LinkClosedError"]


class LinkClosedError(ConnectionError):
    """The client is gone: what was to be sent has not arrived."""


class ClientLink(Protocol):
    """One live connection to a client. Calls are made one after the other, in order."""

    async def send_frame(self, frame: Frame) -> None:
        """Return when the connection has taken the frame and has room for more.

        LinkClosedError when the client is gone.
        """
        ...

    async def send_event(self, name: str, payload: dict[str, Any]) -> None:
        """Return when the connection has taken the event; LinkClosedError when it is gone."""
        ...

    async def close(self, reason: str) -> None:
        """End the connection after telling the client why."""
        ...

"""The way of a frame from one peer to another, by its route header alone."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from typing import Any, Protocol

from imjoy_engine.relay.routes import Room, Routes
from imjoy_wire.frames import Frame

__all__ = ["Relay", "Sender", "control_frame"]

_LOG = logging.getLogger(__name__)


class Sender(Protocol):
    """Where a frame came from: the owner of one or more peers."""

    def owns(self, peer_id: str) -> bool:
        """Return whether frames may carry `peer_id` as their sender."""
        ...

    def deliver(self, frame: Frame) -> None:
        """Take a frame for one of its peers."""
        ...


def control_frame(kind: str, payload: dict[str, Any], *, to: str) -> Frame:
    """Return a frame of the engine itself."""
    return Frame(to=to, sender="", kind=kind, body=json.dumps(payload).encode(), buffers=())


class Relay:
    """Deliver frames between peers that may see each other; never look into a body."""

    def __init__(self, routes: Routes) -> None:
        self._routes = routes
        self._callers: dict[str, set[str]] = {}

    def forward(self, frame: Frame, sender: Sender) -> Room | None:
        """Hand the frame to its receiver, or tell the sender why not.

        Returns the receiver's room when it does not keep up: wait for it before sending more.

        A sender can only write in the name of peers that it owns, and reaches only peers of
        its own workspace; a peer elsewhere looks like one that does not exist.
        """
        if not sender.owns(frame.sender):
            self._undeliverable(
                frame, sender, "not-your-peer", f"You are not the peer {frame.sender!r}."
            )
            return None
        origin = self._routes.find(frame.sender)
        target = self._routes.find(frame.to)
        if target is None or origin is None or target.workspace != origin.workspace:
            self._undeliverable(
                frame, sender, "unknown-peer", f"There is no peer {frame.to!r} (any more)."
            )
            return None
        self._callers.setdefault(frame.to, set()).add(frame.sender)
        target.deliver(frame)
        room = target.room()
        return None if room is None or room.is_writable else room

    def acquaint(self, peer_ids: Iterable[str]) -> None:
        """Have each of these peers hear of the others' ends, though it has not written to them yet.

        They may have done so through an earlier engine, and wait for an answer.
        """
        known = set(peer_ids)
        for peer_id in known:
            self._callers.setdefault(peer_id, set()).update(known - {peer_id})

    def drop(self, peer_id: str, reason: dict[str, Any]) -> None:
        """Make the peer unreachable, and tell every peer that has ever written to it why."""
        self._routes.remove(peer_id)
        for caller in self._callers.pop(peer_id, ()):
            route = self._routes.find(caller)
            if route is not None:
                payload = {"peer": peer_id, "reason": reason}
                route.deliver(control_frame("peer_gone", payload, to=caller))
        for callers in self._callers.values():
            callers.discard(peer_id)

    def _undeliverable(self, frame: Frame, sender: Sender, code: str, message: str) -> None:
        _LOG.debug("Undeliverable: %s → %s: %s", frame.sender, frame.to, message)
        hint = "The plugin may have stopped: start it again."
        payload = {"to": frame.to, "code": code, "message": message, "hint": hint}
        sender.deliver(control_frame("undeliverable", payload, to=frame.sender))

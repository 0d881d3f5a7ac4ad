"""How far two peers have come with each other: every legal move in one table.

Two rules. Everything that moves a connection of two peers forward is an `Event` of this file.
And this file does not know which of the two it serves: the same table holds for the browser's end,
a worker and a Python client, since the dialect is symmetric.

    NEW ──INITIALIZED──▶ KNOWN ──INTERFACE──▶ READY
     └──────────INTERFACE (an end that skips the greeting)──▶ READY
    any ──LEFT──▶ GONE ──RETURNED──▶ NEW
"""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import Any, Deque, Dict, Mapping, Optional, Tuple

from .calls import IncomingCall

__all__ = ["MOVES", "Event", "Phase", "Remote", "after"]


class Phase(Enum):
    """Where the connection to one remote peer stands."""

    NEW = "new"
    """Nothing has been agreed; messages are answered all the same."""
    KNOWN = "known"
    """The remote peer's configuration has arrived."""
    READY = "ready"
    """The remote peer's interface has arrived, so that its functions can be called by name."""
    GONE = "gone"
    """The remote peer has left: calls to it fail at once and what it still sent is dropped."""


class Event(Enum):
    """What can happen between two peers."""

    INITIALIZED = "initialized"
    INTERFACE = "interface"
    LEFT = "left"
    RETURNED = "returned"


MOVES: Dict[Tuple[Phase, Event], Phase] = {
    (Phase.NEW, Event.INITIALIZED): Phase.KNOWN,
    (Phase.NEW, Event.INTERFACE): Phase.READY,
    (Phase.NEW, Event.LEFT): Phase.GONE,
    (Phase.NEW, Event.RETURNED): Phase.NEW,
    (Phase.KNOWN, Event.INITIALIZED): Phase.KNOWN,
    (Phase.KNOWN, Event.INTERFACE): Phase.READY,
    (Phase.KNOWN, Event.LEFT): Phase.GONE,
    (Phase.KNOWN, Event.RETURNED): Phase.KNOWN,
    (Phase.READY, Event.INITIALIZED): Phase.READY,
    (Phase.READY, Event.INTERFACE): Phase.READY,
    (Phase.READY, Event.LEFT): Phase.GONE,
    (Phase.READY, Event.RETURNED): Phase.READY,
    (Phase.GONE, Event.LEFT): Phase.GONE,
    (Phase.GONE, Event.RETURNED): Phase.NEW,
}


def after(phase: Phase, event: Event) -> Phase:
    """Return the phase that follows; what the table does not name leaves it as it is."""
    return MOVES.get((phase, event), phase)


class Remote:
    """What a peer knows of one other end."""

    __slots__ = (
        *("config", "disposing", "interface", "phase"),
        *("end", "running", "says_releases", "wants_interface"),
    )

    def __init__(self) -> None:
        self.phase = Phase.NEW
        self.config: Dict[str, Any] = {}
        self.interface: Optional[Dict[str, Any]] = None
        """The functions that it has set for us, by name; None before it has."""
        self.end: Optional[Mapping[str, Any]] = None
        """Why it has left, once it has."""
        self.says_releases = False
        self.wants_interface = False
        self.disposing: Deque[str] = deque()
        """Objects that we asked it to forget, in the order of the questions."""
        self.running: Dict[Any, IncomingCall] = {}
        """Its calls of our functions that have not been answered, by the ids it knows them by."""

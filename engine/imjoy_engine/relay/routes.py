"""Who is where: the table of peers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from imjoy_wire.frames import Frame

__all__ = ["Room", "Route", "Routes"]


class Room(Protocol):
    """What a receiver says of its room for more."""

    @property
    def is_writable(self) -> bool:
        """Return whether it keeps up."""
        ...

    async def drained(self) -> None:
        """Return when it keeps up again, or has ended."""
        ...

    def left(self) -> asyncio.Future[None] | None:
        """Return what is done when all it was given has left this process; None when it has."""
        ...


@dataclass(frozen=True, slots=True)
class Route:
    """Where a peer lives: how to reach it, and which workspace it belongs to.

    `room` gives what the receiver says of its room, or None when there is nothing to wait for.
    """

    peer_id: str
    workspace: str
    deliver: Callable[[Frame], None]
    room: Callable[[], Room | None] = lambda: None


class Routes:
    """All peers of the engine by id."""

    def __init__(self) -> None:
        self._routes: dict[str, Route] = {}

    def __len__(self) -> int:
        return len(self._routes)

    def add(self, route: Route) -> None:
        """Make the peer reachable; a peer that was known by this id is replaced."""
        self._routes[route.peer_id] = route

    def remove(self, peer_id: str) -> None:
        """Make the peer unreachable; without effect when it is unknown."""
        self._routes.pop(peer_id, None)

    def find(self, peer_id: str) -> Route | None:
        """Return the peer's route, or None."""
        return self._routes.get(peer_id)

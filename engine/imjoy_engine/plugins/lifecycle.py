"""The life of a plugin as one table.

Everything that moves a state lives here, and this file knows nothing of processes or clients.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from imjoy_engine.errors import EngineError

__all__ = ["FINAL", "TRANSITIONS", "IllegalMoveError", "Lifecycle", "State"]


class State(StrEnum):
    """Where a plugin is in its life."""

    NEW = "new"
    QUEUED = "queued"
    PREPARING = "preparing"
    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"
    STOPPED = "stopped"
    BACKOFF = "backoff"
    FAILED = "failed"


TRANSITIONS: dict[State, frozenset[State]] = {
    State.NEW: frozenset(
        {State.QUEUED, State.PREPARING, State.STARTING, State.STOPPED, State.FAILED}
    ),
    State.QUEUED: frozenset({State.PREPARING, State.STOPPED, State.FAILED}),
    State.PREPARING: frozenset({State.STARTING, State.STOPPED, State.FAILED}),
    State.STARTING: frozenset({State.READY, State.BACKOFF, State.STOPPED, State.FAILED}),
    State.READY: frozenset({State.DRAINING, State.BACKOFF, State.STOPPED, State.FAILED}),
    State.DRAINING: frozenset({State.STOPPED, State.FAILED}),
    State.BACKOFF: frozenset(
        {State.QUEUED, State.PREPARING, State.STARTING, State.STOPPED, State.FAILED}
    ),
    State.STOPPED: frozenset(),
    State.FAILED: frozenset(),
}
"""Every legal move; a state without one is final. A plugin that an earlier engine has started goes
from NEW to STARTING, until it has come back."""

FINAL = frozenset(state for state, moves in TRANSITIONS.items() if not moves)


class IllegalMoveError(EngineError):
    """The engine tried a move that the table does not have: our bug."""

    code = "illegal-move"


class Lifecycle:
    """One plugin's state, awaitable and observed."""

    def __init__(self, on_change: Callable[[State, dict[str, Any]], None] | None = None) -> None:
        self.state = State.NEW
        self.detail: dict[str, Any] = {}
        self._on_change = on_change
        self._waiters: list[tuple[frozenset[State], asyncio.Future[State]]] = []

    @property
    def is_final(self) -> bool:
        """Return whether nothing will change any more."""
        return self.state in FINAL

    def enter(self, state: State, **detail: Any) -> None:
        """Be in `state`, tell the observer and wake who waits; IllegalMoveError otherwise."""
        if state not in TRANSITIONS[self.state]:
            raise IllegalMoveError(f"A plugin cannot go from {self.state} to {state}.")
        self.state, self.detail = state, detail
        for wanted, future in self._waiters:
            if not future.done() and (state in wanted or state in FINAL):
                future.set_result(state)
        self._waiters = [entry for entry in self._waiters if not entry[1].done()]
        if self._on_change is not None:
            self._on_change(state, detail)

    def describe(self, **detail: Any) -> None:
        """Say something new of the same state, and tell the observer."""
        self.detail = detail
        if self._on_change is not None:
            self._on_change(self.state, detail)

    async def reached(self, *states: State) -> State:
        """Return the first of `states` that is entered, or the final state that came instead."""
        if self.state in states or self.is_final:
            return self.state
        future: asyncio.Future[State] = asyncio.get_running_loop().create_future()
        self._waiters.append((frozenset(states), future))
        return await future

from __future__ import annotations

import asyncio

import pytest

from imjoy_engine.plugins.lifecycle import FINAL, TRANSITIONS, IllegalMoveError, Lifecycle, State

GOOD_LIFE = [
    State.PREPARING,
    State.STARTING,
    State.READY,
    State.DRAINING,
    State.STOPPED,
]


def test_every_state_is_in_the_table_and_every_move_leads_into_it() -> None:
    assert set(TRANSITIONS) == set(State)
    assert {FINAL} == {frozenset({State.STOPPED, State.FAILED})}
    for moves in TRANSITIONS.values():
        assert moves <= set(State)


def test_every_state_reaches_an_end() -> None:
    for state in State:
        reached, frontier = {state}, [state]
        while frontier:
            for move in TRANSITIONS[frontier.pop()] - reached:
                reached.add(move)
                frontier.append(move)
        assert reached & FINAL, state


async def test_the_observer_hears_each_move_with_its_detail() -> None:
    heard: list[tuple[State, dict[str, object]]] = []
    lifecycle = Lifecycle(lambda state, detail: heard.append((state, detail)))
    for state in GOOD_LIFE:
        lifecycle.enter(state, note=state.value)
    assert heard == [(state, {"note": state.value}) for state in GOOD_LIFE]
    assert lifecycle.is_final


async def test_an_illegal_move_is_refused_and_changes_nothing() -> None:
    lifecycle = Lifecycle()
    with pytest.raises(IllegalMoveError, match="from new to ready"):
        lifecycle.enter(State.READY)
    assert lifecycle.state is State.NEW


async def test_waiters_wake_for_their_state_or_for_the_end() -> None:
    lifecycle = Lifecycle()
    ready = asyncio.create_task(lifecycle.reached(State.READY))
    preparing = asyncio.create_task(lifecycle.reached(State.PREPARING, State.QUEUED))
    lifecycle.enter(State.PREPARING)
    assert await preparing is State.PREPARING
    assert not ready.done()
    lifecycle.enter(State.FAILED)
    assert await ready is State.FAILED
    assert await lifecycle.reached(State.READY) is State.FAILED


async def test_a_cancelled_waiter_disturbs_nobody() -> None:
    lifecycle = Lifecycle()
    impatient = asyncio.create_task(lifecycle.reached(State.READY))
    patient = asyncio.create_task(lifecycle.reached(State.PREPARING))
    # One turn of the loop lets both begin to wait.
    await asyncio.wait({impatient}, timeout=0)
    impatient.cancel()
    lifecycle.enter(State.PREPARING)
    assert await patient is State.PREPARING

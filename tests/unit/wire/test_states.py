"""How far two peers have come with each other."""

from __future__ import annotations

import pytest

from imjoy_wire.states import MOVES, Event, Phase, Remote, after


@pytest.mark.parametrize(("move", "expected"), MOVES.items())
def test_every_move_of_the_table(move, expected):
    assert after(*move) is expected


def test_what_the_table_does_not_name_changes_nothing():
    for phase in Phase:
        for event in Event:
            if (phase, event) not in MOVES:
                assert after(phase, event) is phase


def test_everybody_can_leave_and_only_a_return_undoes_it():
    for phase in Phase:
        assert after(phase, Event.LEFT) is Phase.GONE
    for event in Event:
        expected = Phase.NEW if event is Event.RETURNED else Phase.GONE
        assert after(Phase.GONE, event) is expected


def test_a_remote_begins_with_nothing():
    remote = Remote()
    assert remote.phase is Phase.NEW
    assert remote.interface is None
    assert not remote.says_releases

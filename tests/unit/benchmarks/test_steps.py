from __future__ import annotations

from benchmarks.steps import SmallCall, compared, timed


def test_the_steps_in_turn_are_calls_that_are_answered():
    call = SmallCall()
    for _ in range(3):
        for step in call.steps.values():
            step()
        assert call.answer == {"x": 1}
        call.acknowledge()


def test_every_step_is_timed():
    call = SmallCall()
    found = timed(call, 2, 0.0)
    assert list(found) == list(call.steps)
    assert all(took > 0 for took in found.values())


def test_each_step_is_compared_with_itself_at_once_and_all_with_all():
    rows = compared({"there": 10.0, "back": 20.0}, {"there": 20.0, "back": 70.0})
    assert [(row.name.rpartition(": ")[2], row.value, row.ratio) for row in rows] == [
        ("there", 20.0, 2.0),
        ("back", 70.0, 3.5),
        ("all of it", 90.0, 3.0),
    ]

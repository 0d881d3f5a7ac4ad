from __future__ import annotations

from benchmarks.measure import Measured

TIME = Measured("p50", "small call", "ms")
RATE = Measured("rate", "small calls", "calls/s", lower_is_better=False)


def test_a_time_holds_at_or_below_its_bar_and_a_rate_at_or_above():
    assert TIME.limited("engine", 20.0, 20.0).held is True
    assert TIME.limited("engine", 20.1, 20.0).held is False
    assert RATE.limited("engine", 20.0, 20.0).held is True
    assert RATE.limited("engine", 19.9, 20.0).held is False


def test_the_ratio_is_to_the_other_and_the_bar_is_for_the_ratio():
    row = TIME.compared("engine", 3.0, "floor", 2.0, 1.5)
    assert (row.name, row.value, row.against, row.ratio) == (
        "small call: engine",
        3.0,
        "floor",
        1.5,
    )
    assert (row.bar, row.held) == (1.5, True)
    assert RATE.compared("engine", 3.0, "floor", 10.0, 0.4).held is False


def test_without_a_bar_nothing_is_held():
    assert TIME.compared("engine", 3.0, "floor", 2.0).held is None
    assert TIME.shown("engine", 3.0).held is None


def test_a_failure_says_why_and_does_not_hold_where_something_was_to_be_reached():
    row = TIME.failed("engine", "it fell over", 2.0)
    assert row.name == "small call: engine, failed: it fell over"
    assert (row.value, row.held) == (None, False)
    assert TIME.failed("hypha", "it fell over").held is None

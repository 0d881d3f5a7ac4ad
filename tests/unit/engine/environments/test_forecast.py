from __future__ import annotations

import pytest

from imjoy_engine.environments import Phase, Progress
from imjoy_engine.environments.forecast import Forecast
from support.clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def test_what_remains_follows_the_pace_of_the_phase(clock):
    forecast = Forecast(clock.monotonic)
    forecast.hear(Progress(Phase.RESOLVE))
    clock.advance(5)
    forecast.hear(Progress(Phase.DOWNLOAD, "big", 0, 100, "bytes"))
    clock.advance(2)
    forecast.hear(Progress(Phase.DOWNLOAD, "big", 25, 100, "bytes"))

    assert forecast.elapsed_s == 7
    assert forecast.remaining_s == pytest.approx(6)


def test_all_items_of_a_phase_count_together(clock):
    forecast = Forecast(clock.monotonic)
    forecast.hear(Progress(Phase.DOWNLOAD, "one", 50, 50, "bytes"))
    forecast.hear(Progress(Phase.DOWNLOAD, "two", 0, 150, "bytes"))
    clock.advance(2)

    assert forecast.remaining_s == pytest.approx(6)


@pytest.mark.parametrize(
    "progress",
    [
        Progress(Phase.RESOLVE, message="Choosing versions"),
        Progress(Phase.DOWNLOAD, "a", 0, 100, "bytes"),
        Progress(Phase.DOWNLOAD, "a", 100, 100, "bytes"),
        Progress(Phase.DOWNLOAD, "a", 10, None, "bytes"),
    ],
    ids=["nothing to count", "nothing done", "all done", "no total"],
)
def test_nobody_can_say(clock, progress):
    forecast = Forecast(clock.monotonic)
    forecast.hear(progress)
    clock.advance(10)

    assert forecast.remaining_s is None


def test_the_first_moments_say_nothing_yet(clock):
    forecast = Forecast(clock.monotonic)
    forecast.hear(Progress(Phase.DOWNLOAD, "a", 50, 100, "bytes"))
    clock.advance(0.5)

    assert forecast.remaining_s is None


def test_a_new_phase_begins_anew(clock):
    forecast = Forecast(clock.monotonic)
    forecast.hear(Progress(Phase.DOWNLOAD, "a", 50, 100, "bytes"))
    clock.advance(60)
    forecast.hear(Progress(Phase.LINK, "", 1, 4, "packages"))
    clock.advance(2)

    assert forecast.remaining_s == pytest.approx(6)

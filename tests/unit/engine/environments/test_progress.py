from __future__ import annotations

import pytest

from imjoy_engine.environments import Phase, Progress
from imjoy_engine.environments.progress import ProgressThrottle, counted


class Watch:
    """A clock that stands still until it is moved."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def heard() -> list[Progress]:
    return []


@pytest.fixture
def throttle(heard, watch) -> ProgressThrottle:
    return ProgressThrottle(heard.append, monotonic=watch)


def bytes_done(done: int) -> Progress:
    return Progress(Phase.DOWNLOAD, "numpy", done, 100, "bytes")


def test_progress_travels_as_a_dict():
    assert bytes_done(7).as_dict() == {
        "phase": "download",
        "item": "numpy",
        "done": 7,
        "total": 100,
        "unit": "bytes",
        "message": "",
    }


def test_a_flood_within_a_phase_becomes_five_a_second(throttle, heard, watch):
    for millisecond in range(1000):
        watch.now_s = 100 + millisecond / 1000
        throttle(bytes_done(millisecond // 11))

    assert len(heard) == 5
    assert heard[0] == bytes_done(0)


def test_a_new_phase_and_a_completed_one_always_pass(throttle, heard):
    told = [
        bytes_done(0),
        bytes_done(100),
        Progress(Phase.LINK, total=9),
        Progress(Phase.READY),
    ]
    for progress in told:
        throttle(progress)

    assert heard == told


def test_the_same_is_not_said_again(throttle, heard):
    for _ in range(3):
        throttle(bytes_done(100))

    assert heard == [bytes_done(100)]


def test_packages_are_counted_in_words():
    assert (counted(0), counted(1), counted(2)) == ("0 packages", "1 package", "2 packages")

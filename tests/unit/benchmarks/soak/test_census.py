from __future__ import annotations

from benchmarks.soak.census import compared, followed

MB = 2**20


def test_two_percent_more_is_held_and_what_is_beyond_is_not():
    objects, memory = compared("engine", (1000, 100 * MB), (1020, 103 * MB))
    assert (objects.name, objects.value, objects.ratio) == ("objects in the engine", 1020, 1.02)
    assert objects.held is True
    assert (memory.name, memory.value, memory.unit) == ("memory of the engine", 103.0, "MB")
    assert memory.held is False


def test_less_at_the_end_is_held():
    assert all(row.held for row in compared("engine", (1000, 100 * MB), (900, 50 * MB)))


def test_each_later_time_is_compared_with_the_first():
    later = {"5.0 min": (1000, 101 * MB), "10.0 min": (1000, 103 * MB)}
    rows = followed("engine", (1000, 100 * MB), later)
    assert [(row.name, row.held) for row in rows] == [
        ("objects in the engine, 5.0 min", True),
        ("memory of the engine, 5.0 min", True),
        ("objects in the engine, 10.0 min", True),
        ("memory of the engine, 10.0 min", False),
    ]

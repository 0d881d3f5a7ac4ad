from __future__ import annotations

import numpy as np
import pytest

from benchmarks.workloads import Due, lateness, noise, percentile


@pytest.mark.parametrize(
    ("percent", "expected"), [(0, 1.0), (1, 1.0), (50, 50.0), (99, 99.0), (100, 100.0)]
)
def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed(percent, expected):
    values = [float(value) for value in range(100, 0, -1)]
    assert percentile(values, percent) == expected


def test_the_percentile_of_few_values_is_one_of_them():
    assert percentile([3.0], 99) == 3.0
    assert percentile([3.0, 1.0, 2.0], 50) == 2.0
    assert percentile([3.0, 1.0, 2.0], 99) == 3.0


def test_noise_is_finite_as_large_as_asked_for_and_always_the_same():
    array = noise(2)
    assert array.nbytes == 2_000_000
    assert array.dtype == np.float32
    assert np.isfinite(array).all()
    assert (array == noise(2)).all()


def test_a_call_is_late_from_when_it_was_due():
    calls = [Due(0.0, 0.0, None, 0.010), Due(1.0, 1.005, None, 1.030)]
    found = lateness(calls)
    assert found.keys() == {"p99", "longest"}
    assert found["p99"] == found["longest"] == pytest.approx(30.0)


def test_the_slowest_tenth_says_where_it_has_waited():
    calls = [Due(due, due, due + 0.001, due + 0.002) for due in map(float, range(18))]
    calls.insert(5, Due(100.0, 100.010, 100.030, 100.060))
    calls.insert(9, Due(200.0, 200.020, 200.050, 200.090))
    found = lateness(calls)
    assert (found["begun"], found["out"], found["back"]) == pytest.approx((15.0, 25.0, 35.0))

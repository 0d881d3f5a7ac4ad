from __future__ import annotations

import numpy as np
import pytest

from benchmarks.workloads import noise, percentile


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

from __future__ import annotations

import os

from benchmarks.spending import NOTHING, Share, figures, spending
from benchmarks.system import Spent


def test_what_was_spent_between_two_looks_comes_to_each_unit():
    before = Share(Spent(1.0, 0.1, 0.5, 10, 100), NOTHING, Spent(5.0, 0.0, 0.0, 0, 0))
    after = Share(
        Spent(2.0, 0.3, 0.75, 30, 300), Spent(0.5, 0.2, 0.25, 20, 0), Spent(5.5, 0.0, 0.0, 50, 100)
    )
    assert figures(before, after, units=1000, took_s=1.0) == {
        "client": 1000.0,
        "middle": 500.0,
        "plugins": 500.0,
        "kernel": 400.0,
        "cores": 2.0,
        "waited": 500.0,
        "turns": 0.09,
        "faults": 0.3,
    }


class Spender:
    """A subject whose client does all the work."""

    middle_pid = os.getppid()
    calls = 0

    async def call(self) -> None:
        self.calls += 1


async def test_a_part_of_the_work_is_done_before_it_is_measured():
    subject = Spender()
    found = await spending(subject, "call")
    assert subject.calls == 1100
    assert found["client"] >= 0.0

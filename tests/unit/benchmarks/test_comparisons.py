from __future__ import annotations

from typing import Any

from benchmarks.comparisons import BENCHMARKS, CHANNEL, FLOOR, Bar, Benchmark
from benchmarks.measure import Measured
from benchmarks.rounds import Figures, SubjectFailedError
from benchmarks.running import Subject

PEER = Subject("peer", "peer")
TIME = Measured("p50", "call", "ms")


class Answers:
    """Subjects that are there already, and what each has to say."""

    def __init__(self, with_others: bool = True, **figures: Figures | str) -> None:
        self.with_others = with_others
        self._figures = figures
        self.wanted: list[tuple[str, str, dict[str, Any]]] = []

    def __getitem__(self, subject: Subject) -> Answer:
        return Answer(subject.module, self._figures[subject.module], self.wanted)


class Answer:
    def __init__(self, name: str, figures: Figures | str, wanted: list[Any]) -> None:
        self._name = name
        self._figures = figures
        self._wanted = wanted

    async def ready(self) -> None:
        pass

    async def ask(self, workload: str, arguments: dict[str, Any], within_s: float) -> Figures:
        self._wanted.append((self._name, workload, arguments))
        if isinstance(self._figures, str):
            raise SubjectFailedError(self._figures)
        return self._figures


def benchmark(*bars: Bar) -> Benchmark:
    return Benchmark("calls", (TIME,), (FLOOR, CHANNEL), bars, {"size": 1}, others=(PEER,))


async def test_the_engine_is_compared_with_the_floor_and_with_each_peer():
    started = Answers(floor={"p50": 2.0}, engine={"p50": 3.0}, peer={"p50": 12.0})
    rows = await benchmark(Bar(CHANNEL, FLOOR, {"p50": 2.0})).rows(5, started)
    assert [(row.name, row.value, row.against, row.ratio, row.held) for row in rows] == [
        ("call: floor", 2.0, None, None, None),
        ("call: engine, data channel", 3.0, "floor", 1.5, True),
        ("call: peer", 12.0, None, None, None),
        ("call: engine, data channel", 3.0, "peer", 0.25, True),
    ]
    assert started.wanted.count(("engine", "calls", {"size": 1})) == 5


async def test_a_bar_without_an_against_is_for_the_value():
    started = Answers(with_others=False, floor={"p50": 2.0}, engine={"p50": 30.0})
    rows = await benchmark(Bar(CHANNEL, None, {"p50": 20.0})).rows(5, started)
    (row,) = (row for row in rows if row.bar is not None)
    assert (row.value, row.against, row.bar, row.held) == (30.0, None, 20.0, False)


async def test_an_engine_that_fails_does_not_hold_and_the_rest_is_shown():
    started = Answers(floor={"p50": 2.0}, engine="it fell over", peer={"p50": 12.0})
    rows = await benchmark(Bar(CHANNEL, FLOOR, {"p50": 2.0})).rows(5, started)
    assert [(row.name, row.held) for row in rows] == [
        ("call: floor", None),
        ("call: engine, data channel, failed: it fell over", False),
        ("call: peer", None),
    ]


async def test_a_floor_that_fails_leaves_the_engine_without_a_ratio():
    started = Answers(with_others=False, floor="it fell over", engine={"p50": 3.0})
    rows = await benchmark(Bar(CHANNEL, FLOOR, {"p50": 2.0})).rows(5, started)
    assert [(row.name, row.ratio) for row in rows] == [
        ("call: floor, failed: it fell over", None),
        ("call: engine, data channel", None),
    ]


async def test_a_floor_with_nothing_leaves_the_engine_without_a_ratio():
    started = Answers(with_others=False, floor={"p50": 0.0}, engine={"p50": 3.0})
    rows = await benchmark(Bar(CHANNEL, FLOOR, {})).rows(5, started)
    assert [(row.value, row.ratio) for row in rows] == [(0.0, None), (3.0, None)]


async def test_a_figure_that_only_the_engine_has_is_shown():
    started = Answers(floor={}, engine={"p50": 3.0}, peer={})
    rows = await benchmark(Bar(CHANNEL, FLOOR, {})).rows(5, started)
    assert [(row.name, row.value, row.ratio) for row in rows] == [
        ("call: engine, data channel", 3.0, None)
    ]


async def test_a_peer_that_fails_says_so_once_and_an_engine_in_every_row_with_a_bar():
    rate = Measured("rate", "calls", "calls/s", lower_is_better=False)
    bars = (Bar(CHANNEL, FLOOR, {"p50": 2.0, "rate": 0.5}),)
    both = Benchmark("calls", (TIME, rate), (FLOOR, CHANNEL), bars, {}, others=(PEER,))
    started = Answers(floor={"p50": 2.0, "rate": 9.0}, engine="it fell over", peer="it sleeps")
    failed = [row.name for row in await both.rows(5, started) if row.value is None]
    assert failed == [
        "call: engine, data channel, failed: it fell over",
        "call: peer, failed: it sleeps",
        "calls: engine, data channel, failed: it fell over",
    ]


def test_every_bar_is_for_a_figure_and_subjects_of_its_benchmark():
    for name, each in BENCHMARKS.items():
        keys = {figure.key for figure in each.figures}
        for bar in each.bars:
            assert bar.bars.keys() <= keys, name
        assert each.ahead in each.subjects, name

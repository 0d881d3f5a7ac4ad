"""What is measured, who is compared with whom, and which ratio must be reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from benchmarks.measure import Row
from benchmarks.others import OTHERS
from benchmarks.rounds import Found, Measured, in_turn
from benchmarks.running import Subject, running

FLOOR = Subject("floor", "floor")
SOCKETIO_FLOOR = Subject("Socket.IO floor", "socketio_floor")
SOCKETIO_TEXT_FLOOR = Subject("Socket.IO floor, as text", "socketio_floor", {"text": True})
CHANNEL = Subject("engine, data channel", "engine", {"data_channel": True})
SOCKETIO = Subject("engine, Socket.IO", "engine", {"data_channel": False})

PER_SECOND = "calls/s"


@dataclass(frozen=True)
class Bar:
    """What a subject's figure is compared with; without `against` the bar is for the value."""

    subject: Subject
    against: Subject | None
    bars: Mapping[str, float]


@dataclass(frozen=True)
class Benchmark:
    """One workload, its figures, the subjects that are put through it beside the other peers."""

    workload: str
    figures: tuple[Measured, ...]
    subjects: tuple[Subject, ...]
    bars: tuple[Bar, ...]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    with_others: bool = True

    async def rows(self, rounds: int, others: bool = True) -> list[Row]:
        """Return the rows of all its figures."""
        subjects = [*self.subjects, *(OTHERS if others and self.with_others else ())]
        async with running(subjects) as processes:
            asked = {
                name: partial(process.ask, self.workload, self.arguments)
                for name, process in processes.items()
            }
            found = await in_turn(asked, rounds)
        return [row for figure in self.figures for row in self._of(figure, found)]

    def _of(self, figure: Measured, found: dict[str, Found]) -> list[Row]:
        rows: list[Row] = []
        for subject, result in found.items():
            value = result.median(figure.key)
            if value is None:
                rows.append(figure.failed(subject, result.failure or "no figures"))
                continue
            bars = [
                bar
                for bar in self.bars
                if bar.subject.name == subject and (bar.against or figure.key in bar.bars)
            ]
            if not bars:
                rows.append(figure.shown(subject, value))
            rows += [self._held(figure, bar, value, found) for bar in bars]
        return [*rows, *self._beside_others(figure, found)]

    def _held(self, figure: Measured, bar: Bar, value: float, found: dict[str, Found]) -> Row:
        limit = bar.bars.get(figure.key)
        if bar.against is None:
            return figure.limited(bar.subject.name, value, bar.bars[figure.key])
        other = found[bar.against.name].median(figure.key)
        if other is None:
            return figure.shown(bar.subject.name, value)
        return figure.compared(bar.subject.name, value, bar.against.name, other, limit)

    def _beside_others(self, figure: Measured, found: dict[str, Found]) -> list[Row]:
        """Return how the engine stands to each of the peers: it has to be ahead."""
        value = found[CHANNEL.name].median(figure.key) if CHANNEL.name in found else None
        if value is None:
            return []
        rows: list[Row] = []
        for other in OTHERS:
            theirs = found[other.name].median(figure.key) if other.name in found else None
            if theirs is not None:
                rows.append(figure.compared(CHANNEL.name, value, other.name, theirs, 1.0))
        return rows


def _array(megabytes: int) -> Benchmark:
    rate = Measured("rate", f"float32 array of {megabytes} MB there and back", "MB/s", False)
    grown = Measured("grown", f"peak memory between while {megabytes} MB pass, above idle", "MB")
    bars = [Bar(CHANNEL, FLOOR, {"rate": 0.8})]
    if megabytes == 256:
        bars.append(Bar(CHANNEL, None, {"grown": 32.0}))
    figures = (rate, grown) if megabytes == 256 else (rate,)
    return Benchmark("arrays", figures, (FLOOR, CHANNEL), tuple(bars), {"megabytes": megabytes})


def _between(megabytes: int) -> Benchmark:
    """From plugin to plugin and back; the floor is the way to a client and back."""
    rate = Measured("rate", f"{megabytes} MB from plugin to plugin and back", "MB/s", False)
    bars = (Bar(CHANNEL, FLOOR, {"rate": 3.0}),)
    arguments = {"megabytes": megabytes}
    return Benchmark("between_plugins", (rate,), (FLOOR, CHANNEL), bars, arguments)


BENCHMARKS: dict[str, Benchmark] = {
    "small-calls": Benchmark(
        "small_calls",
        (
            Measured("p50", "small call p50", "ms"),
            Measured("p99", "small call p99", "ms"),
            Measured("rate", "small calls, 1 in flight", PER_SECOND, lower_is_better=False),
        ),
        (FLOOR, SOCKETIO_FLOOR, SOCKETIO_TEXT_FLOOR, CHANNEL, SOCKETIO),
        (
            Bar(CHANNEL, FLOOR, {"p50": 2.0, "p99": 2.0}),
            Bar(SOCKETIO, SOCKETIO_FLOOR, {"p50": 1.3, "p99": 1.3}),
        ),
    ),
    "in-flight": Benchmark(
        "in_flight",
        (Measured("rate", "small calls, 64 in flight", PER_SECOND, lower_is_better=False),),
        (FLOOR, SOCKETIO_FLOOR, SOCKETIO_TEXT_FLOOR, CHANNEL, SOCKETIO),
        (
            Bar(CHANNEL, FLOOR, {"rate": 0.4}),
            Bar(SOCKETIO, SOCKETIO_FLOOR, {}),
        ),
    ),
    **{f"arrays-{size}": _array(size) for size in (1, 16, 64, 256)},
    **{f"between-{size}": _between(size) for size in (64, 256)},
    "beside": Benchmark(
        "beside_array",
        (
            Measured("p99", "small call due every 10 ms while 256 MB pass, p99", "ms"),
            Measured("longest", "small call due every 10 ms while 256 MB pass, longest", "ms"),
        ),
        (CHANNEL, SOCKETIO),
        (Bar(CHANNEL, None, {"p99": 20.0}),),
        {"megabytes": 256},
    ),
    "callbacks": Benchmark(
        "callbacks",
        (
            Measured(
                "rate", "1,000 callbacks inside one call", "callbacks/s", lower_is_better=False
            ),
        ),
        (FLOOR, SOCKETIO_FLOOR, CHANNEL, SOCKETIO),
        (Bar(CHANNEL, FLOOR, {"rate": 0.6}), Bar(SOCKETIO, SOCKETIO_FLOOR, {})),
    ),
}

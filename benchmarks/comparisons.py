"""What is measured, who is compared with whom, and which ratio must be reached."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from benchmarks.measure import Measured, Row
from benchmarks.others import CARRIERS, HOSTS, STARTERS
from benchmarks.rounds import Found, in_turn
from benchmarks.running import ANSWER_S, Started, Subject

FLOOR = Subject("floor", "floor")
SOCKETIO_FLOOR = Subject("Socket.IO floor", "socketio_floor")
SOCKETIO_TEXT_FLOOR = Subject("Socket.IO floor, as text", "socketio_floor", {"text": True})
CHANNEL = Subject("engine, data channel", "engine", {"data_channel": True})
SOCKETIO = Subject("engine, Socket.IO", "engine", {"data_channel": False})

BARE = Subject("floor: a bare asyncio worker", "bare_worker", opener="hosting")
BARE_SPARE = Subject(
    "floor: a bare worker that is there already", "bare_worker", {"spare": True}, None, "hosting"
)
HOST = Subject("engine", "engine", opener="hosting")
NEW = Subject("engine, new process", "engine", {"spares": 1, "spare": False}, None, "hosting")
SPARE = Subject("engine, spare interpreter", "engine", {"spares": 1}, None, "hosting")
EXITING = Subject(
    "engine, plugin with exit() and a child process", "engine", {"exiting": True}, None, "hosting"
)

PER_SECOND = "calls/s"
MANY = 50
MANY_S = 120.0
PATIENCE_S = 5.0
"""What a peer may take for all rounds of a workload: who has taken longer is asked no more."""


@dataclass(frozen=True)
class Bar:
    """What a subject's figure is compared with; without `against` the bar is for the value."""

    subject: Subject
    against: Subject | None
    bars: Mapping[str, float]


@dataclass(frozen=True)
class Benchmark:
    """One workload, its figures, and the subjects that are put through it beside the peers."""

    workload: str
    figures: tuple[Measured, ...]
    subjects: tuple[Subject, ...]
    bars: tuple[Bar, ...]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    answer_s: float = ANSWER_S
    others: tuple[Subject, ...] = CARRIERS
    ahead: Subject = CHANNEL
    """Which of the subjects is compared with the peers."""

    async def rows(self, rounds: int, started: Started) -> list[Row]:
        """Return the rows of all its figures; the peers are there if `started` has any."""
        others = self.others if started.with_others else ()
        processes = {subject.name: started[subject] for subject in (*self.subjects, *others)}
        await asyncio.gather(*(process.ready() for process in processes.values()))
        asked = {
            name: partial(process.ask, self.workload, self.arguments, self.answer_s)
            for name, process in processes.items()
        }
        patience_s = dict.fromkeys((other.name for other in others), PATIENCE_S)
        found = await in_turn(asked, rounds, patience_s)
        return [row for figure in self.figures for row in self._of(figure, found)]

    def _of(self, figure: Measured, found: dict[str, Found]) -> list[Row]:
        rows: list[Row] = []
        for subject, result in found.items():
            bars = [bar for bar in self.bars if _applies(bar, subject, figure, found)]
            if result.failure is not None and (bars or figure is self.figures[0]):
                limits = [bar.bars.get(figure.key) for bar in bars]
                rows.append(figure.failed(subject, result.failure, *limits[:1]))
            value = result.median(figure.key)
            if value is None:
                continue
            name = subject + result.note(figure.key)
            if not bars:
                rows.append(figure.shown(name, value))
            rows += [_held(figure, name, bar, value, found) for bar in bars]
        return [*rows, *self._beside_others(figure, found)]

    def _beside_others(self, figure: Measured, found: dict[str, Found]) -> list[Row]:
        """Return how the engine stands to each of the peers: it has to be ahead."""
        value = found[self.ahead.name].median(figure.key)
        name = self.ahead.name + found[self.ahead.name].note(figure.key)
        rows: list[Row] = []
        for other in self.others:
            theirs = found[other.name].median(figure.key) if other.name in found else None
            if value is not None and theirs:
                rows.append(figure.compared(name, value, other.name, theirs, 1.0))
        return rows


def _applies(bar: Bar, subject: str, figure: Measured, found: dict[str, Found]) -> bool:
    if bar.subject.name != subject:
        return False
    if bar.against is None:
        return figure.key in bar.bars
    return bool(found[bar.against.name].median(figure.key))  # nothing is a multiple of 0


def _held(figure: Measured, name: str, bar: Bar, value: float, found: dict[str, Found]) -> Row:
    if bar.against is None:
        return figure.limited(name, value, bar.bars[figure.key])
    other = found[bar.against.name].median(figure.key)
    assert other
    return figure.compared(name, value, bar.against.name, other, bar.bars.get(figure.key))


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


def _spending(
    of: str, unit: str, *also: Measured, megabytes: int = 0, by_socketio: bool = False
) -> Benchmark:
    """Who spends what on one of these, beside the floor: why its time is what it is."""
    figures = (
        Measured("client", f"CPU of {unit}, client", "µs"),
        Measured("middle", f"CPU of {unit}, between", "µs"),
        Measured("plugins", f"CPU of {unit}, plugins", "µs"),
        Measured("kernel", f"CPU of {unit}, kernel's part", "µs"),
        Measured("cores", f"cores at work on {unit}", "cores", lower_is_better=False),
        *also,
    )
    bars = (Bar(CHANNEL, FLOOR, {}), Bar(SOCKETIO, SOCKETIO_FLOOR, {}))
    subjects = (FLOOR, SOCKETIO_FLOOR, CHANNEL, SOCKETIO) if by_socketio else (FLOOR, CHANNEL)
    arguments = {"of": of, "megabytes": megabytes}
    return Benchmark("spending", figures, subjects, bars, arguments, others=())


def _spending_on_array(megabytes: int) -> Benchmark:
    unit = f"1 MB of a {megabytes} MB array"
    waited = Measured("waited", f"wait for a core, {unit}", "µs")
    faults = Measured("faults", f"fresh pages, {unit}", "pages")
    return _spending("array", unit, waited, faults, megabytes=megabytes)


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
            Measured("begun", "slowest tenth of these calls, until begun", "ms"),
            Measured("out", "slowest tenth of these calls, way out", "ms"),
            Measured("back", "slowest tenth of these calls, way back", "ms"),
        ),
        (FLOOR, CHANNEL, SOCKETIO),
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
    "spent-call": _spending(
        "call",
        "a small call",
        Measured("turns", "threads woken for a small call", "turns"),
        by_socketio=True,
    ),
    "spent-in-flight": _spending("in_flight", "a small call of 64", by_socketio=True),
    "spent-callback": _spending("callback", "a callback"),
    **{f"spent-array-{size}": _spending_on_array(size) for size in (1, 16, 256)},
    "start-and-stop": Benchmark(
        "start_and_stop",
        (
            Measured("start", "plugin start", "ms"),
            Measured("stop", "plugin stop", "ms"),
            Measured("spare", "memory of a spare interpreter, beside its shim", "MB"),
        ),
        (BARE, BARE_SPARE, NEW, SPARE, EXITING),
        (
            Bar(NEW, BARE, {"start": 1.6}),
            Bar(NEW, None, {"stop": 50.0}),
            Bar(SPARE, None, {"start": 30.0}),
            Bar(SPARE, BARE_SPARE, {}),
        ),
        others=(*STARTERS, *HOSTS),
        ahead=NEW,
    ),
    "many-plugins": Benchmark(
        "many",
        (
            Measured("took", f"{MANY} plugins at once", "ms"),
            Measured("memory", f"memory of each of {MANY} plugins", "MB"),
            Measured("idle", f"between client and {MANY} plugins at rest", "% of a core"),
        ),
        (BARE, HOST),
        (Bar(HOST, BARE, {"took": 2.0, "memory": 1.5}), Bar(HOST, None, {"idle": 1.0})),
        {"count": MANY},
        answer_s=MANY_S,
        others=HOSTS,
        ahead=HOST,
    ),
}

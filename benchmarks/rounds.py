"""Rounds in which a subject may fail, and the rows that come of them."""

from __future__ import annotations

import statistics
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from benchmarks.measure import Row

Round = Callable[[], Awaitable[dict[str, float]]]
"""Measure one subject once: the key of each figure with its value."""


@dataclass(frozen=True)
class Measured:
    """One measured value: its key among a workload's figures, what it is called, its unit."""

    key: str
    name: str
    unit: str
    lower_is_better: bool = True

    def shown(self, subject: str, value: float) -> Row:
        return Row(f"{self.name}: {subject}", value, self.unit)

    def failed(self, subject: str, why: str, bar: float | None = None) -> Row:
        held = None if bar is None else False
        return Row(f"{self.name}: {subject}, failed: {why}", None, self.unit, bar=bar, held=held)

    def limited(self, subject: str, value: float, bar: float) -> Row:
        return Row(
            f"{self.name}: {subject}", value, self.unit, bar=bar, held=self._reached(value, bar)
        )

    def compared(
        self, subject: str, value: float, against: str, other: float, bar: float | None = None
    ) -> Row:
        ratio = value / other
        held = None if bar is None else self._reached(ratio, bar)
        return Row(f"{self.name}: {subject}", value, self.unit, against, ratio, bar, held)

    def _reached(self, value: float, bar: float) -> bool:
        return value <= bar if self.lower_is_better else value >= bar


@dataclass
class Found:
    """What came of one subject in all rounds: the figures of each, or why it failed."""

    rounds: list[dict[str, float]] = field(default_factory=list)
    failure: str | None = None

    def median(self, key: str) -> float | None:
        if self.failure is not None or not self.rounds:
            return None
        return statistics.median(each[key] for each in self.rounds)


async def in_turn(subjects: Mapping[str, Round], rounds: int) -> dict[str, Found]:
    """Ask every subject once a round, and return what came of each.

    Every second round goes in the opposite order, so that whatever else the machine does weighs on
    all of them alike. Who fails once is not asked again.
    """
    found = {name: Found() for name in subjects}
    for number in range(rounds):
        for name in reversed(subjects) if number % 2 else subjects:
            if found[name].failure is None:
                try:
                    found[name].rounds.append(await subjects[name]())
                except SubjectFailedError as error:
                    found[name].failure = str(error)
    return found


class SubjectFailedError(Exception):
    """A subject could not do what was asked of it; the text is for the table."""

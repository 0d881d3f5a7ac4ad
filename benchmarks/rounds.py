"""Interleaved rounds in which a subject may fail, or be too slow to be asked again."""

from __future__ import annotations

import statistics
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Figures = dict[str, Any]
"""The value of each figure by its key; under NOTE what the table should say beside them."""

NOTE = "note"

Round = Callable[[], Awaitable[Figures]]
"""Measure one subject once."""


@dataclass
class Found:
    """What came of one subject in all rounds: the figures of each, or why it failed."""

    wanted: int
    rounds: list[Figures] = field(default_factory=list)
    failure: str | None = None
    spent_s: float = 0.0

    def median(self, key: str) -> float | None:
        values = self._values(key)
        return None if self.failure is not None or not values else statistics.median(values)

    def note(self, key: str) -> str:
        """Return in brackets what is special about the figure, or nothing."""
        count = len(self._values(key))
        notes = [each[NOTE] for each in self.rounds[:1] if NOTE in each]
        if 0 < count < self.wanted:
            notes.append("1 round" if count == 1 else f"{count} rounds")
        return f" ({', '.join(notes)})" if notes else ""

    def _values(self, key: str) -> list[float]:
        return [each[key] for each in self.rounds if key in each]


async def in_turn(
    subjects: Mapping[str, Round], rounds: int, patience_s: Mapping[str, float] | None = None
) -> dict[str, Found]:
    """Ask every subject once a round, and return what came of each.

    Every second round goes in the opposite order, so that whatever else the machine does weighs on
    all of them alike. Who fails once is not asked again, nor who has taken longer than its patience
    in all.
    """
    found = {name: Found(rounds) for name in subjects}
    for number in range(rounds):
        for name in reversed(subjects) if number % 2 else subjects:
            so_far = found[name]
            if so_far.failure or so_far.spent_s > (patience_s or {}).get(name, float("inf")):
                continue
            began = time.perf_counter()
            try:
                so_far.rounds.append(await subjects[name]())
            except SubjectFailedError as error:
                so_far.failure = str(error)
            so_far.spent_s += time.perf_counter() - began
    return found


class SubjectFailedError(Exception):
    """A subject could not do what was asked of it; the text is for the table."""

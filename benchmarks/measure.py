"""Interleaved rounds, medians, and the rows that a benchmark reports."""

from __future__ import annotations

import math
import statistics
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

Round = Callable[[], Awaitable[dict[str, float]]]
"""Measure one peer once: the key of each figure with its value."""


@dataclass(frozen=True)
class Row:
    """One line of the table; `against` names what `ratio` is the ratio to.

    `bar` is what the ratio must reach, or the value itself where there is no `against` (None: shown
    only); `held` whether it did. Without a `value` the measurement failed, and the name says why.
    """

    name: str
    value: float | None
    unit: str
    against: str | None = None
    ratio: float | None = None
    bar: float | None = None
    held: bool | None = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Figure:
    """One kind of measured value: how it is called, its unit, which direction is better."""

    key: str
    unit: str
    lower_is_better: bool = True

    def row(self, name: str, value: float) -> Row:
        return Row(f"{self.key}: {name}", value, self.unit)

    def compared(
        self, name: str, value: float, against: str, other: float, bar: float | None = None
    ) -> Row:
        ratio = value / other
        held = None
        if bar is not None:
            held = ratio <= bar if self.lower_is_better else ratio >= bar
        return Row(f"{self.key}: {name}", value, self.unit, against, ratio, bar, held)


async def interleaved(peers: Mapping[str, Round], rounds: int) -> dict[str, dict[str, float]]:
    """Return the median of every figure of every peer.

    Each round asks every peer once, every second round in the opposite order, so that whatever
    else the machine does weighs on all of them alike.
    """
    results: dict[str, list[dict[str, float]]] = {name: [] for name in peers}
    for number in range(rounds):
        for name in sorted(peers, reverse=number % 2 == 1):
            results[name].append(await peers[name]())
    return {
        name: {key: statistics.median(each[key] for each in found) for key in found[0]}
        for name, found in results.items()
    }


def percentile(values: list[float], percent: float) -> float:
    """Return the smallest of `values` that at least `percent` % of them do not exceed."""
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]

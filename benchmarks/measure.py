"""What is measured, and the rows that a benchmark reports."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


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

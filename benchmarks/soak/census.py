"""What lived in a process at two times, compared."""

from __future__ import annotations

from benchmarks.measure import Row

TOLERANCE = 0.02
"""How much more there may be at the end."""

Census = tuple[int, int]
"""Objects and bytes, as `counting.own_census` gives them."""


def compared(where: str, first: Census, last: Census) -> list[Row]:
    """Return the rows that compare the end with the beginning."""
    return [
        _row(f"objects in the {where}", last[0], first[0], ""),
        _row(f"memory of the {where}", last[1] / 2**20, first[1] / 2**20, "MB"),
    ]


def _row(name: str, last: float, first: float, unit: str) -> Row:
    ratio = last / first
    bar = 1 + TOLERANCE
    return Row(name, last, unit, f"{first:,.1f} at first", ratio, bar, ratio <= bar)

"""What lived in a process at two times, compared."""

from __future__ import annotations

from collections.abc import Mapping

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


def followed(where: str, first: Census, later: Mapping[str, Census]) -> list[Row]:
    """Return the rows that compare what lived at several times, by their names, with the first.

    So that what grows on is told from what came once.
    """
    return [
        row for when, census in later.items() for row in compared(f"{where}, {when}", first, census)
    ]


def _row(name: str, last: float, first: float, unit: str) -> Row:
    ratio = last / first
    bar = 1 + TOLERANCE
    return Row(name, last, unit, f"{first:,.1f} at first", ratio, bar, ratio <= bar)

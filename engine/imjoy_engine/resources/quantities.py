"""Sizes and durations as people write them: `8 GB`, `512 MiB`, `30 min`."""

from __future__ import annotations

import re

__all__ = ["bytes_in_words", "parse_duration_s", "parse_size_bytes", "seconds_in_words"]

_QUANTITY = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*")
_SIZES = {
    "": 1,
    "b": 1,
    **{f"{letter}b": 1000 ** (i + 1) for i, letter in enumerate("kmgt")},
    **{f"{letter}ib": 1024 ** (i + 1) for i, letter in enumerate("kmgt")},
    **{letter: 1024 ** (i + 1) for i, letter in enumerate("kmgt")},
}
_DURATIONS = {
    **dict.fromkeys(("", "s", "sec", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hour", "hours"), 3600),
    **dict.fromkeys(("d", "day", "days"), 86400),
}


def parse_size_bytes(value: object) -> int:
    """Return `8 GB`, `512 MiB`, `4G` (binary, as in Docker) or a number of bytes in bytes.

    Raises ValueError with one sentence; a size is more than nothing.
    """
    size = _parsed(value, _SIZES, "a size such as 8 GB")
    if size < 1:
        raise ValueError(f"{value!r} is no size: it must be more than nothing")
    return int(size)


def parse_duration_s(value: object) -> float:
    """Return `30 min`, `2 h`, `45 s` or a number of seconds in seconds; ValueError otherwise."""
    return _parsed(value, _DURATIONS, "a duration such as 30 min")


def _parsed(value: object, units: dict[str, int], wanted: str) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        return float(value)
    match = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    unit = units.get(match[2].lower()) if match else None
    if match is None or unit is None:
        raise ValueError(f"{value!r} is not {wanted}")
    return float(match[1]) * unit


def bytes_in_words(size_bytes: float) -> str:
    """Return a size in decimal units, as drives and the page give it: `1.5 GB`."""
    size = max(0.0, float(size_bytes))
    for unit in ("B", "kB", "MB", "GB"):
        if size < 999.5:
            digits = 0 if unit == "B" or size >= 99.95 else 1
            return f"{size:.{digits}f} {unit}".replace(".0 ", " ")
        size /= 1000
    return f"{size:.1f} TB"


def seconds_in_words(seconds: float) -> str:
    """Return a duration in its largest fitting unit: `45 s`, `30 min`, `2 h`, `3.5 h`."""
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{round(seconds / length, 1):g} {unit}"
    return f"{round(seconds, 1):g} s"

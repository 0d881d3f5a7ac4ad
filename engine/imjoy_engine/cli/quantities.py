"""Options that are sizes and durations, in the words of people."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from imjoy_engine.resources.quantities import parse_duration_s, parse_size_bytes

__all__ = ["duration_option", "in_words", "read_duration", "read_size"]

Reader = Callable[[click.Context, click.Parameter, str | None], float | None]


def in_words(seconds: float) -> str:
    """Return a duration as it is written on the command line, for the defaults of options."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:g}{unit}"
    return f"{seconds:g}s"


def _reader(parse: Callable[[object], float]) -> Reader:
    def read(context: click.Context, option: click.Parameter, text: str | None) -> float | None:
        try:
            return None if text is None else parse(text)
        except ValueError as error:
            raise click.BadParameter(f"{error}.", context, option) from None

    return read


def _duration_s(text: object) -> float:
    """Return seconds; a bare number could be meant as minutes as well, but for 0."""
    seconds = parse_duration_s(text)
    bare = str(text).strip()
    if seconds and bare[-1].isdigit():
        raise ValueError(f"{bare!r} lacks its unit: write {bare}s, {bare}min, {bare}h or {bare}d")
    return seconds


read_size = _reader(parse_size_bytes)
"""Callback of an option: `8 GB` in bytes."""
read_duration = _reader(_duration_s)
"""Callback of an option: `30 min` in seconds."""


def duration_option(name: str, default_s: float, words: str) -> Callable[[Any], Any]:
    """Return an option that is a duration; its help is `words`, and shows the default as one."""
    return click.option(name, callback=read_duration, default=in_words(default_s), help=words)

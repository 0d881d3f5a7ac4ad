"""Progress of one environment on a terminal, as lines for a log, or as JSON for a program."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from imjoy_engine.environments import Forecast, OnProgress, Progress
from imjoy_engine.resources.quantities import bytes_in_words, seconds_in_words

__all__ = ["shown_progress", "words_of"]


@contextmanager
def shown_progress(
    *, as_json: bool = False, console: Console | None = None
) -> Iterator[OnProgress]:
    """Show what is heard on standard error while the block runs.

    A terminal gets one bar that moves; anything else a line for every step, or with `as_json` an
    object a line.
    """
    console = console or Console(stderr=True, highlight=False)
    forecast = Forecast(time.monotonic)
    if as_json or not console.is_terminal:
        yield _Lines(forecast, as_json=as_json)
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[amount]}", markup=False),
        TimeElapsedColumn(),
        TextColumn("{task.fields[rest]}", markup=False),
    )
    with Bars(*columns, console=console, transient=True) as bars:
        task = bars.add_task("Looking", total=None, amount="", rest="")

        def show(progress: Progress) -> None:
            forecast.hear(progress)
            bars.update(
                task,
                description=progress.message or words_of(progress),
                total=progress.total,
                completed=progress.done,
                amount=_amount(progress),
                rest=_rest(forecast),
            )

        yield show


class _Lines:
    """One line for every new step; with `as_json` one for everything."""

    def __init__(self, forecast: Forecast, *, as_json: bool) -> None:
        self._forecast = forecast
        self._as_json = as_json
        self._last: tuple[str, str] | None = None

    def __call__(self, progress: Progress) -> None:
        self._forecast.hear(progress)
        if self._as_json:
            event: dict[str, Any] = {"event": "progress", **progress.as_dict()}
            event["elapsed_s"] = round(self._forecast.elapsed_s, 1)
            click.echo(json.dumps(event), err=True)
            return
        step = (progress.phase.value, progress.item)
        if step != self._last:
            self._last = step
            click.echo(progress.message or words_of(progress), err=True)


def words_of(progress: Progress) -> str:
    """Return a step in words, when it has none of its own."""
    return f"{progress.phase.value.capitalize()} {progress.item}".strip()


def _amount(progress: Progress) -> str:
    if progress.total is None:
        return ""
    if progress.unit == "bytes":
        return f"{bytes_in_words(progress.done)} of {bytes_in_words(progress.total)}"
    return f"{progress.done} of {progress.total} {progress.unit}".strip()


def _rest(forecast: Forecast) -> str:
    remaining_s = forecast.remaining_s
    return "" if remaining_s is None else f"about {seconds_in_words(round(remaining_s))} left"

"""The runner: every benchmark in turn, one table, one file."""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks import browser, building, comparisons, steps
from benchmarks.measure import Row
from benchmarks.running import Started
from benchmarks.system import machine_busy_s, own_busy_s, touch_us

OF_THEIR_OWN: dict[str, Callable[[int], Awaitable[list[Row]]]] = {
    "browser": browser.benchmark,
    "environments": building.benchmark,
    "steps": steps.benchmark,
}
BENCHMARKS = (*comparisons.BENCHMARKS, *OF_THEIR_OWN)

OUT = Path(__file__).parent / "out" / "latest.json"
LONGEST_S = 900.0
WIDTH_WITHOUT_TERMINAL = 130
LEAST_ROUNDS = 5
REST_S = 1.0


def main() -> None:
    options = _options()
    began = time.monotonic()
    names = options.names or list(BENCHMARKS)
    touched_us = [touch_us(REST_S)]
    busy_s, own_s = machine_busy_s(), own_busy_s()
    rows = asyncio.run(_measured(names, options))
    others_s = machine_busy_s() - busy_s - (own_busy_s() - own_s)
    cores = max(0.0, others_s) / (time.monotonic() - began)
    touched_us.append(touch_us(REST_S))
    rows.append(Row("cores at work on anything else during this run", cores, "cores"))
    touch = f"first touch of a page of memory that has rested for {REST_S:g} s, before and after"
    rows.append(Row(touch, sum(touched_us) / len(touched_us), "us"))
    _kept(rows)
    console = Console(width=None if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL)
    console.print(shown(rows, f"Medians of {options.rounds} interleaved rounds"))
    where = OUT.relative_to(Path.cwd()) if OUT.is_relative_to(Path.cwd()) else OUT
    console.print(f"Also in {where}. It took {(time.monotonic() - began) / 60:.1f} minutes.")


async def _measured(names: list[str], options: argparse.Namespace) -> list[Row]:
    """Return the rows of all of these; the file has them as they come."""
    rows: list[Row] = []
    started = Started(with_others=options.others)
    running = ""
    try:
        for name in names:
            began = time.monotonic()
            needed = _kind(name)
            if needed != running:
                await started.stop()
            running = needed
            rows += await _rows_of(name, options.rounds, started)
            _kept(rows)
            print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    finally:
        await started.stop()
    return rows


def _kept(rows: list[Row]) -> None:
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps([row.as_dict() for row in rows], indent=1) + "\n")


async def _rows_of(name: str, rounds: int, started: Started) -> list[Row]:
    try:
        async with asyncio.timeout(LONGEST_S):
            if name in OF_THEIR_OWN:
                return await OF_THEIR_OWN[name](rounds)
            return await comparisons.BENCHMARKS[name].rows(rounds, started)
    except Exception as error:  # noqa: BLE001 - the table says what it was, and the rest is measured
        words = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        return [Row(f"{name}, failed: {words}", None, "", held=False)]


def _kind(name: str) -> str:
    """Return what benchmarks have in common that share their subjects."""
    if name in OF_THEIR_OWN:
        return name
    return comparisons.BENCHMARKS[name].subjects[0].opener


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}")
    parser.add_argument("--rounds", type=int, default=5, help=f"at least {LEAST_ROUNDS}")
    parser.add_argument(
        "--without-others",
        dest="others",
        action="store_false",
        help="measure the floors and the engine only",
    )
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in BENCHMARKS]
    if unknown or options.rounds < LEAST_ROUNDS:
        parser.error(
            f"no benchmark is called {unknown[0]}" if unknown else f"below {LEAST_ROUNDS} rounds"
        )
    return options


def shown(rows: list[Row], title: str) -> Table:
    """Return the rows as a person reads them."""
    table = Table(
        title=title,
        caption=f"{psutil.cpu_count()} cores, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}",
    )
    for heading in ("what", "value", "unit", "against", "ratio", "bar", "held"):
        table.add_column(heading, justify="right" if heading in {"value", "ratio"} else "left")
    for row in rows:
        table.add_row(
            row.name,
            _number(row.value),
            row.unit,
            row.against or "",
            "" if row.ratio is None else f"{row.ratio:.2f}",
            "" if row.bar is None else f"{row.bar:g}",
            {None: "", True: "[green]yes[/]", False: "[red]no[/]"}[row.held],
        )
    return table


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3f}"

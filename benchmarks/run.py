"""The runner: every benchmark in turn, one table, one file."""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks import many_plugins, plugin_start, small_calls, stopping
from benchmarks.measure import Row

BENCHMARKS: dict[str, Callable[[int], Awaitable[list[Row]]]] = {
    "small-calls": small_calls.benchmark,
    "plugin-start": plugin_start.benchmark,
    "plugin-stop": stopping.benchmark,
    "many-plugins": many_plugins.benchmark,
}
OUT = Path(__file__).parent / "out" / "latest.json"
LONGEST_S = 1800.0
WIDTH_WITHOUT_TERMINAL = 110
LEAST_ROUNDS = 5


def main() -> None:
    options = _options()
    rows = asyncio.run(_measured(options.names or list(BENCHMARKS), options.rounds))
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps([row.as_dict() for row in rows], indent=1) + "\n")
    console = Console(width=None if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL)
    console.print(table(rows, f"Medians of {options.rounds} interleaved rounds"))
    console.print(
        f"Also in {OUT.relative_to(Path.cwd()) if OUT.is_relative_to(Path.cwd()) else OUT}"
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}")
    parser.add_argument("--rounds", type=int, default=7, help=f"at least {LEAST_ROUNDS}")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in BENCHMARKS]
    if unknown or options.rounds < LEAST_ROUNDS:
        parser.error(
            f"no benchmark is called {unknown[0]}" if unknown else f"below {LEAST_ROUNDS} rounds"
        )
    return options


async def _measured(names: list[str], rounds: int) -> list[Row]:
    async with asyncio.timeout(LONGEST_S):
        return [row for name in names for row in await BENCHMARKS[name](rounds)]


def table(rows: list[Row], title: str) -> Table:
    """Return the rows as a person reads them."""
    shown = Table(
        title=title,
        caption=f"{psutil.cpu_count()} cores, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}",
    )
    for heading in ("what", "value", "unit", "against", "ratio", "bar", "held"):
        shown.add_column(heading, justify="right" if heading in {"value", "ratio"} else "left")
    for row in rows:
        shown.add_row(
            row.name,
            f"{row.value:,.0f}" if row.value >= 100 else f"{row.value:.3f}",
            row.unit,
            row.against or "",
            "" if row.ratio is None else f"{row.ratio:.2f}",
            "" if row.bar is None else f"{row.bar:g}",
            {None: "", True: "[green]yes[/]", False: "[red]no[/]"}[row.held],
        )
    return shown

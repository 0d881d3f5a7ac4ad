"""The soaks: each does the same thing very often, and compares its end with its beginning."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from rich.console import Console

from benchmarks.measure import Row
from benchmarks.run import shown
from benchmarks.soak import calls, flood, lives, page_calls

Soak = Callable[[float], Awaitable[list[Row]]]
"""Returns the rows of one soak; the number scales how much is done, 1 being all of it."""

SOAKS: dict[str, Soak] = {
    "calls": calls.soak,
    "page-calls": page_calls.soak,
    "lives": lives.soak,
    "flood": flood.soak,
}
OUT = Path(__file__).parents[1] / "out" / "soak.json"


def main() -> None:
    """Run the soaks that were asked for; exit with 1 when one has not ended as it began."""
    options = _options()
    rows = asyncio.run(_rows(options.names or list(SOAKS), options.part))
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps([row.as_dict() for row in rows], indent=1) + "\n")
    console = Console(width=None if sys.stdout.isatty() else 110)
    console.print(shown(rows, "Soak: what is there at the end, against the beginning"))
    sys.exit(any(row.held is False for row in rows))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(SOAKS)}")
    parser.add_argument("--part", type=float, default=1.0, help="how much of it: 0.05 is a trial")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in SOAKS]
    if unknown:
        parser.error(f"no soak is called {unknown[0]}")
    return options


async def _rows(names: list[str], part: float) -> list[Row]:
    return [row for name in names for row in await SOAKS[name](part)]

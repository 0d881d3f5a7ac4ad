from __future__ import annotations

from pathlib import Path

from rich.console import Console

from benchmarks.measure import Row
from benchmarks.run import BENCHMARKS, shown

DOCUMENT = Path(__file__).parents[3] / "docs" / "benchmarks.md"


def test_the_table_has_every_part_of_a_row():
    rows = [
        Row("call: engine", 0.5, "ms", "floor", 2.5, 2.0, held=False),
        Row("call: Socket.IO", 12_345.6, "calls/s", bar=10.0, held=True),
        Row("call: peer, failed: it fell over", None, "ms"),
    ]
    console = Console(width=120)
    with console.capture() as capture:
        console.print(shown(rows, "Medians"))
    lines = [
        tuple(cell.strip() for cell in line.strip("│\n").split("│"))
        for line in capture.get().splitlines()
        if line.startswith("│")
    ]
    assert lines == [
        ("call: engine", "0.500", "ms", "floor", "2.50", "2", "no"),
        ("call: Socket.IO", "12,346", "calls/s", "", "", "10", "yes"),
        ("call: peer, failed: it fell over", "-", "ms", "", "", "", ""),
    ]


def test_every_benchmark_is_in_the_document():
    text = DOCUMENT.read_text()
    for name in BENCHMARKS:
        family, _, size = name.partition("-")
        assert f"`{name}`" in text or (f"`{family}-" in text and f"`-{size}`" in text), name

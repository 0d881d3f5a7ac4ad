from __future__ import annotations

from typing import Any

from rich.console import Console

from imjoy_engine.cli.ps import plugins_table

USAGE = {
    "cpu": 1.5,
    "cpu_s": 10,
    "memory_bytes": 512_000_000,
    "gpu_memory_bytes": 3_000_000_000,
    "processes": 2,
    "age_s": 90,
}
PLUGIN: dict[str, Any] = {
    "name": "Segment",
    "tag": "gpu",
    "state": "ready",
    "pid": 42,
    "gpus": [0, 1],
    "queue": None,
    "usage": USAGE,
    "instance": "i_1",
}


def test_a_row_tells_what_a_plugin_uses() -> None:
    waiting = {
        **PLUGIN,
        "name": "Train",
        "tag": "",
        "pid": None,
        "gpus": [],
        "queue": {"position": 2, "length": 3, "reason": "GPU 0 is held by Segment"},
        "usage": None,
        "instance": "i_2",
    }
    busy = {**PLUGIN, "tag": "", "gpus": [], "usage": None, "runs": 1}
    busier = {**busy, "runs": 2}
    console = Console(width=200, record=True, file=None, force_terminal=False, quiet=False)
    with console.capture() as capture:
        console.print(plugins_table([PLUGIN, waiting, busy, busier]), markup=False)
    lines = [" ".join(line.split()) for line in capture.get().splitlines()]
    head, first, second, third, fourth = lines
    assert head == "PLUGIN STATE PID CPU MEMORY GPU UP INSTANCE"
    assert first == "Segment [gpu] ready 42 150% 512 MB 0, 1 (3 GB) 1.5 min i_1"
    assert second == "Train queued, 2 of 3 i_2"
    assert (third, fourth) == ("Segment running 42 i_1", "Segment 2 running 42 i_1")

from __future__ import annotations

from typing import Any

from imjoy_engine.gateway.metrics import Ends, exposition

USAGE = {"cpu": 0.5, "cpu_s": 12.5, "memory_bytes": 1000, "gpu_memory_bytes": 7, "processes": 2}
PLUGIN: dict[str, Any] = {
    "name": 'A "b"',
    "workspace": "default",
    "instance": "i_1",
    "state": "ready",
    "usage": USAGE,
}
GPU = {"id": 0, "uuid": "GPU-1", "name": "H200", "holders": ["A"], "memoryUsed": 2, "load": None}


def test_figures_are_told_by_plugin_and_card() -> None:
    ends = Ends()
    ends.hear("i_1", {"event": "state", "state": "failed", "error": {"code": "memory-limit"}})
    ends.hear("i_1", {"event": "state", "state": "stopped"})
    ends.hear("i_1", {"event": "state", "state": "ready"})
    ends.hear("i_1", {"event": "log"})
    waiting = {**PLUGIN, "state": "queued", "usage": None}
    text = exposition([PLUGIN, waiting], [GPU], ends, waiting=1, spares=2).decode()
    labels = 'plugin="A \\"b\\"",workspace="default",instance="i_1"'
    for line in (
        'imjoy_plugins{state="queued"} 1.0',
        f"imjoy_plugin_cpu_seconds_total{{{labels}}} 12.5",
        f"imjoy_plugin_memory_bytes{{{labels}}} 1000.0",
        f"imjoy_plugin_gpu_memory_bytes{{{labels}}} 7.0",
        "imjoy_gpu_queue_length 1.0",
        "imjoy_spare_interpreters 2.0",
        'imjoy_plugin_ends_total{reason="memory-limit",state="failed"} 1.0',
        'imjoy_plugin_ends_total{reason="none",state="stopped"} 1.0',
        'imjoy_gpu_leases{gpu="0",name="H200",uuid="GPU-1"} 1.0',
        'imjoy_gpu_memory_used_bytes{gpu="0",name="H200",uuid="GPU-1"} 2.097152e+06',
    ):
        assert _sorted(line) in map(_sorted, text.splitlines()), (line, text)
    assert "imjoy_engine_process_resident_memory_bytes" in text
    assert "imjoy_gpu_load_ratio{" not in text


def _sorted(line: str) -> str:
    """Return the line with its labels in one order."""
    name, brace, rest = line.partition("{")
    if not brace:
        return line
    labels, _, value = rest.rpartition("}")
    return f"{name}{{{sorted(labels.split(','))}}}{value}"


def test_a_plugin_that_was_never_ready_counts_as_failed():
    ends = Ends()
    for instance, errors in (("i_1", ["its script failed"]), ("i_2", ["its setup failed", None])):
        for error in errors:
            ends.hear(instance, {"event": "begun", "error": error})
        ends.hear(instance, {"event": "state", "state": "stopped"})
    assert ends.counts == {("failed", "never-ready"): 1, ("stopped", "none"): 1}

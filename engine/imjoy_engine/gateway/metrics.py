"""The engine's figures in the form that Prometheus reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from imjoy_engine import __version__

__all__ = ["CONTENT_TYPE_LATEST", "Ends", "exposition"]

_LABELS = ("plugin", "workspace", "instance")
_MEBIBYTE = 1 << 20


class Ends:
    """Counts how plugins ended, since the engine's start."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self._never_ready: set[str] = set()

    def hear(self, instance: str, event: Mapping[str, Any]) -> None:
        """Take note of a plugin's event, if it is an end.

        Clients stop a plugin whose script or `setup` has failed: that counts as failed, too.
        """
        state = str(event.get("state"))
        if event.get("event") == "begun":
            note = self._never_ready.discard if event["error"] is None else self._never_ready.add
            note(instance)
        if event.get("event") == "state" and state in ("stopped", "failed"):
            reason = str((event.get("error") or {}).get("code", "none"))
            if instance in self._never_ready and state == "stopped":
                state, reason = "failed", "never-ready"
            self._never_ready.discard(instance)
            self.counts[state, reason] += 1


def exposition(
    plugins: Sequence[Mapping[str, Any]],
    gpus: Sequence[Mapping[str, Any]],
    ends: Ends,
    waiting: int,
    spares: int,
) -> bytes:
    """Return the text of `/metrics`."""
    registry = CollectorRegistry()
    ProcessCollector(namespace="imjoy_engine", registry=registry)
    queue = GaugeMetricFamily("imjoy_gpu_queue_length", "Plugins that wait for a GPU.", waiting)
    idle = GaugeMetricFamily("imjoy_spare_interpreters", "Those that wait for a plugin.", spares)
    figures = [*_engine(plugins, ends), queue, idle, *_each(plugins), *_cards(gpus)]
    registry.register(_Snapshot(figures))
    return generate_latest(registry)


class _Snapshot:
    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def _engine(plugins: Sequence[Mapping[str, Any]], ends: Ends) -> Iterable[Metric]:
    info = GaugeMetricFamily("imjoy_engine_info", "The engine's version.", labels=["version"])
    info.add_metric([__version__], 1)
    states = GaugeMetricFamily("imjoy_plugins", "Plugins by state.", labels=["state"])
    for state, count in Counter(str(plugin["state"]) for plugin in plugins).items():
        states.add_metric([state], count)
    ended = CounterMetricFamily(
        "imjoy_plugin_ends", "Plugins that have ended.", labels=["state", "reason"]
    )
    for (state, reason), count in ends.counts.items():
        ended.add_metric([state, reason], count)
    return [info, states, ended]


def _each(plugins: Sequence[Mapping[str, Any]]) -> Iterable[Metric]:
    cpu = CounterMetricFamily(
        "imjoy_plugin_cpu_seconds", "Processor time of a plugin's processes.", labels=_LABELS
    )
    gauges = {
        "memory_bytes": GaugeMetricFamily(
            "imjoy_plugin_memory_bytes", "Resident memory of its processes.", labels=_LABELS
        ),
        "gpu_memory_bytes": GaugeMetricFamily(
            "imjoy_plugin_gpu_memory_bytes", "GPU memory of its processes.", labels=_LABELS
        ),
        "processes": GaugeMetricFamily(
            "imjoy_plugin_processes", "How many processes it has.", labels=_LABELS
        ),
    }
    for plugin in plugins:
        if (usage := plugin["usage"]) is None:
            continue
        labels = [str(plugin["name"]), str(plugin["workspace"]), str(plugin["instance"])]
        cpu.add_metric(labels, usage["cpu_s"])
        for name, gauge in gauges.items():
            gauge.add_metric(labels, usage[name])
    return [cpu, *gauges.values()]


def _cards(gpus: Sequence[Mapping[str, Any]]) -> Iterable[Metric]:
    labels = ("gpu", "uuid", "name")
    held = GaugeMetricFamily("imjoy_gpu_leases", "Plugins that hold the card.", labels=labels)
    used = GaugeMetricFamily("imjoy_gpu_memory_used_bytes", "Its memory in use.", labels=labels)
    load = GaugeMetricFamily("imjoy_gpu_load_ratio", "How busy it is.", labels=labels)
    for gpu in gpus:
        values = [str(gpu["id"]), str(gpu["uuid"]), str(gpu["name"])]
        held.add_metric(values, len(gpu["holders"]))
        used.add_metric(values, gpu["memoryUsed"] * _MEBIBYTE)
        if gpu["load"] is not None:
            load.add_metric(values, gpu["load"])
    return [held, used, load]

"""Bars on a terminal, one for each plugin whose environment is being made, below the log."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from imjoy_engine.plugins import PluginInstance
from imjoy_engine.resources.quantities import bytes_in_words, seconds_in_words

__all__ = ["TerminalBars"]


class TerminalBars:
    """Shows what is under way on `console`; while nothing is, the terminal is the log's alone."""

    def __init__(self, console: Console) -> None:
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[amount]}", markup=False),
            TimeElapsedColumn(),
            TextColumn("{task.fields[rest]}", markup=False),
        )
        self._bars = Progress(*columns, console=console, transient=True)
        self._tasks: dict[str, TaskID] = {}

    def tell(self, instance: PluginInstance, event: dict[str, Any]) -> None:
        """Move the plugin's bar, or take it away when its environment is made or given up."""
        if event["event"] == "progress" and event["phase"] != "ready":
            self._move(instance, event)
        elif event["event"] == "state" and event["state"] != "preparing":
            self._remove(instance.id)

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._bars.stop()

    def _move(self, instance: PluginInstance, event: dict[str, Any]) -> None:
        if instance.id not in self._tasks:
            self._bars.start()
            self._tasks[instance.id] = self._bars.add_task("", total=None, amount="", rest="")
        words = event["message"] or f"{event['phase']} {event['item']}".strip()
        remaining_s = event.get("remaining_s")
        self._bars.update(
            self._tasks[instance.id],
            description=f"{instance.manifest.name}: {words}",
            total=event["total"],
            completed=event["done"],
            amount=_amount(event),
            rest="" if remaining_s is None else f"about {seconds_in_words(remaining_s)} left",
        )

    def _remove(self, instance_id: str) -> None:
        task = self._tasks.pop(instance_id, None)
        if task is not None:
            self._bars.remove_task(task)
            if not self._tasks:
                self._bars.stop()


def _amount(event: dict[str, Any]) -> str:
    if event["total"] is None:
        return ""
    if event["unit"] == "bytes":
        return f"{bytes_in_words(event['done'])} of {bytes_in_words(event['total'])}"
    return f"{event['done']} of {event['total']} {event['unit']}".strip()

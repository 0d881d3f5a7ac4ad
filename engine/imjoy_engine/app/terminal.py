"""What the person at the terminal sees of plugins: one line for each step, not for each byte."""

from __future__ import annotations

import logging
from typing import Any

from imjoy_engine.app.terminal_bars import TerminalBars
from imjoy_engine.plugins import PluginInstance

__all__ = ["TerminalLog"]

_LOG = logging.getLogger("imjoy_engine.plugins")
_SHOWN_STATES = {"starting": "starts", "stopped": "has stopped"}


class TerminalLog:
    """Log a plugin's states and the steps of its environment, each once."""

    def __init__(self, bars: TerminalBars | None = None) -> None:
        self._bars = bars
        self._last: dict[str, tuple[str, str]] = {}

    def tell(self, instance: PluginInstance, event: dict[str, Any]) -> None:
        """Log an event of a plugin if it is news; what moves is for the bars, if there are some."""
        if self._bars is not None:
            self._bars.tell(instance, event)
        name = instance.manifest.name
        about = {"plugin": name, "instance": instance.id, "workspace": instance.workspace}
        if event["event"] == "state":
            self._tell_state(instance, event, {**about, "state": event["state"]})
        elif event["event"] == "begun":
            if event["error"] is None:
                _LOG.info("%s is ready", name, extra=about)
            else:
                _LOG.warning("%s cannot be used: %s", name, event["error"], extra=about)
        elif event["event"] == "progress":
            step = (event["phase"], event["item"] if self._bars is None else "")
            if step != self._last.get(instance.id):
                self._last[instance.id] = step
                _LOG.info("%s: %s", name, event["message"] or event["phase"], extra=about)

    def _tell_state(
        self, instance: PluginInstance, event: dict[str, Any], about: dict[str, str]
    ) -> None:
        name = instance.manifest.name
        if event["state"] == "queued":
            _LOG.info("%s: %s", name, event.get("detail", "Waiting"), extra=about)
        if event["state"] == "ready":
            # Its process is there; whether the plugin is, its script and its setup decide.
            _LOG.info("%s runs as process %s", name, event.get("pid"), extra=about)
        if words := _SHOWN_STATES.get(event["state"]):
            _LOG.info("%s %s", name, words, extra=about)
        if instance.lifecycle.is_final:
            self._last.pop(instance.id, None)

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._bars is not None:
            self._bars.close()

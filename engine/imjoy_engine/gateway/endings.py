"""What became of a plugin that a person has ended, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imjoy_engine.errors import EngineError, MachineError
from imjoy_engine.plugins.lifecycle import State

__all__ = ["ending_in_words"]

_WITHOUT_PROCESS = {
    State.NEW: "stopped before it was begun",
    State.QUEUED: "stopped while it waited for a GPU",
    State.PREPARING: "stopped while its environment was prepared",
    State.STARTING: "stopped while it started",
    State.BACKOFF: "stopped before it was started again",
}


def ending_in_words(was: State, report: Mapping[str, Any] | None, error: EngineError | None) -> str:
    """Return how a plugin went that was to be stopped, from its state before.

    `report` is how its process ended, None when it had none; `error` is why it would have ended
    without a stop, or could not be ended.
    """
    if isinstance(error, MachineError):
        return error.message
    if error is not None:
        words = error.message if report is None else report["words"]
        return f"had ended already: {words}"
    if report is None:
        return _WITHOUT_PROCESS.get(was, "stopped")
    exit_code, signal = report["exit_code"], report["signal"]
    if exit_code is not None:
        return "stopped" if exit_code == 0 else f"stopped (exit code {exit_code})"
    if signal == "SIGKILL":
        return "killed (SIGKILL): it did not leave by itself"
    if signal in ("SIGINT", "SIGTERM"):
        return f"stopped ({signal})"
    return f"its process ended while it was stopped: {report['words']}"

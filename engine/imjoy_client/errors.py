"""Every error of the client, drawn as a tree.

    ClientError
    ├── EngineRefusedError    the engine said no: wrong token, unknown plugin, bad request
    ├── PluginFailedError     the plugin did not start, or its script failed
    ├── PluginFileError       the file is no plugin
    └── RunFailedError        a run ended without a result: its plugin ended

What a plugin's own code raises arrives as `imjoy_wire.errors.RemoteError`, what waits for a plugin
that ends as `imjoy_wire.errors.PeerGoneError`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = [
    "ClientError",
    "EngineRefusedError",
    "PluginFailedError",
    "PluginFileError",
    "RunFailedError",
]


class ClientError(Exception):
    """Say in one sentence what went wrong; `hint` says what to do next."""

    def __init__(self, message: str, *, hint: str = "", code: str = "") -> None:
        super().__init__(f"{message} {hint}".strip())
        self.message = message
        self.hint = hint
        self.code = code


class EngineRefusedError(ClientError):
    """The engine did not do what it was asked."""

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> EngineRefusedError:
        """Return the error that a refusing ack carries."""
        return cls(
            str(answer.get("error") or "The engine refused."),
            hint=str(answer.get("hint") or ""),
            code=str(answer.get("code") or ""),
        )


class PluginFailedError(ClientError):
    """The plugin is not there to be called; `log_tail` holds the last lines of what it said."""

    def __init__(self, message: str, *, hint: str = "", code: str = "", log_tail: str = "") -> None:
        super().__init__(message, hint=hint, code=code)
        self.log_tail = log_tail


class PluginFileError(ClientError):
    """The file cannot be read as a plugin."""


class RunFailedError(ClientError):
    """A run is over and there is nothing to return."""

    @classmethod
    def of(cls, run: Mapping[str, Any]) -> RunFailedError:
        """Return the error for what the engine knows of a run."""
        error = run.get("error") or {}
        words = error.get("message") or "Its result was not kept: it was too big."
        return cls(
            f"The run of {run.get('name') or 'a function'!r} in {run.get('plugin')!r} gave "
            f"nothing. {words}",
            hint=str(error.get("hint") or ""),
            code=str(error.get("code") or "no-result"),
        )

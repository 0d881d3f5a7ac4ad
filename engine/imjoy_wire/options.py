"""What the caller of a remote function may ask for beside the call itself."""

from __future__ import annotations

from typing import Any, Callable, NamedTuple, Optional

__all__ = ["CallOptions"]


class CallOptions(NamedTuple):
    """What calls of one function keep to."""

    timeout_s: Optional[float] = None
    """After so many seconds without an answer a call is cancelled."""
    on_progress: Optional[Callable[..., Any]] = None
    """Hears how far a call is."""

    @classmethod
    def checked(
        cls, timeout_s: Optional[float], on_progress: Optional[Callable[..., Any]]
    ) -> CallOptions:
        """Return the options. Raises ValueError and TypeError for what cannot be kept to."""
        if timeout_s is not None and not timeout_s > 0:
            raise ValueError(f"a call cannot be answered within {timeout_s} s")
        if on_progress is not None and not callable(on_progress):
            raise TypeError("on_progress is not a function")
        return cls(timeout_s, on_progress)

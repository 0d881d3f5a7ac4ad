"""What a person sees while an environment is made: typed events, at most a handful a second.

What is not here: where the numbers come from (`uv_output.py`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

__all__ = ["OnProgress", "Phase", "Progress", "ProgressThrottle"]


class Phase(StrEnum):
    """The steps of making an environment, in their order."""

    QUEUED = "queued"
    RESOLVE = "resolve"
    DOWNLOAD = "download"
    BUILD = "build"
    LINK = "link"
    VERIFY = "verify"
    READY = "ready"


@dataclass(frozen=True, slots=True)
class Progress:
    """One thing that happened on the way to an environment.

    `item` is what it happened to, most often a package; `done` of `total` are in `unit` ("bytes" or
    "packages"), and `total` is None when nobody knows; `message` is one line for a person.
    """

    phase: Phase
    item: str = ""
    done: int = 0
    total: int | None = None
    unit: str = ""
    message: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the form that events carry."""
        return {**asdict(self), "phase": self.phase.value}


OnProgress = Callable[[Progress], None]


class ProgressThrottle:
    """Lets through the first event of each phase and item, its last, and 5 a second between."""

    def __init__(
        self,
        on_progress: OnProgress,
        *,
        interval_s: float = 0.2,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._on_progress = on_progress
        self._interval_s = interval_s
        self._monotonic = monotonic
        self._phase: Phase | None = None
        self._last_s = 0.0

    def __call__(self, progress: Progress) -> None:
        """Pass `progress` on, or drop it because another one was passed on just now."""
        now_s = self._monotonic()
        finished = progress.total is not None and progress.done >= progress.total
        early = now_s - self._last_s < self._interval_s
        if progress.phase == self._phase and early and not finished:
            return
        self._phase = progress.phase
        self._last_s = now_s
        self._on_progress(progress)

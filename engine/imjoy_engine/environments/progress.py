"""What a person sees while an environment is made: typed events, at most a handful a second.

What is not here: where the numbers come from (`uv_output.py`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

__all__ = ["OnProgress", "Phase", "Progress", "ProgressThrottle", "counted"]


class Phase(StrEnum):
    """The steps of making an environment, in their order."""

    QUEUED = "queued"
    RESOLVE = "resolve"
    DOWNLOAD = "download"
    BUILD = "build"
    LINK = "link"
    COMMAND = "command"
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
    """Passes progress on, at most 5 times a second within a phase.

    The first of a phase and the one that completes it always pass; what says the same again never.
    """

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
        self._last: Progress | None = None
        self._last_s = 0.0

    def __call__(self, progress: Progress) -> None:
        """Pass `progress` on, or drop it because another one was passed on just now."""
        if progress == self._last:
            return
        now_s = self._monotonic()
        same_phase = self._last is not None and progress.phase == self._last.phase
        complete = progress.total is not None and progress.done >= progress.total
        if same_phase and not complete and now_s - self._last_s < self._interval_s:
            return
        self._last = progress
        self._last_s = now_s
        self._on_progress(progress)


def counted(packages: int) -> str:
    """Return `1 package` or `9 packages`."""
    return "1 package" if packages == 1 else f"{packages} packages"

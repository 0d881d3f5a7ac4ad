"""How long the making of an environment has taken, and how long it may still take."""

from __future__ import annotations

from collections.abc import Callable

from imjoy_engine.environments.progress import Phase, Progress

__all__ = ["Forecast"]

_WATCHED_S = 1.0
"""For so long nobody can say how fast it goes."""


class Forecast:
    """Hears all progress of one environment, and tells elapsed and remaining seconds.

    What remains is said of a phase alone that counts bytes or packages, from its rate so far.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._began_s = monotonic()
        self._phase: Phase | None = None
        self._phase_s = self._began_s
        self._items: dict[str, tuple[int, int]] = {}

    def hear(self, progress: Progress) -> None:
        """Take note of something that happened."""
        if progress.phase != self._phase:
            self._phase, self._phase_s = progress.phase, self._monotonic()
            self._items = {}
        if progress.total:
            self._items[progress.item] = (progress.done, progress.total)

    @property
    def elapsed_s(self) -> float:
        """Seconds since the beginning."""
        return self._monotonic() - self._began_s

    @property
    def remaining_s(self) -> float | None:
        """Seconds until the end of the phase, at the pace so far; None when nobody can say."""
        took_s = self._monotonic() - self._phase_s
        # Those that are complete may be followed by others; what is known of is all that counts.
        done = sum(done for done, _ in self._items.values())
        total = sum(total for _, total in self._items.values())
        if took_s < _WATCHED_S or not 0 < done < total:
            return None
        return took_s * (total - done) / done

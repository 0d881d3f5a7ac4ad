"""How much a store may take, and what became of it when room was made."""

from __future__ import annotations

from dataclasses import dataclass

from imjoy_engine.config import Limits

__all__ = ["Removed", "RoomMade", "StoreLimits"]


@dataclass(frozen=True, slots=True)
class StoreLimits:
    """What a store may take: all of it together, and how long one may lie unused.

    None is no limit.
    """

    max_bytes: int | None = Limits.store_max_bytes
    max_age_s: float | None = Limits.store_max_age_s


@dataclass(frozen=True, slots=True)
class Removed:
    """The key of an environment that was removed, and why, in words."""

    key: str
    why: str


@dataclass(frozen=True, slots=True)
class RoomMade:
    """What was removed, or would be, and what the disk gets back.

    `swept` counts what is no environment: scratch of killed engines, packages in caches. `busy` is
    whether some of it had to stay, because a tool is at work in the store.
    """

    removed: tuple[Removed, ...]
    freed_bytes: int
    left_bytes: int
    swept: int = 0
    busy: bool = False

    @property
    def keys(self) -> tuple[str, ...]:
        """The environments that went, the most dispensable first."""
        return tuple(one.key for one in self.removed)

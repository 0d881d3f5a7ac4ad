"""When a plugin whose process has crashed is started again. Decisions only: no clock, no processes.

A plugin is started again when its config says so (`restart`), or when it says nothing and is one
that others rely on: `single-instance` or `allow-detach`. Never for ever: after `most` crashes
within `within_s` seconds it stays ended, and each wait is twice the last.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from imjoy_engine.errors import ManifestError

__all__ = ["Again", "Crashes", "RestartPolicy", "restart_policy"]

_RELIED_ON = frozenset({"single-instance", "allow-detach"})
_WORDS = {"never": False, "on-crash": True, False: False, True: True}
_MOST_ALLOWED = 100


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """At most `most` new starts in `within_s` seconds; none when `most` is 0."""

    most: int = 3
    within_s: float = 600.0
    first_wait_s: float = 1.0
    longest_wait_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Again:
    """Start it again after `wait_s` seconds; this is attempt `attempt` of `most`."""

    wait_s: float
    attempt: int
    most: int


@dataclass(slots=True)
class Crashes:
    """When one plugin has crashed, in seconds of a clock that never goes back."""

    policy: RestartPolicy
    times_s: list[float] = field(default_factory=list)

    def another(self, now_s: float) -> Again | None:
        """Take note of a crash; return what to do, or None when it is to stay ended."""
        policy = self.policy
        self.times_s = [at_s for at_s in self.times_s if now_s - at_s < policy.within_s]
        self.times_s.append(now_s)
        count = len(self.times_s)
        if count > policy.most:
            return None
        wait_s = min(policy.first_wait_s * 2.0 ** (count - 1), policy.longest_wait_s)
        return Again(wait_s, count, policy.most)


def restart_policy(
    config: Mapping[str, Any], flags: frozenset[str], usual: RestartPolicy
) -> RestartPolicy:
    """Return what a plugin's config asks for: `restart` is "never", "on-crash" or a number.

    A number is how often within `usual.within_s` seconds. Raises ManifestError for anything else.
    """
    asked = config.get("restart")
    if asked is None:
        asked = bool(flags & _RELIED_ON)
    if type(asked) is int and 0 <= asked <= _MOST_ALLOWED:
        most = asked
    elif isinstance(asked, (str, bool)) and asked in _WORDS:
        most = usual.most if _WORDS[asked] else 0
    else:
        raise ManifestError(
            f"The plugin's restart is {str(asked)[:40]!r}.",
            hint=f'Write "never", "on-crash", or how often: a number up to {_MOST_ALLOWED}.',
        )
    return RestartPolicy(most, usual.within_s, usual.first_wait_s, usual.longest_wait_s)

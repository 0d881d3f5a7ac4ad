"""Room is made in a store without anybody's asking, in the background of an engine.

A process of the lowest priority does it (`housekeeping_helper.py`): looking through a large store
takes a while, and neither the engine nor a plugin is to notice. Whatever somebody holds is passed
over, not waited for.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from imjoy_engine.clock import Clock, SystemClock
from imjoy_engine.environments.builder import Attempt
from imjoy_engine.environments.helper import HelperFailure, ask_helper
from imjoy_engine.environments.room import StoreLimits
from imjoy_engine.environments.shelf import Shelf
from imjoy_engine.processes import outlast, scrubbed

__all__ = ["Housekeeping"]

_LOG = logging.getLogger(__name__)
_HELPER = ("-m", "imjoy_engine.environments.housekeeping_helper")
_DELAY_S = 120.0
_INTERVAL_S = 900.0
_PERIOD_S = 24 * 3600.0


class Housekeeping:
    """Keeps the store at `root` within `limits`, from `start` to `close`.

    First `delay_s` after its start, then each day, and within a quarter of an hour after `want`.
    `machine` are the engine's variables.
    """

    def __init__(
        self,
        root: Path,
        limits: StoreLimits,
        machine: Mapping[str, str],
        clock: Clock | None = None,
        *,
        delay_s: float = _DELAY_S,
    ) -> None:
        self._shelf = Shelf(root)
        self._limits = limits
        self._variables = scrubbed(machine)
        self._clock = clock or SystemClock()
        self._delay_s = delay_s
        self._wanted = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look after the store."""
        self._task = asyncio.get_running_loop().create_task(self._keep(), name="housekeeping")

    def want(self) -> None:
        """Have room made soon: the store has grown."""
        self._wanted = True

    async def close(self) -> None:
        """Return when nothing is removed any more; what is half removed nobody trusts."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.wait([self._task])

    async def tidy(self) -> None:
        """Make room now, and log what was removed and why; trouble is logged and nobody's else."""
        try:
            if not await asyncio.to_thread(self._shelf.root.is_dir):
                return
            found = await self._asked()
        except (HelperFailure, OSError) as error:
            _LOG.warning("No room could be made in the store of environments: %s", error)
            return
        if words := _words(found):
            _LOG.info("Made room in the store of environments: %s", words)

    async def _keep(self) -> None:
        await self._clock.sleep(self._delay_s)
        last_s = -math.inf
        while True:
            if self._wanted or self._clock.monotonic() - last_s >= _PERIOD_S:
                self._wanted = False
                await self.tidy()
                last_s = self._clock.monotonic()
            await self._clock.sleep(_INTERVAL_S)

    async def _asked(self) -> dict[str, Any]:
        request = {
            "root": str(self._shelf.root),
            "limits": asdict(self._limits),
            "now_s": self._clock.now(),
        }
        making = asyncio.ensure_future(asyncio.to_thread(self._shelf.scratch))
        try:
            attempt = Attempt(await outlast(making), lambda progress: None)
            return await ask_helper(_HELPER, request, attempt, self._variables, lambda event: None)
        finally:
            with contextlib.suppress(OSError):
                removing = asyncio.to_thread(self._shelf.discard, making.result())
                await outlast(asyncio.ensure_future(removing))


def _words(found: Mapping[str, Any]) -> str:
    """Return what was removed and why, or "" when nothing was."""
    what = [f"{one['key']} ({one['why']})" for one in found["removed"]]
    if found["pruned"]:
        what.append("what killed downloads left")
    if swept := found["swept"]:
        what.append(f"{swept} leftover{'s' * (swept > 1)} in caches and of killed engines")
    if not what:
        return ""
    freed, left = (max(0, found[name]) / 1e6 for name in ("freed_bytes", "left_bytes"))
    return f"removed {', '.join(what)}; {freed:.1f} MB freed, {left:.1f} MB left"

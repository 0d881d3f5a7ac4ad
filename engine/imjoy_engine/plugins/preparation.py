"""A plugin's environment as its supervisor wants it: one lease, and all that people see on the way.

What is not here: how environments are made (`environments`), and what happens in them
(`supervisor.py`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from imjoy_engine.environments import (
    Choices,
    EnvironmentLease,
    Environments,
    EnvironmentSpec,
    Forecast,
    Owner,
    Progress,
    remedies,
    spec_from_config,
)
from imjoy_engine.errors import CommandRefusedError, EnvironmentBuildError
from imjoy_engine.plugins.consent import Consents
from imjoy_engine.plugins.instance import PluginInstance

__all__ = ["Preparation", "Pythons"]

_NOBODY_ASKED = (
    "No client of it can ask a person. Load it on the engine's page, give start_plugin an "
    "allow_commands, or start the engine with --allow-commands to allow every plugin everything."
)

Pythons = Callable[[], Awaitable[list[str]]]
"""Returns the versions of Python that this machine has."""


class Preparation:
    """Gets the environment of one plugin; raises `ManifestError` when its wish makes no sense."""

    def __init__(
        self,
        instance: PluginInstance,
        environments: Environments,
        consents: Consents | None = None,
        pythons: Pythons | None = None,
    ) -> None:
        self._instance = instance
        self._environments = environments
        self._consents = consents
        self._pythons = pythons
        self._could_ask = True
        self._forecast = Forecast(time.monotonic)
        wanted = spec_from_config(instance.manifest.config)
        self._owner = Owner(
            name=instance.manifest.name, work_dir=instance.work_dir, allow=self._allow
        )
        self.spec: EnvironmentSpec = Choices.read(instance.choices).applied(wanted)

    async def lease(self) -> EnvironmentLease:
        """Return a lease; a failure carries what a person could try, in `actions`."""
        self._forecast = Forecast(time.monotonic)
        self._could_ask = True
        try:
            return await self._environments.ensure(self.spec, self._tell, self._owner)
        except CommandRefusedError as error:
            if not self._could_ask:
                error.hint = _NOBODY_ASKED
            else:
                one = len(self.spec.commands) == 1
                what = "command was" if one else "commands were"
                error.message = f"The plugin's own {what} refused, and its environment needs "
                error.message += "it." if one else "them."
            raise
        except EnvironmentBuildError as error:
            pythons = await self._pythons() if self._pythons is not None else []
            error.actions = [each.as_dict() for each in remedies(error, self.spec, pythons)]
            raise

    async def lease_again(self) -> EnvironmentLease:
        """Return another lease of the environment that is there now, without a word to anybody."""
        return await self._environments.ensure(self.spec, lambda _: None, self._owner)

    def shared_variables(self, lease: EnvironmentLease) -> dict[str, str]:
        """Return the variables of the environment itself, without those that the plugin brings."""
        own = dict(self.spec.variables)
        return {name: value for name, value in lease.variables.items() if name not in own}

    def _tell(self, progress: Progress) -> None:
        forecast = self._forecast
        forecast.hear(progress)
        remaining_s = forecast.remaining_s
        self._instance.emit(
            "progress",
            **progress.as_dict(),
            elapsed_s=round(forecast.elapsed_s, 1),
            remaining_s=None if remaining_s is None else round(remaining_s, 1),
        )

    async def _allow(self, commands: tuple[str, ...]) -> bool:
        """Return whether a person allows the commands, now or earlier."""
        instance, consents = self._instance, self._consents
        name = instance.manifest.name
        if consents is None:
            return False
        if await asyncio.to_thread(consents.covers, name, commands):
            return True
        self._could_ask = bool(instance.askers)
        if not self._could_ask or not await instance.question.ask(commands):
            return False
        await asyncio.to_thread(consents.remember, name, commands)
        return True

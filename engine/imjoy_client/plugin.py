"""One plugin as a program sees it: its functions as awaitable attributes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from imjoy_client.end import PluginEnd
from imjoy_client.functions import function_of

__all__ = ["PluginProxy"]


class PluginProxy:
    """A started plugin: `await plugin.name(...)` calls its function `name`.

    Arguments and results are those of the wire: JSON values, bytes, numpy arrays, functions. A call
    is sent at once, awaited or not. A function whose name is taken here is found as
    `plugin["stop"]`.
    """

    def __init__(self, end: PluginEnd, stop: Callable[[str], Awaitable[None]]) -> None:
        self._end = end
        self._stop = stop

    @property
    def plugin_name(self) -> str:
        """The plugin's own name."""
        return self._end.name

    @property
    def plugin_state(self) -> str:
        """Where the plugin is in its life, as the engine last said."""
        return self._end.state

    async def interface(self) -> dict[str, Any]:
        """Return the plugin's functions by name, as it last exported them."""
        return self._end.interface

    async def stop(self) -> None:
        """Return when the plugin's process has ended."""
        await self._stop(self._end.plugin_id)

    def __getitem__(self, name: str) -> Any:
        return self._end.interface[name]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return function_of(self._end.interface, name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._end.interface})

    def __repr__(self) -> str:
        return f"<plugin {self.plugin_name}: {self.plugin_state}>"

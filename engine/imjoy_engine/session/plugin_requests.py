"""What clients ask about plugins that run, their own or not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imjoy_engine.plugins import PluginPool
from imjoy_engine.session.attaching import instance_by_id
from imjoy_engine.session.session import Session

__all__ = ["PluginRequests"]


class PluginRequests:
    """The requests by name, for the gateway."""

    def __init__(self, pool: PluginPool) -> None:
        self._pool = pool

    def requests(self) -> dict[str, Any]:
        """Return the handler of each request."""
        return {"get_plugin_source": self._source, "get_plugin_log": self._log}

    def _source(self, session: Session, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Return the plugin file of a running plugin, "" when its client did not tell it."""
        instance = instance_by_id(payload.get("instance"), session.workspace, self._pool)
        return {"source": instance.manifest.source}

    async def _log(self, session: Session, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Return the last of what a plugin has printed, by the seconds it came in.

        That of the running `instance`, or of the `plugin` of that name when it ran last.
        """
        name = payload.get("plugin")
        if payload.get("instance") is None and isinstance(name, str):
            pieces = await self._pool.printed_before(name, session.workspace)
        else:
            instance = instance_by_id(payload.get("instance"), session.workspace, self._pool)
            pieces = await instance.output.recent()
        return {"parts": [{"text": piece.text, "time_s": piece.time_s} for piece in pieces]}

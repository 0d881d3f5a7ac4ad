"""What a session works with, and what it notes of each plugin that it uses."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from imjoy_engine.config import Limits
from imjoy_engine.plugins import PluginInstance, PluginPool
from imjoy_engine.relay.relay import Relay
from imjoy_engine.relay.routes import Routes
from imjoy_engine.session.runs import Runs

__all__ = ["Attachment", "SessionTools"]


@dataclass(frozen=True, slots=True)
class SessionTools:
    """What every session works with."""

    pool: PluginPool
    relay: Relay
    routes: Routes
    workspace_root: Path
    limits: Limits
    runs: Runs
    outbox_dir: Path | None = None
    """Where what waits for clients that are away is kept; None: in memory."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A plugin that a client uses: under which id, and by which peer of its own."""

    plugin_id: str
    instance: PluginInstance
    client_peer: str

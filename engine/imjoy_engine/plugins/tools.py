"""What every plugin's supervisor works with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from imjoy_engine.config import Limits
from imjoy_engine.environments import Environments
from imjoy_engine.plugins.consent import Consents
from imjoy_engine.plugins.detached import DetachedPlugins
from imjoy_engine.plugins.guard import ResourceGuard
from imjoy_engine.plugins.preparation import Pythons
from imjoy_engine.plugins.spares import SpareInterpreters
from imjoy_engine.provisioners import Provisioner
from imjoy_engine.resources import GpuLeases
from imjoy_engine.transport import WorkerListener

__all__ = ["Tools"]


@dataclass(frozen=True, slots=True)
class Tools:
    """What a supervisor needs to bring a plugin up; chosen in the composition root."""

    environments: Environments
    provisioner: Provisioner
    listener: WorkerListener
    worker: Path
    engine_url: Callable[[], str]
    limits: Limits
    spares: SpareInterpreters | None = None
    consents: Consents | None = None
    """What people allowed; None: plugins run no commands of their own."""
    pythons: Pythons | None = None
    detached: DetachedPlugins | None = None
    """The records of plugins that may outlive the engine; None: none may."""
    written: Callable[[], asyncio.Future[None] | None] = lambda: None
    """Done when what was to be kept of such plugins is on disk; None when it is."""
    shared_memory: Path | None = None
    """Where workers of this machine leave large buffers for each other; None: nowhere."""
    gpus: GpuLeases | None = None
    """The machine's GPUs; None: plugins see whatever there is."""
    guard: ResourceGuard | None = None
    """Who holds plugins to their limits; None: nobody."""

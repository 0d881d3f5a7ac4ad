"""What the engine was told, read once and handed down.

This is the only module that reads the environment, but for the options of the command line, which
may be `IMJOY_ENGINE_…` variables (`cli.variables`); those win over the defaults here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

__all__ = [
    "DEFAULT_WORKSPACE",
    "STATE_DIR_NAME",
    "EngineConfig",
    "Limits",
    "default_store",
    "process_environment",
]

STATE_DIR_NAME = ".imjoy-engine"
DEFAULT_WORKSPACE = "default"


@dataclass(frozen=True)
class Limits:
    """The bounds of one engine; a durations ends in `_s`, a size in `_bytes`."""

    max_message_bytes: int = 1 << 30
    """One frame, header and buffers included."""
    link_high_water_bytes: int = 8 << 20
    """Waiting for one client from one plugin before that is no longer read from."""
    link_low_water_bytes: int = 2 << 20
    outbox_bytes: int = 1 << 30
    """Kept on disk for a client whose connection dropped, before its plugins must wait."""
    register_timeout_s: float = 15.0
    """A connection that has not registered by then is closed."""
    session_grace_s: float = 900.0
    """A session whose connection dropped, and a plugin without a client, live on this long."""
    max_runs_kept: int = 500
    """That are over; beyond it, and beyond the next two, the oldest are forgotten."""
    run_kept_s: float = 30 * 86400.0
    runs_bytes: int = 4 << 30
    """The results of all runs."""
    run_result_bytes: int = 1 << 30
    """A bigger result is delivered and not kept."""
    start_timeout_s: float = 60.0
    """From launching a worker to its hello."""
    stop_timeout_s: float = 3.0
    """For a plugin's `exit()`, before the ladder of signals."""
    shutdown_timeout_s: float = 2.0
    """For open HTTP requests when the engine stops."""
    restarts: int = 3
    """A plugin that is to be started again after a crash is so this often …"""
    restarts_within_s: float = 600.0
    """… in this time."""
    restart_wait_s: float = 1.0
    """Before the first of these starts; before each other one twice the last."""
    detached_s: float = 7 * 24 * 3600.0
    """A plugin that may detach lives on so long without an engine."""
    max_plugins: int = 200
    max_plugins_per_session: int = 100
    plugin_memory_bytes: int | None = None
    """Of the process tree of a plugin that says nothing of it; None is no limit."""
    plugin_cpus: int | None = None
    idle_timeout_s: float | None = None
    """A plugin that nobody uses for so long is stopped; None is never."""
    spare_interpreters: int = 2
    """Workers that wait, already started, for the next plugin of an environment used before."""
    spare_idle_s: float = 600.0
    """One that nobody wanted for so long ends."""
    spare_delay_s: float = 0.5
    """From a plugin's start to that of a spare for the next."""
    store_max_age_s: float | None = 90 * 86400.0
    """An environment that nobody has used for so long is removed; None is never."""
    store_max_bytes: int | None = None
    """Of all environments and caches together, before the least recently used go."""
    store_tidy_delay_s: float = 120.0
    """From the engine's start to the first look at what can be removed."""
    plugin_log_bytes: int = 20 << 20
    """Of one plugin's log file, before it is rotated once."""


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """Everything `imjoy-engine serve` was asked for."""

    workspace: Path
    host: str = "127.0.0.1"
    port: int = 9527
    token: str | None = None
    base_url: str | None = None
    debug: bool = False
    allow_commands: bool = False
    """Plugins may run their own commands for their environments, without a person being asked."""
    allow_origins: tuple[str, ...] = ()
    file_roots: tuple[Path, ...] = ()
    """Directories beside the workspace that clients may see."""
    store: Path = field(default_factory=lambda: default_store())
    """Where environments are built, shared by all workspaces."""
    gpu_probe: str = "nvml"
    """Who lists the GPUs: `nvml`, the name of an installed probe, or `module:attribute`."""
    share_gpus: bool = False
    """Every lease of a GPU may be beside others on the same card."""
    use_cgroups: bool = True
    """Limits are kept by control groups where the engine may make them."""
    gpus_on_request: bool = False
    """Plugins that ask for no GPU see none."""
    locked: bool = False
    """Only exactly what the locks of the workspace's plugins say is built."""
    environment: Mapping[str, str] = field(default_factory=lambda: process_environment())
    """The variables that the engine itself was started with."""
    limits: Limits = field(default_factory=Limits)
    name: str = "ImJoy Engine"

    @property
    def state_dir(self) -> Path:
        """Return the directory of the engine's own files inside the workspace."""
        return self.workspace / STATE_DIR_NAME


def process_environment() -> dict[str, str]:
    """Return a copy of the environment variables this process was started with."""
    return dict(os.environ)


def default_store(environment: Mapping[str, str] | None = None) -> Path:
    """Return `$IMJOY_ENGINE_STORE`, or `imjoy-engine` in the user's cache directory."""
    variables = os.environ if environment is None else environment
    if chosen := variables.get("IMJOY_ENGINE_STORE"):
        return Path(chosen).expanduser().absolute()
    cache = variables.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache).expanduser().absolute() / "imjoy-engine"

"""The parts of environments, chosen and joined: for an engine, and for the command line."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from imjoy_engine.clock import Clock, SystemClock
from imjoy_engine.config import EngineConfig
from imjoy_engine.environments import (
    Builders,
    BytecodeCompiler,
    CondaBuilder,
    CondaSettings,
    EnvironmentStore,
    ExistingBuilder,
    Housekeeping,
    Inventory,
    Mover,
    PackedBuilder,
    PluginEnvironments,
    Shelves,
    StoreLimits,
    UvBuilder,
    condarc_files,
    pip_config_files,
)
from imjoy_engine.resources.cuda import cuda_version

__all__ = ["SHIPPED", "EnvironmentTools", "open_environments"]

SHIPPED = Path(__file__).resolve().parent.parent / "built" / "envs"
"""The named environments that come with the engine."""


@dataclass(frozen=True, slots=True)
class EnvironmentTools:
    """All that can be done with the environments of one store.

    `plugins` fulfils wishes, as supervisors want them; `inventory` looks after the store; `mover`
    packs and unpacks; `housekeeping` makes room by itself, once it is started.
    """

    store: EnvironmentStore
    plugins: PluginEnvironments
    inventory: Inventory
    mover: Mover
    housekeeping: Housekeeping


def open_environments(config: EngineConfig, clock: Clock | None = None) -> EnvironmentTools:
    """Return the tools for the store that `config` names; nothing is made before it is needed."""
    machine = config.environment
    cache = Path(machine.get("UV_CACHE_DIR") or config.store / "uv")
    rattler = config.store / "rattler"
    own = cache == config.store / "uv"
    uv = UvBuilder(cache, machine, _texts(pip_config_files(machine)), is_own_cache=own)
    settings = CondaSettings(_texts(condarc_files(machine)))
    packed = PackedBuilder(machine, uv)
    builders = Builders(
        uv,
        CondaBuilder(rattler, machine, uv, cuda_version, settings),
        ExistingBuilder(machine, uv.machine),
        packed,
    )
    bounds = config.limits
    housekeeping = Housekeeping(
        config.store,
        StoreLimits(bounds.store_max_bytes, bounds.store_max_age_s),
        machine,
        clock,
        delay_s=bounds.store_tidy_delay_s,
    )
    store = EnvironmentStore(
        config.store,
        builders,
        clock or SystemClock(),
        variables=machine,
        caches=(cache, rattler),
        on_built=housekeeping.want,
    )
    return EnvironmentTools(
        store=store,
        plugins=PluginEnvironments(
            store,
            config.state_dir / "locks",
            machine=machine,
            shelves=Shelves((SHIPPED,), cuda_version),
            locked=config.locked,
            bytecode=BytecodeCompiler(config.store, machine, clock),
        ),
        inventory=Inventory(config.store),
        mover=Mover(store, packed, uv, machine),
        housekeeping=housekeeping,
    )


def _texts(files: Iterable[Path]) -> list[str]:
    found = []
    for path in files:
        # A file that is not there or not ours to read has nothing to say.
        with contextlib.suppress(OSError):
            found.append(path.read_text(encoding="utf-8", errors="replace"))
    return found

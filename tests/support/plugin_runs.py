"""One plugin on a stage, with everything that was told of it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from imjoy_engine.plugins.instance import InstanceObserver, PluginInstance
from imjoy_engine.plugins.lifecycle import State
from imjoy_engine.plugins.manifest import PluginManifest
from imjoy_engine.plugins.supervisor import PluginSupervisor
from support.workers import Stage, config

__all__ = ["Run"]


class Run:
    """A plugin whose supervisor has not started yet."""

    def __init__(self, stage: Stage, tmp_path: Path, **fields: Any) -> None:
        self.stage = stage
        self.events: list[dict[str, Any]] = []
        self.frames: list[Any] = []
        self.instance = PluginInstance(
            PluginManifest.from_config(config(**fields)),
            workspace="default",
            work_dir=tmp_path / "work",
            log_dir=tmp_path / "logs",
            max_log_bytes=1 << 20,
            observer=InstanceObserver(
                lambda _, event: self.events.append(event),
                lambda _, frame: self.frames.append(frame),
            ),
        )
        self.supervisor = PluginSupervisor(self.instance, stage.tools)

    async def reached(self, *states: State) -> State:
        return await asyncio.wait_for(self.instance.lifecycle.reached(*states), 20)

    @property
    def states(self) -> list[str]:
        return [event["state"] for event in self.events if event["event"] == "state"]

    @property
    def error(self) -> dict[str, Any]:
        last = self.events[-1]
        assert last["event"] == "state"
        error: dict[str, Any] = last["error"]
        return error

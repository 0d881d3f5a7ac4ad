from __future__ import annotations

import asyncio
from pathlib import Path

from imjoy_engine.plugins.guard import ResourceGuard
from imjoy_engine.plugins.lifecycle import State
from support.clock import FakeClock
from support.plugin_runs import Run
from support.workers import Stage


async def asked(run: Run, clock: FakeClock, idle_s: float | None, times: int) -> None:
    """Let the time go by, and answer the question whether the plugin is idle."""
    async with asyncio.timeout(20):
        while not clock.sleeping:
            clock.slept.clear()
            await clock.slept.wait()
    clock.advance(60)
    await run.stage.worker.hears("idle", times)
    run.stage.worker.say("idle", {"idle_s": idle_s}, sender=run.instance.peer_id)


async def test_an_idle_plugin_is_stopped_and_says_why(stage: Stage, tmp_path: Path) -> None:
    clock = FakeClock()
    stage.use(guard=ResourceGuard(lambda: "off", clock))
    run = Run(stage, tmp_path, name="Lazy", limits={"idle_timeout": "1 min"})
    run.supervisor.start()
    await run.reached(State.READY)
    await asked(run, clock, 0.0, times=1)
    await asked(run, clock, 59.0, times=2)
    await asked(run, clock, 61.0, times=3)
    assert await run.reached(State.FAILED) is State.STOPPED
    assert run.states[-2:] == ["draining", "stopped"]
    assert run.error["code"] == "plugin-idle"
    assert run.error["message"] == "The plugin 'Lazy' was stopped: nobody used it for 1 min."
    assert run.instance.gone_reason()["code"] == "plugin-idle"
    assert run.instance.exit is not None
    assert run.instance.exit["words"] == "stopped, since nobody used it for 1 min"


async def test_what_is_no_answer_counts_as_work(stage: Stage, tmp_path: Path) -> None:
    clock = FakeClock()
    stage.use(guard=ResourceGuard(lambda: "off", clock))
    run = Run(stage, tmp_path, limits={"idle_timeout": 60})
    run.supervisor.start()
    await run.reached(State.READY)
    await asked(run, clock, None, times=1)
    await asked(run, clock, 1.0, times=2)
    assert run.instance.state is State.READY
    await run.supervisor.stop()
    assert run.states[-1] == "stopped"
    assert run.instance.error is None

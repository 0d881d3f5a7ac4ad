from __future__ import annotations

import asyncio
import errno
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from imjoy_engine.errors import EnvironmentBuildError
from imjoy_engine.plugins import supervisor
from imjoy_engine.plugins.lifecycle import State
from imjoy_engine.plugins.supervisor import PluginSupervisor
from support.plugin_runs import Run
from support.workers import LIMITS, Stage

NEVER_S = 3600.0


async def test_a_plugin_lives_and_everything_is_given_back_in_reverse(
    stage: Stage, tmp_path: Path
) -> None:
    run = Run(stage, tmp_path)
    run.instance.join("b_1")
    run.supervisor.start()
    assert await run.reached(State.READY) is State.READY
    welcome = await stage.worker.hears("welcome")
    assert welcome["peers"] == ["b_1"]
    assert welcome["plugin"]["name"] == "P"
    assert welcome["work_dir"] == str(tmp_path / "work")
    await run.supervisor.stop()
    assert (await stage.worker.hears("shutdown"))["grace_s"] == 20.0
    assert run.states == ["preparing", "starting", "ready", "draining", "stopped"]
    assert stage.journal == ["lease", "launch", "stop", "release"]
    assert run.instance.exit is not None
    assert run.instance.exit["exit_code"] == 0
    await run.supervisor.stop()


async def test_a_worker_that_ignores_the_request_is_ended(stage: Stage, tmp_path: Path) -> None:
    stage.tools = replace(stage.tools, limits=replace(LIMITS, stop_timeout_s=0.01))
    run = Run(stage, tmp_path)
    run.supervisor.start()
    await run.reached(State.READY)
    stage.worker.leaves_when_asked = False
    await run.supervisor.stop()
    assert run.states[-1] == "stopped"
    assert run.instance.exit is not None
    assert run.instance.exit["signal"] == "SIGTERM"


async def test_a_crash_fails_the_plugin_with_words_and_last_lines(
    stage: Stage, tmp_path: Path
) -> None:
    run = Run(stage, tmp_path)
    run.supervisor.start()
    await run.reached(State.READY)
    run.instance.output.feed("stderr", b"Traceback: it broke\n")
    stage.worker.end(3)
    assert await run.reached(State.STOPPED) is State.FAILED
    assert "exited with code 3" in run.error["message"]
    assert "it broke" in run.error["log_tail"]
    end = next(event for event in run.events if event["event"] == "exit")
    assert (end["exit_code"], end["last_lines"]) == (3, ["launched", "Traceback: it broke"])
    assert stage.journal == ["lease", "launch", "stop", "release"]


async def test_a_crash_is_told_at_once(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not when the time is over in which the process of a closed link may still end."""
    monkeypatch.setattr(supervisor, "_LAST_MOMENT_S", NEVER_S)
    run = Run(stage, tmp_path)
    run.supervisor.start()
    await run.reached(State.READY)
    stage.worker.end(3)
    assert await run.reached(State.STOPPED) is State.FAILED


async def test_a_plugin_that_leaves_by_itself_has_stopped(stage: Stage, tmp_path: Path) -> None:
    run = Run(stage, tmp_path)
    run.supervisor.start()
    await run.reached(State.READY)
    stage.worker.end(0)
    assert await run.reached(State.FAILED) is State.STOPPED
    assert run.instance.error is None


async def test_dying_before_the_hello_is_a_start_error(stage: Stage, tmp_path: Path) -> None:
    stage.provisioner.comes = False
    run = Run(stage, tmp_path)
    run.supervisor.start()
    await run.reached(State.STARTING)
    await asyncio.wait_for(stage.provisioner.launched.wait(), 20)
    stage.worker.end(1)
    await run.reached(State.FAILED)
    assert run.error["code"] == "start-failed"
    assert "exited with code 1" in run.error["message"]
    assert stage.journal == ["lease", "launch", "stop", "release"]


async def test_coming_too_late_is_a_start_error_and_is_cleaned_up(
    stage: Stage, tmp_path: Path
) -> None:
    stage.tools = replace(stage.tools, limits=replace(LIMITS, start_timeout_s=0.01))
    stage.provisioner.comes = False
    run = Run(stage, tmp_path)
    run.supervisor.start()
    await run.reached(State.FAILED)
    assert "did not connect within" in run.error["message"]
    assert stage.journal == ["lease", "launch", "stop", "release"]


async def test_stopping_while_the_environment_is_built_ends_the_build(
    stage: Stage, tmp_path: Path
) -> None:
    stage.environments.gate = asyncio.Event()
    run = Run(stage, tmp_path)
    run.supervisor.start()
    await run.reached(State.PREPARING)
    await run.supervisor.stop()
    assert run.states == ["preparing", "stopped"]
    assert stage.journal == []


async def test_stopping_while_the_worker_starts_leaves_nothing(
    stage: Stage, tmp_path: Path
) -> None:
    stage.provisioner.comes = False
    run = Run(stage, tmp_path)
    run.supervisor.start()
    await run.reached(State.STARTING)
    await run.supervisor.stop()
    assert run.states == ["preparing", "starting", "stopped"]
    assert stage.journal[-1] == "release"
    assert stage.journal.count("launch") == stage.journal.count("stop")


async def test_a_full_disk_is_the_machines_fault(stage: Stage, tmp_path: Path) -> None:
    stage.environments.error = OSError(errno.ENOSPC, "No space left on device")
    run = Run(stage, tmp_path)
    run.supervisor.start()
    await run.reached(State.FAILED)
    assert (run.error["fault"], run.error["code"]) == ("machine", "machine")
    assert "No space left" in run.error["message"]


async def test_a_failing_environment_fails_the_plugin_with_the_tools_words(
    stage: Stage, tmp_path: Path
) -> None:
    stage.environments.error = EnvironmentBuildError(
        "No such package: nump.", hint="Check the spelling.", log_tail="nump was not found"
    )
    run = Run(stage, tmp_path)
    run.supervisor.start()
    await run.reached(State.FAILED)
    assert run.error == {
        "code": "build-failed",
        "fault": "plugin",
        "message": "No such package: nump.",
        "hint": "Check the spelling.",
        "log_tail": "nump was not found",
    }
    progress = next(event for event in run.events if event["event"] == "progress")
    assert progress["phase"] == "ready"


async def test_what_is_not_supported_fails_before_anything_is_started(
    stage: Stage, tmp_path: Path
) -> None:
    run = Run(stage, tmp_path, requirements=["./a-folder"])
    run.supervisor.start()
    await run.reached(State.FAILED)
    assert run.error["code"] == "not-supported"
    assert stage.journal == []


async def test_frames_go_both_ways_and_peers_are_announced(stage: Stage, tmp_path: Path) -> None:
    run = Run(stage, tmp_path)
    run.supervisor.start()
    await run.reached(State.READY)
    run.instance.join("b_2")
    assert (await stage.worker.hears("peer_joined"))["peer"] == "b_2"
    run.instance.leave("b_2", {"code": "client-left"})
    run.instance.leave("b_2")
    gone = await stage.worker.hears("peer_gone")
    assert gone == {"peer": "b_2", "reason": {"code": "client-left"}}
    stage.worker.say("rpc", {"type": "log"}, sender=run.instance.peer_id, to="b_2")
    await run.supervisor.stop()
    assert [frame.kind for frame in run.frames] == ["rpc"]
    assert [frame.kind for frame in stage.worker.frames].count("peer_gone") == 1


# --- started again after a crash


def relied_on(stage: Stage, tmp_path: Path, **fields: Any) -> Run:
    stage.tools = replace(stage.tools, limits=replace(LIMITS, restart_wait_s=0.01, restarts=2))
    run = Run(stage, tmp_path, flags=["single-instance"], **fields)
    run.instance.join("b_1")
    return run


async def test_a_crash_is_followed_by_a_new_process_that_nobody_knows(
    stage: Stage, tmp_path: Path
) -> None:
    run = relied_on(stage, tmp_path)
    run.supervisor.start()
    await run.reached(State.READY)
    earlier = run.instance.peer_id
    stage.worker.end(None, "SIGSEGV")
    await run.reached(State.BACKOFF)
    await run.reached(State.READY)
    assert run.states == [
        *["preparing", "starting", "ready", "backoff", "preparing", "starting", "ready"]
    ]
    backoff = next(event for event in run.events if event.get("state") == "backoff")
    assert (backoff["wait_s"], backoff["attempt"], backoff["of"]) == (0.01, 1, 2)
    assert "killed by SIGSEGV" in backoff["error"]["message"]
    assert "starts again in 0.01 s (attempt 1 of 2)" in backoff["error"]["hint"]
    assert run.instance.peer_id != earlier
    assert (await stage.worker.hears("welcome"))["peers"] == []
    assert run.instance.error is None
    await run.supervisor.stop()
    assert run.states[-2:] == ["draining", "stopped"]
    assert stage.journal == ["lease", "launch", "stop", "release"] * 2


async def test_it_is_never_a_loop(stage: Stage, tmp_path: Path) -> None:
    run = relied_on(stage, tmp_path)
    run.supervisor.start()
    for attempt in range(3):
        await run.reached(State.READY)
        run.instance.join(f"b_{attempt}")
        stage.worker.end(3)
        if await run.reached(State.BACKOFF) is State.FAILED:
            break
    assert run.states.count("backoff") == 2
    assert run.states[-1] == "failed"
    assert "started again 2 times within 10 minutes" in run.error["hint"]


@pytest.mark.parametrize("why", ["no client", "never", "no flag"])
async def test_what_nobody_waits_for_is_not_started_again(
    stage: Stage, tmp_path: Path, why: str
) -> None:
    run = relied_on(stage, tmp_path, **({"restart": "never"} if why == "never" else {}))
    if why == "no client":
        run.instance.leave("b_1")
    if why == "no flag":
        run = Run(stage, tmp_path)
        run.instance.join("b_1")
    run.supervisor.start()
    await run.reached(State.READY)
    stage.worker.end(3)
    assert await run.reached(State.BACKOFF) is State.FAILED


async def test_a_stop_ends_the_waiting(stage: Stage, tmp_path: Path) -> None:
    run = relied_on(stage, tmp_path)
    stage.tools = replace(stage.tools, limits=replace(LIMITS, restart_wait_s=1000))
    run.supervisor = PluginSupervisor(run.instance, stage.tools)
    run.supervisor.start()
    await run.reached(State.READY)
    stage.worker.end(3)
    await run.reached(State.BACKOFF)
    await run.supervisor.stop()
    assert run.states[-2:] == ["backoff", "stopped"]


async def test_why_it_was_stopped_stands_with_its_last_state(stage: Stage, tmp_path: Path) -> None:
    run = Run(stage, tmp_path)
    run.supervisor.start()
    await run.reached(State.READY)
    await run.supervisor.stop("The engine was stopped.")
    assert run.events[-1] == {
        "event": "state",
        "state": "stopped",
        "detail": "The engine was stopped.",
    }

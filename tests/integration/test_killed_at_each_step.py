"""An engine that is killed at each step between a result's arrival and its acknowledgement.

It kills itself right there: a step that is patched is where it ends, every time.
"""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

import imjoy_client
from support.engine import end_detached, running_engine, start_engine

ENGINE = """
import os, signal, sys
from pathlib import Path

from imjoy_engine.cli import main
from imjoy_engine.session import run_files
from imjoy_engine.session.run_files import RunFiles
from imjoy_engine.session.runs import Runs
from imjoy_engine.transport import Channel

def killed(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def killed_before(owner, name, when=lambda *arguments: True):
    original = getattr(owner, name)
    def patched(*arguments):
        if when(*arguments):
            killed()
        return original(*arguments)
    setattr(owner, name, patched)

def killed_after(owner, name, when=lambda *arguments: True):
    original = getattr(owner, name)
    def patched(*arguments):
        returned = original(*arguments)
        if when(*arguments):
            killed()
        return returned
    setattr(owner, name, patched)

def half_written(path, records):
    if path.suffix == ".unfinished":
        whole(path, records)
        os.truncate(path, path.stat().st_size // 2)
        killed()
    return whole(path, records)

def says_done(_, workspace, run_id, known):
    return known["state"] == "done"

def acknowledges(_, frame):
    runs = Path(os.environ["RUNS"]).rglob("*.run")
    return frame.kind == "ack" and any(b"done" in run.read_bytes() for run in runs)

{step}
sys.exit(main())
"""
STEPS = {
    "a piece has come": "killed_after(Runs, 'heard', lambda _, frame, __: frame.kind == 'chunk')",
    "all has come": "killed_before(Runs, '_answered')",
    "it is to be written": "killed_before(RunFiles, 'write_result')",
    "half is written": "whole, run_files.append_records = run_files.append_records, half_written",
    "it is written beside": (
        "killed_before(Path, 'replace', lambda path, _: path.suffix == '.unfinished')"
    ),
    "it is on disk": "killed_after(RunFiles, 'write_result')",
    "its run is to be said over": "killed_before(RunFiles, 'write', says_done)",
    "its run is said to be over": "killed_after(RunFiles, 'write', says_done)",
    "it is acknowledged": "killed_after(Channel, 'send', acknowledges)",
}
SCRIPT = """
import os, time
from imjoy import api

def work(gate, path):
    while not os.path.exists(gate):
        time.sleep(0.01)
    with open(path, "a") as file:
        file.write("worked")
    return {"pid": os.getpid(), "data": b"x" * (3 << 20)}

async def stay():
    return os.getpid()

api.export({"work": work, "stay": stay})
"""


@pytest.mark.parametrize("step", STEPS)
async def test_a_result_is_there_once_whatever_the_engine_was_killed_at(
    step: str, tmp_path: Path, store: Path
) -> None:
    workspace, gate, work = (tmp_path / name for name in ("workspace", "gate", "work"))
    config = {"name": "Worker", "flags": ["allow-detach"]}
    doomed = await start_engine(
        workspace=workspace,
        store=store,
        environment={"RUNS": str(workspace)},
        program=("-c", ENGINE.replace("{step}", STEPS[step])),
    )
    try:
        await doomed.ready()
        async with imjoy_client.connect(doomed.url, doomed.token) as client:
            plugin = await client.start_plugin(config, script=SCRIPT)
            pid = await plugin.stay()
            run = client.start_run(plugin, "work", str(gate), str(work))
            await plugin.stay()
        gate.touch()
        assert await asyncio.wait_for(doomed.process.wait(), 30) == -signal.SIGKILL
        async with (
            running_engine(workspace=workspace, store=store) as engine,
            imjoy_client.connect(engine.url, engine.token) as client,
        ):
            result = await asyncio.wait_for(client.wait_run(run), 30)
            assert result == {"pid": pid, "data": b"x" * (3 << 20)}
            # What the plugin sends again has come, and been taken or passed over, before this.
            again = await client.start_plugin(config, script=SCRIPT)
            assert await again.stay() == pid
            assert [(each["id"], each["state"]) for each in await client.runs()] == [(run, "done")]
            assert work.read_text() == "worked"
            assert await client.wait_run(run) == result
            await again.stop()
        names = sorted(path.name for path in (workspace / ".imjoy-engine/runs").rglob("r*.*"))
        assert names == [f"{run}.result", f"{run}.run"]
    finally:
        await doomed.stop(signal.SIGKILL)
        end_detached(workspace)

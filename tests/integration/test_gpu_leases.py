"""Plugins that share GPUs: real processes with cards that a test makes up, and a real card."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from imjoy_engine.resources.gpus import nvml_inventory
from support.client import Stranger, stranger
from support.engine import EngineProcess, running_engine

TESTS = Path(__file__).resolve().parent.parent
FAKE = ("--gpu-probe", "support.gpus:probe_from_environment", "--spares", "0")
INVENTORY = nvml_inventory()


def plugin(name: str, **fields: Any) -> dict[str, Any]:
    return {"id": name, "config": {"name": name, "type": "native-python", **fields}}


async def start(client: Stranger, name: str, state: str = "ready", **fields: Any) -> Any:
    answer = await client.ask("init_plugin", plugin(name, **fields))
    assert answer["success"], answer
    await client.event("plugin_event", id=name, event="state", state=state)
    return answer


def visible(engine: EngineProcess) -> dict[int, str]:
    """Return which cards the workers below the engine see, by process id."""
    return {
        process.pid: process.environ().get("CUDA_VISIBLE_DEVICES", "all")
        for process in engine.workers()
    }


@pytest.fixture
async def one_card(tmp_path: Path, store: Path) -> AsyncIterator[EngineProcess]:
    environment = {"PYTHONPATH": str(TESTS), "FAKE_GPUS": "1"}
    async with running_engine(
        *FAKE, workspace=tmp_path / "workspace", store=store, environment=environment
    ) as engine:
        yield engine


async def test_the_second_plugin_gets_the_card_when_the_first_was_killed(
    one_card: EngineProcess,
) -> None:
    async with stranger(one_card) as client:
        await start(client, "first", gpu=True)
        await start(client, "second", "queued", gpu=True)
        await start(client, "third", "queued", env={"type": "gputil", "options": {"limit": 1}})
        await start(client, "plain")
        third = await client.event("plugin_event", id="third", state="queued")
        assert third["detail"] == (
            "Waiting for a GPU: 2 of 2 in the queue. GPU 0 is held by first."
        )
        assert "second: Waiting for a GPU: 1 of 2" in one_card.text.replace("\n", " ")
        workers = visible(one_card)
        assert sorted(workers.values()) == ["", "GPU-0"]
        (holder,) = (pid for pid, cards in workers.items() if cards == "GPU-0")
        await client.ask("kill_plugin", {"id": "second"})
        os.kill(holder, 9)
        await client.event("plugin_event", id="third", event="state", state="ready")
        assert "GPU-0" in visible(one_card).values()


async def test_a_second_engine_does_not_give_out_the_same_card(
    one_card: EngineProcess, tmp_path: Path, store: Path
) -> None:
    environment = {"PYTHONPATH": str(TESTS), "FAKE_GPUS": "1"}
    async with (
        running_engine(
            *FAKE, workspace=tmp_path / "other", store=store, environment=environment
        ) as other,
        stranger(one_card) as here,
        stranger(other) as there,
    ):
        await start(here, "first", gpu=True)
        await start(there, "second", "queued", gpu=True)
        waiting = await there.event("plugin_event", id="second", state="queued")
        assert "held by a plugin of another engine" in waiting["detail"]
        one_card.process.kill()
        await there.event("plugin_event", id="second", event="state", state="ready")


async def test_a_plugin_that_outlives_its_engine_keeps_its_card(
    tmp_path: Path, store: Path
) -> None:
    environment = {"PYTHONPATH": str(TESTS), "FAKE_GPUS": "1"}

    def engine_on(workspace: str) -> AbstractAsyncContextManager[EngineProcess]:
        return running_engine(
            *FAKE, workspace=tmp_path / workspace, store=store, environment=environment
        )

    async with engine_on("first") as first, stranger(first) as client:
        await start(client, "lasting", gpu=True, flags=["allow-detach"])
        first.process.kill()
        await first.process.wait()
    async with engine_on("other") as other, stranger(other) as elsewhere:
        # No engine holds it: its own processes do.
        await start(elsewhere, "second", "queued", gpu=True)
        async with engine_on("first") as again, stranger(again) as client:
            await start(client, "third", "queued", gpu=True)
            waiting = await client.event("plugin_event", id="third", state="queued")
            assert "GPU 0 is held by lasting" in waiting["detail"]
            await client.ask("kill_plugin", {"id": "third"})
            await client.ask("kill_plugin_process", {"all": True})
            await elsewhere.event("plugin_event", id="second", event="state", state="ready")


async def test_a_machine_without_says_so(tmp_path: Path, store: Path) -> None:
    environment = {"PYTHONPATH": str(TESTS), "FAKE_GPUS": "0"}
    async with (
        running_engine(*FAKE, workspace=tmp_path, store=store, environment=environment) as engine,
        stranger(engine) as client,
    ):
        await start(client, "needs", "failed", gpu=True)
        failed = await client.event("plugin_event", id="needs", state="failed")
        assert failed["error"]["code"] == "no-gpu"
        assert "this machine has none. A test has taken them all." in failed["error"]["message"]
        assert '"required": false' in failed["error"]["hint"]
        await start(client, "prefers", gpu={"required": False})


CUDA = """
import ctypes, os
cuda = ctypes.CDLL("libcuda.so.1")
assert cuda.cuInit(0) == 0
count = ctypes.c_int()
assert cuda.cuDeviceGetCount(ctypes.byref(count)) == 0
raw = (ctypes.c_ubyte * 16)()
assert cuda.cuDeviceGetUuid(raw, 0) == 0
print("cards", count.value, bytes(raw).hex(), flush=True)
"""


@pytest.mark.gpu
@pytest.mark.skipif(not INVENTORY.gpus, reason=f"no GPU: {INVENTORY.reason}")
async def test_cuda_sees_the_leased_card_and_no_other(engine: EngineProcess) -> None:
    wanted = INVENTORY.gpus[-1].uuid
    async with stranger(engine) as client:
        answer = await start(client, "real", gpu={"uuid": wanted})
        message = {"type": "execute", "code": {"content": CUDA}}
        await client.send(answer["client_peer"], answer["peer_id"], message)
        executed, _ = await client.frame(type="executed")
        assert "error" not in executed, executed
        printed = await client.event("plugin_event", id="real", event="log", stream="stdout")
        _, count, uuid = printed["text"].split()
        assert (count, uuid) == ("1", wanted.removeprefix("GPU-").replace("-", ""))

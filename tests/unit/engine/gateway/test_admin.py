from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from imjoy_engine.gateway.admin import Admin
from imjoy_engine.gateway.auth import TokenAuth
from imjoy_engine.plugins import PluginManifest, PluginPool
from imjoy_engine.plugins.lifecycle import State
from imjoy_engine.plugins.overview import Overview
from imjoy_engine.plugins.usage import UsageMeter
from imjoy_engine.resources import GpuLeases
from imjoy_engine.transport import WorkerListener
from support.clock import FakeClock
from support.gpus import FakeProbe, gpu
from support.workers import Stage, config

KEY = {"Authorization": "Bearer the-key"}


class Desk:
    """An admin of a pool whose plugins have no processes."""

    def __init__(self, listener: WorkerListener, directory: Path) -> None:
        self.stage = Stage(listener)
        self.gpus = GpuLeases(FakeProbe(gpu(0)))
        self.stage.use(gpus=self.gpus)
        self.directory = directory
        self.token: str = "first-token"
        self.pool = PluginPool(
            self.stage.tools,
            log_dir=directory / "logs",
            on_event=lambda _, event: self.admin.ends.hear("i_1", event),
            on_frame=lambda *_: None,
        )
        self.auth = TokenAuth(self.token, FakeClock())
        self.admin = self.new_admin(self.renew)

    def new_admin(self, renew: Any) -> Admin:
        meter = UsageMeter(dict, FakeClock(), read=lambda _: {})
        return Admin(
            Overview(self.pool, self.gpus, meter),
            self.pool,
            self.auth,
            key="the-key",
            facts=lambda: {"url": "http://here"},
            tokens=(lambda: self.token, renew),
        )

    def renew(self) -> str:
        self.token = "second-token"
        return self.token

    async def start(self, state: State = State.READY, **fields: Any) -> None:
        instance, begin = self.pool.start(
            PluginManifest.from_config(config(**fields)),
            workspace="default",
            work_dir=self.directory / "work",
        )
        begin()
        assert await instance.lifecycle.reached(state) is state


@pytest.fixture
async def desk(tmp_path: Path) -> Any:
    async with WorkerListener.listening(max_frame_bytes=1 << 20) as listener:
        desk = Desk(listener, tmp_path)
        yield desk
        await desk.pool.close()
        await desk.gpus.close()


@pytest.fixture
async def client(desk: Desk, aiohttp_client: Any) -> Any:
    app = web.Application()
    desk.admin.routes(app)
    return await aiohttp_client(app)


async def test_the_status_tells_who_runs_and_who_waits(desk: Desk, client: Any) -> None:
    await desk.start(name="First", gpu=True)
    await desk.start(State.QUEUED, name="Second", gpu=True)
    said = await (await client.get("/api/engine/status", headers=KEY)).json()
    assert said["engine"]["url"] == "http://here"
    assert said["gpu_queue"] == 1
    assert said["spares"] == 0
    assert said["gpus"][0]["holders"] == ["First"]
    first, second = said["plugins"]
    assert (first["name"], first["state"], first["gpus"]) == ("First", "ready", [0])
    assert second["queue"] == {"position": 1, "length": 1, "reason": "GPU 0 is held by First"}


async def test_a_plugin_is_ended_by_name_instance_or_pid(desk: Desk, client: Any) -> None:
    await desk.start(name="First")
    await desk.start(name="Second")
    answer = await client.post("/api/engine/kill", json={"plugin": "First"}, headers=KEY)
    (ended,) = (await answer.json())["ended"]
    assert (ended["name"], ended["words"]) == ("First", "stopped")
    missing = await client.post("/api/engine/kill", json={"plugin": "First"}, headers=KEY)
    assert missing.status == 404
    assert (await missing.json())["hint"] == "These do: Second."
    pid = str(desk.stage.worker.pid)
    assert (await client.post("/api/engine/kill", json={"plugin": pid}, headers=KEY)).status == 200
    assert desk.pool.instances() == []
    nothing = await client.post("/api/engine/kill", json={"all": True}, headers=KEY)
    assert (await nothing.json())["ended"] == []


@pytest.mark.parametrize("body", ["{", "[]", "{}", '{"plugin": 7}'])
async def test_what_names_nothing_is_refused(client: Any, body: str) -> None:
    answer = await client.post("/api/engine/kill", data=body, headers=KEY)
    assert answer.status == 400
    assert (await answer.json())["code"] == "bad-request"


@pytest.mark.parametrize("path", ["/metrics", "/api/engine/status"])
async def test_nobody_without_the_token_learns_anything(client: Any, path: str) -> None:
    assert (await client.get(path)).status == 401
    assert (await client.get(path, headers={"Authorization": "Basic abc"})).status == 401
    wrong = await client.get(path, headers={"Authorization": "Bearer wrong"})
    assert wrong.status == 401
    assert (await wrong.json())["code"] == "token-mismatch"
    assert (await client.get(path, headers={"Authorization": "Bearer first-token"})).status == 200


async def test_metrics_are_what_prometheus_reads(desk: Desk, client: Any) -> None:
    await desk.start(name="First")
    answer = await client.get("/metrics", headers=KEY)
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    assert 'imjoy_plugins{state="ready"} 1.0' in await answer.text()


async def test_a_new_token_takes_the_place_of_the_old(desk: Desk, client: Any) -> None:
    shown = await client.post("/api/engine/token", json={}, headers=KEY)
    assert await shown.json() == {"token": "first-token", "url": "http://here"}
    renewed = await client.post("/api/engine/token", json={"rotate": True}, headers=KEY)
    assert (await renewed.json())["token"] == "second-token"
    old = {"Authorization": "Bearer first-token"}
    assert (await client.get("/metrics", headers=old)).status == 401
    new = {"Authorization": "Bearer second-token"}
    assert (await client.get("/metrics", headers=new)).status == 200


async def test_a_token_that_was_given_is_not_changed(desk: Desk, aiohttp_client: Any) -> None:
    app = web.Application()
    desk.new_admin(None).routes(app)
    client = await aiohttp_client(app)
    refused = await client.post("/api/engine/token", json={"rotate": True}, headers=KEY)
    assert refused.status == 409
    assert "--token" in (await refused.json())["message"]

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from imjoy_engine.errors import BadRequestError, EngineError, NotFoundError
from imjoy_engine.plugins import PluginPool
from imjoy_engine.relay.relay import Relay
from imjoy_engine.relay.routes import Routes
from imjoy_engine.session import Session, SessionRegistry
from imjoy_engine.session.plugin_requests import PluginRequests
from imjoy_engine.session.run_files import RunFiles
from imjoy_engine.session.run_requests import RunRequests
from imjoy_engine.session.runs import Runs
from imjoy_engine.session.tools import SessionTools
from imjoy_engine.transport import WorkerListener
from imjoy_wire.frames import Frame
from support.clock import FakeClock
from support.links import FakeLink
from support.workers import LIMITS, Stage, config


class House:
    """A registry over a pool of fake workers."""

    def __init__(self, listener: WorkerListener, tmp_path: Path) -> None:
        self.stage = Stage(listener)
        self.clock = FakeClock()
        self.routes = Routes()
        self.registry: SessionRegistry
        self.pool = PluginPool(
            self.stage.tools,
            log_dir=tmp_path / "logs",
            on_event=lambda instance, event: self.registry.plugin_event(instance, event),
            on_frame=lambda instance, frame: self.registry.plugin_frame(instance, frame),
        )
        self.runs = Runs(RunFiles(tmp_path / "runs"), self.clock, LIMITS)
        tools = SessionTools(
            self.pool, Relay(self.routes), self.routes, tmp_path, LIMITS, self.runs
        )
        self.registry = SessionRegistry(tools, self.clock)

    def enter(self, client: str = "page", **payload: Any) -> tuple[Session, FakeLink]:
        link = FakeLink()
        return self.registry.register({"id": client, **payload}, link), link

    async def start(self, session: Session, link: FakeLink, plugin_id: str, **fields: Any) -> Any:
        answer = session.init_plugin({"id": plugin_id, "config": config(**fields)})
        await link.event("plugin_event", id=plugin_id, event="state", state="ready")
        return answer


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with WorkerListener.listening(max_frame_bytes=1 << 20) as listener:
        house = House(listener, tmp_path)
        yield house
        await house.registry.close()
        await house.pool.close()
        await house.runs.close()


async def test_a_dropped_connection_comes_back_to_its_session(house: House) -> None:
    session, link = house.enter()
    await house.start(session, link, "p")
    house.registry.disconnected(session, link)
    again, new_link = house.enter(session_id=session.id)
    assert again is session
    house.clock.advance(10_000)
    assert house.pool.instances()
    await session.kill_plugin({"id": "p"})
    await new_link.event("plugin_event", event="state", state="stopped")


async def test_what_happened_meanwhile_is_delivered_on_return(house: House) -> None:
    session, link = house.enter()
    answer = await house.start(session, link, "p")
    house.registry.disconnected(session, link)
    house.stage.worker.say(
        "rpc", {"type": "log"}, sender=answer["peer_id"], to=answer["client_peer"]
    )
    house.stage.worker.end(3)
    while house.pool.instances():
        await asyncio.wait_for(house.pool.instances()[0].lifecycle.reached(), 20)
    _, new_link = house.enter(session_id=session.id)
    await new_link.event("plugin_event", event="state", state="failed")
    frames = [item for item in new_link.received if item.kind != "event"]
    assert frames[0].kind == "rpc"


async def test_a_client_that_stays_away_loses_its_plugins(house: House) -> None:
    session, link = house.enter()
    await house.start(session, link, "p")
    instance = house.pool.instances()[0]
    house.registry.disconnected(session, link)
    await asyncio.wait_for(house.clock.slept.wait(), 20)
    house.clock.advance(LIMITS.session_grace_s + 1)
    await asyncio.wait_for(instance.lifecycle.reached(), 20)
    assert house.pool.instances() == []
    other, _ = house.enter(session_id=session.id)
    assert other is not session


async def test_a_page_loaded_anew_finds_its_plugin_still_running(house: House) -> None:
    session, link = house.enter("first load")
    first = await house.start(session, link, "p", code="the file")
    instance = house.pool.instances()[0]
    house.registry.disconnected(session, link)
    other, other_link = house.enter("second load", session_id=session.id)
    assert other is not session
    gone = await house.stage.worker.hears("peer_gone")
    assert (gone["peer"], gone["reason"]["code"]) == (first["client_peer"], "page-replaced")
    payload = {"id": "p-anew", "config": config(code="the file"), "resume": True}
    answer = other.init_plugin(payload)
    assert answer["resumed"]
    assert answer["instance"] == instance.id
    joined = await house.stage.worker.hears("peer_joined", peer=answer["client_peer"])
    assert joined["replaces"] == [first["client_peer"]]
    await other_link.event("plugin_event", id="p-anew", event="state", state="ready")
    house.clock.advance(LIMITS.session_grace_s + 1)
    assert house.pool.instances() == [instance]


async def test_a_page_loaded_anew_that_does_not_want_its_plugin_loses_it(house: House) -> None:
    session, link = house.enter("first load")
    await house.start(session, link, "p")
    instance = house.pool.instances()[0]
    house.enter("second load", session_id=session.id)
    await asyncio.wait_for(house.clock.slept.wait(), 20)
    house.clock.advance(LIMITS.session_grace_s + 1)
    await asyncio.wait_for(instance.lifecycle.reached(), 20)


async def test_a_plugin_of_other_source_is_not_the_one_that_runs(house: House) -> None:
    session, link = house.enter("first load")
    await house.start(session, link, "p", code="old")
    other, _ = house.enter("second load", session_id=session.id)
    for wanted in ({"code": "new"}, {"code": "old", "tag": "GPU"}, {"code": "old", "name": "Q"}):
        payload = {"id": str(wanted), "config": config(**wanted), "resume": True}
        assert not other.init_plugin(payload)["resumed"], wanted


async def test_a_plugin_whose_client_is_there_is_nobody_elses(house: House) -> None:
    session, link = house.enter("here")
    first = await house.start(session, link, "p", flags=["allow-detach"])
    other, _ = house.enter("colleague")
    payload = {"id": "q", "config": config(flags=["allow-detach"]), "resume": True}
    second = other.init_plugin(payload)
    assert not second["resumed"]
    # But whoever names it joins it.
    third = other.init_plugin({"id": "r", "instance": first["instance"]})
    assert (third["resumed"], third["attended"]) == (True, True)
    assert third["peer_id"] == first["peer_id"]
    with pytest.raises(NotFoundError, match="any more"):
        other.init_plugin({"id": "s", "instance": "i-nobody"})


async def test_a_plugin_of_another_workspace_cannot_be_attached_to(house: House) -> None:
    mine, link = house.enter("a", workspace="mine")
    answer = await house.start(mine, link, "p", flags=["allow-detach"], code="secret")
    yours, _ = house.enter("b", workspace="yours")
    with pytest.raises(NotFoundError):
        yours.init_plugin({"id": "q", "instance": answer["instance"]})
    source = PluginRequests(house.pool).requests()["get_plugin_source"]
    with pytest.raises(NotFoundError):
        source(yours, {"instance": answer["instance"]})
    assert source(mine, {"instance": answer["instance"]}) == {"source": "secret"}


async def test_what_a_plugin_has_printed_can_be_asked_for(house: House) -> None:
    session, link = house.enter()
    answer = await house.start(session, link, "p")
    event = await link.event("plugin_event", event="log")
    assert abs(event["time_s"] - time.time()) < 60
    log = PluginRequests(house.pool).requests()["get_plugin_log"]
    async with asyncio.timeout(20):
        while not (parts := (await log(session, {"instance": answer["instance"]}))["parts"]):
            pass
    assert [part["text"] for part in parts] == ["launched\n"]
    assert abs(parts[0]["time_s"] - time.time()) < 60


async def test_what_a_plugin_printed_when_it_ran_last_is_found_by_its_name(house: House) -> None:
    session, link = house.enter()
    answer = await house.start(session, link, "p")
    await link.event("plugin_event", event="log")
    log = PluginRequests(house.pool).requests()["get_plugin_log"]
    (instance,) = house.pool.instances()
    name = instance.manifest.name
    assert answer["instance"] == instance.id
    assert await log(session, {"plugin": name}) == {"parts": []}, "it runs"
    await house.pool.stop(instance)
    (part,) = (await log(session, {"plugin": name}))["parts"]
    assert part["text"] == "launched\n"
    assert abs(part["time_s"] - time.time()) < 60
    assert await log(session, {"plugin": "Nobody"}) == {"parts": []}
    elsewhere, _ = house.enter("another", workspace="elsewhere")
    assert await log(elsewhere, {"plugin": name}) == {"parts": []}
    with pytest.raises(NotFoundError):
        await log(session, {})


async def test_a_plugin_that_may_detach_outlives_its_client_without_end(house: House) -> None:
    session, link = house.enter("first")
    await house.start(session, link, "p", flags=["allow-detach"])
    house.registry.disconnected(session, link)
    await asyncio.wait_for(house.clock.slept.wait(), 20)
    house.clock.advance(LIMITS.session_grace_s + 1)
    await house.stage.worker.hears("peer_gone")
    house.clock.advance(1e9)
    assert house.clock.sleeping == 0
    assert len(house.pool.instances()) == 1
    colleague, _ = house.enter("colleague")
    assert [entry["attended"] for entry in colleague.status()] == [False]
    assert colleague.init_plugin({"id": "q", "config": config()})["resumed"]


async def test_who_leaves_for_good_leaves_what_may_detach(house: House) -> None:
    session, link = house.enter()
    await house.start(session, link, "p", flags=["allow-detach"])
    await house.start(session, link, "q", name="Q")
    house.registry.leave(session)
    kept, ended = house.pool.instances()
    await asyncio.wait_for(ended.lifecycle.reached(), 20)
    assert house.pool.instances() == [kept]


async def test_a_late_disconnect_of_an_old_link_changes_nothing(house: House) -> None:
    session, old = house.enter()
    house.enter(session_id=session.id)
    house.registry.disconnected(session, old)
    assert house.clock.sleeping == 0
    assert session.link is not None


@pytest.mark.parametrize("name", ["../up", "a/b", ".", "..", "x" * 65, 7, "a..b"])
async def test_a_workspace_name_stays_a_name(house: House, name: Any) -> None:
    with pytest.raises(BadRequestError, match="workspace name"):
        house.enter(workspace=name)


async def test_workspaces_do_not_see_each_other(house: House) -> None:
    mine, my_link = house.enter("a", workspace="mine")
    yours, _ = house.enter("b", workspace="yours")
    await house.start(mine, my_link, "p")
    assert len(mine.status()) == 1
    assert yours.status() == []
    pid = mine.status()[0]["pid"]
    with pytest.raises(EngineError, match="No plugin of this workspace"):
        await yours.kill_plugin_process({"pid": pid})


async def test_an_id_is_used_once_at_a_time(house: House) -> None:
    session, link = house.enter()
    await house.start(session, link, "p")
    with pytest.raises(BadRequestError, match="in use"):
        session.init_plugin({"id": "p", "config": config()})
    await session.kill_plugin({"id": "p"})
    await link.event("plugin_event", event="state", state="stopped")
    assert await session.kill_plugin({"id": "p"}) == {"report": None}


async def test_a_slow_client_holds_its_own_worker_only(house: House) -> None:
    slow, slow_link = house.enter("slow")
    quick, quick_link = house.enter("quick")
    answer = await house.start(slow, slow_link, "p")
    await house.start(quick, quick_link, "q")
    channels = [instance.channel for instance in house.pool.instances()]
    slow_link.hold()
    big = b"x" * (LIMITS.link_high_water_bytes + 1)
    slow.deliver(Frame(answer["client_peer"], answer["peer_id"], "rpc", b"{}"))  # in the link
    slow.deliver(Frame(answer["client_peer"], answer["peer_id"], "rpc", b"{}", (big,)))
    assert channels[0] is not None
    assert channels[1] is not None
    assert not channels[0].is_reading
    assert channels[1].is_reading
    came = len(slow_link.received)
    slow_link.release()
    await slow_link.got(came + 2)
    slow.deliver(Frame(answer["client_peer"], answer["peer_id"], "rpc", b"{}"))
    await slow_link.got(came + 3)
    assert channels[0].is_reading


async def test_frames_of_a_client_reach_its_worker(house: House) -> None:
    session, link = house.enter()
    answer = await house.start(session, link, "p")
    body = json.dumps({"type": "getInterface"}).encode()
    await session.receive(Frame(answer["peer_id"], answer["client_peer"], "rpc", body))
    assert (await house.stage.worker.hears("rpc"))["type"] == "getInterface"


async def test_a_run_outlives_the_page_that_asked_for_it(house: House, tmp_path: Path) -> None:
    session, link = house.enter("first load")
    answer = await house.start(session, link, "p", code="the file")
    ends = answer["peer_id"], answer["client_peer"]
    await session.receive(Frame(*ends, "rpc", b"{}", (), {"run": {"id": "r-1", "name": "run"}}))
    other, other_link = house.enter("second load", session_id=session.id)
    house.stage.worker.say_frame(
        Frame(ends[1], ends[0], "rpc", b'{"v": 1}', (), {"run": {"id": "r-1", "state": "done"}})
    )
    requests = RunRequests(house.runs, house.pool).requests()
    waited = await asyncio.wait_for(requests["wait_run"](other, {"run": "r-1"}), 20)
    assert waited["run"]["state"] == "done"
    assert [run["id"] for run in requests["list_runs"](other, {"plugin": "P"})["runs"]] == ["r-1"]
    assert requests["list_runs"](other, {"plugin": "Q"})["runs"] == []
    assert (await requests["fetch_run"](other, {"run": "r-1"}))["follows"]
    while not any(each.kind == "run" for each in other_link.received):
        await other_link.got(len(other_link.received) + 1)
    [came] = [each for each in other_link.received if each.kind == "run"]
    assert (bytes(came.body), came.extra) == (b'{"v": 1}', {"run": "r-1"})
    [kept] = tmp_path.rglob("r-1.result")
    kept.write_bytes(kept.read_bytes()[:-1])
    damaged = await requests["fetch_run"](other, {"run": "r-1"})
    assert (damaged["follows"], damaged["run"]["error"]["code"]) == (False, "result-lost")
    # Nobody else is told that a page was missing: the answer is where it belongs.
    assert not any(each.kind == "undeliverable" for each in house.stage.worker.frames)


async def test_what_a_run_has_printed_comes_before_its_error(house: House) -> None:
    session, link = house.enter()
    answer = await house.start(session, link, "p")
    ends = answer["peer_id"], answer["client_peer"]
    await session.receive(Frame(*ends, "rpc", b"{}", (), {"run": {"id": "r-1"}}))
    instance = house.pool.instances()[0]
    instance.output.feed("stdout", b"step one\n")
    mark = {"run": {"id": "r-1", "state": "failed"}}
    house.registry.plugin_frame(instance, Frame(ends[1], ends[0], "rpc", b"{}", (), mark))
    await link.event("plugin_event", event="log", text="step one\n")
    while not any(each.kind == "rpc" for each in link.received):
        await link.got(len(link.received) + 1)
    [printed] = [at for at, each in enumerate(link.received) if b"step one" in bytes(each.body)]
    assert "rpc" not in [each.kind for each in link.received[:printed]]


async def test_every_client_of_the_workspace_hears_of_a_run(house: House) -> None:
    session, link = house.enter("a")
    _, colleague = house.enter("b")
    _, stranger = house.enter("c", workspace="elsewhere")
    answer = await house.start(session, link, "p")
    ends = answer["peer_id"], answer["client_peer"]
    await session.receive(Frame(*ends, "rpc", b"{}", (), {"run": {"id": "r-1"}}))
    event = await colleague.event("run_event")
    assert (event["run"]["id"], event["run"]["state"]) == ("r-1", "running")
    assert stranger.received == []


async def test_a_wait_ends_when_it_has_lasted_long_enough(house: House) -> None:
    session, link = house.enter()
    answer = await house.start(session, link, "p")
    ends = answer["peer_id"], answer["client_peer"]
    await session.receive(Frame(*ends, "rpc", b"{}", (), {"run": {"id": "r-1"}}))
    requests = RunRequests(house.runs, house.pool).requests()
    assert (await requests["wait_run"](session, {"run": "r-1", "timeout_s": 0}))["run"][
        "state"
    ] == "running"
    for wrong in (-1, "soon", True):
        with pytest.raises(BadRequestError):
            await requests["wait_run"](session, {"run": "r-1", "timeout_s": wrong})


async def test_stop_ends_a_plugin_whose_other_client_is_away(house: House) -> None:
    away, link = house.enter("laptop")
    first = await house.start(away, link, "p")
    here, _ = house.enter("desktop")
    here.init_plugin({"id": "q", "instance": first["instance"]})
    assert await away.kill_plugin({"id": "p"}) == {"report": None}
    assert len(house.pool.instances()) == 1
    away.init_plugin({"id": "p", "instance": first["instance"]})
    house.registry.disconnected(away, link)
    await here.kill_plugin({"id": "q"})
    assert house.pool.instances() == []


async def test_any_client_of_the_workspace_can_cancel_a_run(house: House) -> None:
    session, link = house.enter("a")
    colleague, _ = house.enter("b")
    answer = await house.start(session, link, "p")
    ends = answer["peer_id"], answer["client_peer"]
    await session.receive(Frame(*ends, "rpc", b"{}", (), {"run": {"id": "r-1"}}))
    cancel = RunRequests(house.runs, house.pool).requests()["cancel_run"]
    cancel(colleague, {"run": "r-1"})
    assert await house.stage.worker.hears("run") == {"cancel": "r-1"}
    stranger, _ = house.enter("c", workspace="elsewhere")
    with pytest.raises(NotFoundError):
        cancel(stranger, {"run": "r-1"})


async def test_clients_hear_how_their_plugins_end_with_the_engine(house: House) -> None:
    session, link = house.enter()
    await house.start(session, link, "p")
    await house.pool.end_bound()
    await asyncio.wait_for(house.registry.flushed(5), 10)
    end = await link.event("plugin_event", id="p", event="exit")
    assert end["code"] == "plugin-stopped"
    stopped = await link.event("plugin_event", id="p", event="state", state="stopped")
    assert "engine was stopped" in stopped["detail"]
    with pytest.raises(EngineError, match="being stopped"):
        session.init_plugin({"id": "q", "config": config()})
    assert house.pool.instances() == []


async def test_what_is_lost_with_who_is_away_at_the_stop_is_said(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    here, link = house.enter("here")
    away, away_link = house.enter("away")
    house.registry.disconnected(away, away_link)
    for session in (here, away):
        session.deliver(Frame("b", "w", "rpc", b"{}"))
        session.tell("run_event", {})
    await asyncio.wait_for(house.registry.flushed(5), 10)
    assert len(await link.got(2)) == 2
    (said,) = [each.message for each in caplog.records if "lost with its session" in each.message]
    assert "1 messages of plugins" in said
    assert "away while the engine stops" in said


async def test_what_is_lost_with_who_reads_nothing_at_the_stop_is_said(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    session, link = house.enter()
    link.hold()
    for number in range(3):
        session.deliver(Frame("b", "w", "rpc", b"%d" % number))
    await asyncio.wait_for(house.registry.flushed(0.01), 10)
    (said,) = [each.message for each in caplog.records if "lost with its session" in each.message]
    assert "has not read what waits for it within 0.01 s" in said


async def test_what_is_lost_with_who_never_came_back_is_said(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "imjoy_engine")
    session, link = house.enter()
    house.registry.disconnected(session, link)
    session.deliver(Frame("b", "w", "rpc", b"{}"))
    session.tell("run_event", {})
    await asyncio.wait_for(house.clock.slept.wait(), 20)
    house.clock.advance(LIMITS.session_grace_s + 1)
    async with asyncio.timeout(20):
        while "lost with its session" not in caplog.text:
            await asyncio.to_thread(os.sched_yield)
    assert "A client did not come back. 1 messages of plugins" in caplog.text
    assert "A client did not come back; its session ends." in caplog.messages

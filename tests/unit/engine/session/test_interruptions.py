"""A run with callbacks and a result, cut at 1,000 random moments: nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from imjoy_client.traffic import Traffic
from imjoy_engine.plugins import PluginPool
from imjoy_engine.relay.relay import Relay
from imjoy_engine.relay.routes import Routes
from imjoy_engine.session import Session, SessionRegistry
from imjoy_engine.session.run_files import RunFiles
from imjoy_engine.session.runs import Runs
from imjoy_engine.session.tools import SessionTools
from imjoy_engine.transport import WorkerListener
from imjoy_wire.chunks import Assembler
from imjoy_wire.frames import Frame
from support.bad_cable import BadCable, tick
from support.clock import FakeClock
from support.workers import LIMITS, Stage, config

CUTS = 250
SEEDS = range(4)
SMALL = dataclasses.replace(LIMITS, link_low_water_bytes=20_000, link_high_water_bytes=200_000)


class Conversation:
    """A plugin and its client, with an engine and a bad connection between them."""

    def __init__(self, listener: WorkerListener, directory: Path, seed: int) -> None:
        self.chance = random.Random(seed)
        self.stage = Stage(listener, SMALL)
        self.directory = directory
        self.registry: SessionRegistry
        clock, routes = FakeClock(), Routes()
        self.pool = PluginPool(
            self.stage.tools,
            log_dir=directory / "logs",
            on_event=lambda instance, event: self.registry.plugin_event(instance, event),
            on_frame=lambda instance, frame: self.registry.plugin_frame(instance, frame),
        )
        self.runs = Runs(RunFiles(directory / "runs"), clock, SMALL)
        outbox = directory / "outbox"
        tools = SessionTools(self.pool, Relay(routes), routes, directory, SMALL, self.runs, outbox)
        self.registry = SessionRegistry(tools, clock)
        self.traffic = Traffic(self._came)
        self.cables: list[BadCable] = []
        self.links: list[BadCable] = []
        self.session: Session
        self.ends: dict[str, Any] = {}
        self.said: list[int] = []
        self.told: list[int] = []
        self.heard: list[int] = []
        self.results: list[Frame] = []
        self.spilled = 0

    async def start(self) -> None:
        self.connect()
        self.ends = self.session.init_plugin({"id": "p", "config": config()})
        async with asyncio.timeout(10):
            while self.pool.instances()[0].channel is None:
                await tick()

    # The connection

    def connect(self) -> None:
        """Connect, and go on over a data channel in some cases."""
        cable = self._cable()
        payload: dict[str, Any] = {"id": "client", "delivery": 1}
        if self.links:
            payload["session_id"] = self.session.id
        session = self.registry.register(payload, cable)
        assert not self.links or session is self.session
        self.session = session
        self.links.append(cable)
        self.traffic.travel_by(cable.road)
        if self.chance.random() < 0.4:
            channel = self._cable()
            self.session.open_channel(channel)
            self.traffic.travel_by(channel.road)

    def _cable(self) -> BadCable:
        async def to_client(frame: Frame) -> None:
            self.traffic.arrived(frame)

        cable = BadCable(self.chance, to_client, lambda frame: self.session.receive(frame))
        self.cables.append(cable)
        return cable

    async def cut(self) -> None:
        """Cut everything; either end may notice first, and the engine perhaps too late."""
        old, link = self.cables[-2:], self.links[-1]
        for cable in old:
            cable.cut()
        self.traffic.stop()
        late = self.chance.random() < 0.3
        if not late:
            self._noticed(old, link)
        for _ in range(self.chance.randint(0, 15)):
            self.say()
            await tick()
        outbox = self.session._outgoing.outbox
        assert outbox is not None
        self.spilled += outbox.path.exists()
        self.connect()
        if late:
            self._noticed(old, link)

    def _noticed(self, old: list[BadCable], link: BadCable) -> None:
        for cable in old:
            self.session.close_channel(cable)
        self.registry.disconnected(self.session, link)

    # What the two say to each other

    def say(self) -> None:
        """Let the plugin call back."""
        self.said.append(len(self.said))
        self.stage.worker_frames(self._frame("peer_id", "client_peer", self.said[-1]))

    def tell(self) -> None:
        """Let the client call."""
        self.told.append(len(self.told))
        self.traffic.send(self._frame("client_peer", "peer_id", self.told[-1]))

    def _frame(self, sender: str, to: str, number: int) -> Frame:
        size = self.chance.choice([0, 0, 0, 10, 2000, 2000, 40_000])
        if self.chance.random() < 0.004:
            size = 1_500_000
        body = json.dumps({"n": number}).encode()
        return Frame(self.ends[to], self.ends[sender], "rpc", body, (bytes(size),))

    def _came(self, frame: Frame) -> None:
        if frame.kind == "rpc" and "run" in frame.extra:
            self.results.append(frame)
        elif frame.kind == "rpc":
            self.heard.append(json.loads(bytes(frame.body))["n"])

    def understood(self) -> list[int]:
        """Return what has come to the plugin, in its order."""
        assembler = Assembler()
        whole = [each for frame in self.stage.worker.frames for each in assembler.feed(frame)]
        return [json.loads(bytes(each.body))["n"] for each in whole if each.kind == "rpc"]

    async def close(self) -> None:
        self.traffic.close()
        for cable in self.cables:
            cable.cut()
            await cable.ended()
        await self.registry.close()
        await self.pool.close()
        await self.runs.close()


@pytest.fixture(params=SEEDS)
async def conversation(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[Conversation]:
    async with WorkerListener.listening(max_frame_bytes=8 << 20) as listener:
        conversation = Conversation(listener, tmp_path, request.param)
        await conversation.start()
        yield conversation
        await conversation.close()


async def test_nothing_is_lost_or_doubled(conversation: Conversation) -> None:
    talk, chance = conversation, conversation.chance
    ends = talk.ends
    mark = {"run": {"id": "r-1", "name": "run"}}
    talk.traffic.send(Frame(ends["peer_id"], ends["client_peer"], "rpc", b'{"n": -1}', (), mark))
    for _ in range(CUTS):
        for _ in range(chance.randint(0, 8)):
            chance.choice([talk.say, talk.say, talk.tell, lambda: None])()
            await tick()
        await talk.cut()
    done = {"run": {"id": "r-1", "state": "done"}}
    result = Frame(ends["client_peer"], ends["peer_id"], "rpc", b"the end", (bytes(3 << 20),), done)
    talk.stage.worker_frames(result)
    async with asyncio.timeout(60):
        while not (talk.results and len(talk.understood()) > len(talk.told)):
            await tick()
    assert talk.heard == talk.said
    assert talk.understood() == [-1, *talk.told]
    assert [bytes(each.body) for each in talk.results] == [b"the end"]
    assert [each.payload_bytes for each in talk.results] == [result.payload_bytes]
    run = talk.runs.find("r-1", "default")
    kept = await talk.runs.result(run)
    assert run.state == "done"
    assert kept is not None
    assert kept.payload_bytes == result.payload_bytes
    # The test is of use only if something did wait on disk.
    assert talk.spilled > 0
    assert len(talk.cables) > CUTS

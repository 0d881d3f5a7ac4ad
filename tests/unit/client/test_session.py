"""A session with the engine, over a real socket."""

from __future__ import annotations

import asyncio
import json

import pytest

from imjoy_client.errors import ClientError, EngineRefusedError
from imjoy_client.session import EngineSession
from imjoy_wire.frames import Frame
from support.small_engine import TOKEN, SmallEngine

DEADLINE_S = 20


@pytest.fixture
async def session(engine):
    frames: asyncio.Queue[Frame] = asyncio.Queue()
    session = EngineSession(
        engine.url, TOKEN, "default", on_frame=frames.put_nowait, on_lost=lambda why: None
    )
    session.arrived = frames
    await session.open()
    yield session
    await session.close()


async def test_it_registers_and_asks(session, engine):
    assert session.info == {"name": "small"}
    assert not session.has_channel
    assert (await session.ask("get_engine_status"))["plugin_num"] == 0
    with pytest.raises(EngineRefusedError, match=r"There is none here\."):
        await session.ask("open_channel")


async def test_frames_of_the_engine_arrive_in_order_and_are_acknowledged(session, engine):
    for number in range(200):
        engine.plugin_event("p", event="log", text=str(number))
    async with asyncio.timeout(DEADLINE_S):
        frames = [await session.arrived.get() for _ in range(200)]
        while engine.unacknowledged:
            await session.ask("get_engine_status")
    assert [int(json.loads(bytes(frame.body))["text"]) for frame in frames] == list(range(200))
    assert session.payload(frames[0])["event"] == "log"


async def test_nobody_there_is_told():
    session = EngineSession(
        "http://127.0.0.1:9", TOKEN, "default", on_frame=print, on_lost=print, data_channel=False
    )
    with pytest.raises(ClientError, match=r"No engine answers at http://127\.0\.0\.1:9"):
        await session.open()


@pytest.mark.parametrize(
    "url", ["localhost", "", "ws://a:1", "http://", "http://a:b", "http://[:1"]
)
async def test_what_is_no_address_is_told(url):
    session = EngineSession(url, TOKEN, "default", on_frame=print, on_lost=print)
    with pytest.raises(ClientError, match=r"is no address of an engine\. Give the link"):
        await session.open()
    assert session._web.closed


async def test_who_is_no_engine_is_told_and_nothing_stays_open(unused_tcp_port):
    for url in (f"http://127.0.0.1:{unused_tcp_port}", "http://127.0.0.1:99 /"):
        session = EngineSession(url, TOKEN, "default", on_frame=print, on_lost=print)
        with pytest.raises(ClientError):
            await session.open()
        assert session._web.closed


def test_a_payload_that_is_no_object_is_empty():
    assert EngineSession.payload(Frame("", "", "event", b"[1]")) == {}
    assert EngineSession.payload(Frame("", "", "event", b"")) == {}


async def test_who_leaves_while_the_engine_is_away_looks_for_it_no_more(exported):
    before = asyncio.all_tasks()
    with SmallEngine(exported).running() as engine:
        session = EngineSession(engine.url, TOKEN, "default", on_frame=print, on_lost=print)
        await session.open()
        gone = asyncio.Event()
        session._socket.on("disconnect", lambda *_: gone.set())
    await asyncio.wait_for(gone.wait(), DEADLINE_S)
    await asyncio.wait_for(session.close(), DEADLINE_S)
    left = asyncio.all_tasks() - before
    assert not left or not (await asyncio.wait(left, timeout=1))[1]

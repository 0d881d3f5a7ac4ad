"""The data channel as a client opens it, and what happens when it breaks."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from typing import Any

import aiohttp
import pytest

from imjoy_wire.delivery import ack_of
from imjoy_wire.frames import Frame, decode_frame, decode_frames, encode_frame
from support.client import Stranger, stranger
from support.engine import EngineProcess

PLAIN = {"name": "Plain", "type": "native-python"}


def message(frame: Frame) -> bytes:
    return b"".join(encode_frame(frame))


def hello(ticket: object) -> bytes:
    return message(Frame("", "", "hello", json.dumps({"ticket": ticket}).encode()))


class Channel:
    """A data channel by hand."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.sent = 0
        self.waiting: deque[Frame] = deque()

    async def next(self, **wanted: Any) -> Frame:
        """Return the next frame whose JSON body has the wanted values."""
        async with asyncio.timeout(20):
            while True:
                while not self.waiting:
                    self.waiting.extend(decode_frames((await self.socket.receive()).data))
                frame = self.waiting.popleft()
                body = json.loads(bytes(frame.body) or b"null")
                if frame.kind != "ack" and all(
                    isinstance(body, dict) and body.get(key) == value
                    for key, value in wanted.items()
                ):
                    return frame

    async def tell(self, plugin: dict[str, Any], payload: Any, number: int) -> None:
        body = json.dumps(payload).encode()
        frame = Frame(plugin["peer_id"], plugin["client_peer"], "rpc", body, (), {"n": number})
        await self.socket.send_bytes(message(frame))


async def opened(client: Stranger, engine: EngineProcess, web: aiohttp.ClientSession) -> Channel:
    answer = await client.ask("open_channel")
    assert answer["success"], answer
    socket = await web.ws_connect(engine.url + answer["path"])
    await socket.send_bytes(hello(answer["ticket"]))
    assert decode_frame((await socket.receive()).data).kind == "welcome"
    return Channel(socket)


async def test_frames_and_events_go_over_the_channel(engine: EngineProcess) -> None:
    async with stranger(engine, delivery=1) as client, aiohttp.ClientSession() as web:
        channel = await opened(client, engine, web)
        plugin = await client.ask("init_plugin", {"id": "p", "config": PLAIN})
        state = await channel.next(event="state", state="ready")
        assert (state.kind, state.extra["name"]) == ("event", "plugin_event")
        await channel.next(type="imjoyRPCReady")
        await channel.tell(plugin, {"type": "execute", "code": {"content": "1/0"}}, 1)
        executed = await channel.next(type="executed")
        assert b"ZeroDivisionError" in bytes(executed.body)
        assert client.frames == []


async def test_when_the_channel_breaks_nothing_is_lost_or_doubled(engine: EngineProcess) -> None:
    async with stranger(engine, delivery=1) as client, aiohttp.ClientSession() as web:
        channel = await opened(client, engine, web)
        plugin = await client.ask("init_plugin", {"id": "p", "config": PLAIN})
        ready = await channel.next(type="imjoyRPCReady")
        await channel.socket.send_bytes(message(ack_of(ready.extra["n"])))
        await channel.tell(plugin, {"type": "execute", "code": {"content": "a = 1"}}, 1)
        first = await channel.next(type="executed")
        await channel.socket.close()
        again, _ = await client.frame(type="executed")
        header = next(head for head, body, _ in client.frames if "executed" in body)
        assert header["n"] == first.extra["n"]
        assert "error" not in again or not again["error"]
        # The same frame again is dropped; the next one is taken, over the other road.
        for number in (1, 2):
            head = {
                "to": plugin["peer_id"],
                "from": plugin["client_peer"],
                "kind": "rpc",
                "n": number,
            }
            code = {"content": "print('ran', flush=True)"}
            await client.tell("frame", head, json.dumps({"type": "execute", "code": code}))
        second = await opened(client, engine, web)
        await second.next(event="log", text="ran\n")
        await second.socket.close()


@pytest.mark.parametrize("wrong", ["guess", 7, None])
async def test_without_a_ticket_the_door_stays_shut(engine: EngineProcess, wrong: object) -> None:
    async with aiohttp.ClientSession() as web:
        socket = await web.ws_connect(engine.url + "/channel")
        await socket.send_bytes(hello(wrong))
        end = await asyncio.wait_for(socket.receive(), 10)
        assert end.type is aiohttp.WSMsgType.CLOSE
        assert "ticket is unknown" in end.extra


async def test_a_ticket_is_good_once_and_for_numbered_sessions_only(
    engine: EngineProcess,
) -> None:
    async with stranger(engine) as plain:
        assert (await plain.ask("open_channel"))["code"] == "bad-request"
    async with stranger(engine, delivery=1) as client, aiohttp.ClientSession() as web:
        ticket = (await client.ask("open_channel"))["ticket"]
        first = await web.ws_connect(engine.url + "/channel")
        await first.send_bytes(hello(ticket))
        assert decode_frame((await first.receive()).data).kind == "welcome"
        second = await web.ws_connect(engine.url + "/channel")
        await second.send_bytes(hello(ticket))
        assert (await second.receive()).type is aiohttp.WSMsgType.CLOSE


@pytest.mark.parametrize("data", [b"", b"IJ", b"\x00" * 100, b"IJ\x01\x00\x00\x00\x00\x02{}"])
async def test_bytes_that_are_no_frame_close_that_channel_alone(
    engine: EngineProcess, data: bytes
) -> None:
    async with stranger(engine, delivery=1) as client, aiohttp.ClientSession() as web:
        channel = await opened(client, engine, web)
        await channel.socket.send_bytes(data)
        async with asyncio.timeout(10):
            end = await channel.socket.receive()
        assert end.type is aiohttp.WSMsgType.CLOSE
        assert end.extra
        assert (await client.ask("get_engine_status"))["success"]


async def test_a_page_of_another_site_may_not_connect(engine: EngineProcess) -> None:
    async with aiohttp.ClientSession() as web:
        with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
            await web.ws_connect(engine.url + "/channel", origin="https://evil.example")

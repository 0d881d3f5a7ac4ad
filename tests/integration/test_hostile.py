"""Peers that send what is no frame lose their own channel, and nobody else notices."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import aiohttp
import psutil
import pytest

import imjoy_client
from imjoy_wire.errors import PeerGoneError
from support.client import stranger
from support.engine import EngineProcess

STEADY = """
from imjoy import api
api.export({'echo': lambda value: value})
"""
HOSTILE = """
import os, pickle
from imjoy import api

class Trap:
    def __reduce__(self):
        return os.system, ("touch reached",)

def say(what):
    socket = api._peer._host._link._socket
    socket.sendall(what if isinstance(what, bytes) else pickle.dumps(Trap()))

api.export({'say': say})
"""
WORDS: dict[str, Any] = {
    "nonsense": b"GET / HTTP/1.1\r\n\r\n",
    "random bytes": os.urandom(1 << 16),
    "a pickle": None,
    "a header without end": b"IJ\x01\x00\xff\xff\xff\xff" + b"{" * 1000,
    "a header of brackets": b"IJ\x01\x00\x00\x00\xff\x00" + b"[" * 0xFF00,
    "a frame of terabytes": (
        b"IJ\x01\x00\x00\x00\x00\x3b"
        b'{"to":"","from":"","kind":"rpc","sizes":[9999999999999999]}'.ljust(0x3B)
    ),
}


@pytest.mark.parametrize("name", WORDS)
async def test_a_worker_that_sends_what_is_no_frame(engine: EngineProcess, name: str) -> None:
    async with imjoy_client.connect(engine.url, engine.token) as client:
        steady = await client.start_plugin({"name": "Steady"}, script=STEADY)
        hostile = await client.start_plugin({"name": "Hostile"}, script=HOSTILE)
        before = psutil.Process(engine.pid).memory_info().rss
        async with asyncio.timeout(20):
            with pytest.raises(PeerGoneError, match="no frame"):
                await hostile.say(WORDS[name])
        assert hostile.plugin_state == "failed"
        assert await steady.echo("here") == "here"
        assert psutil.Process(engine.pid).memory_info().rss - before < 32 << 20
        again = await client.start_plugin({"name": "Another"}, script=STEADY)
        assert await again.echo(1) == 1


@pytest.mark.parametrize("name", [name for name, words in WORDS.items() if words])
async def test_a_client_that_sends_what_is_no_frame(engine: EngineProcess, name: str) -> None:
    async with (
        imjoy_client.connect(engine.url, engine.token) as client,
        stranger(engine, delivery=1) as hostile,
        aiohttp.ClientSession() as web,
    ):
        steady = await client.start_plugin({"name": "Steady"}, script=STEADY)
        for road in ("a ticket", "no ticket"):
            answer = await hostile.ask("open_channel")
            async with web.ws_connect(engine.url + answer["path"]) as socket:
                if road == "a ticket":
                    body = f'{{"ticket":"{answer["ticket"]}"}}'.encode()
                    header = f'{{"to":"","from":"","kind":"hello","sizes":[{len(body)}]}}'.encode()
                    prefix = b"IJ\x01\x00" + len(header).to_bytes(4, "big")
                    await socket.send_bytes(prefix + header + body)
                    assert (await socket.receive()).type is aiohttp.WSMsgType.BINARY
                await socket.send_bytes(WORDS[name])
                async with asyncio.timeout(20):
                    while (await socket.receive()).type is aiohttp.WSMsgType.BINARY:
                        pass
            assert socket.closed
        # Its session lives: frames go over Socket.IO again.
        assert (await hostile.ask("get_engine_status"))["success"]
        assert await steady.echo("here") == "here"

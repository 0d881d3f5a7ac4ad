from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from imjoy_engine.errors import PluginStartError
from imjoy_engine.transport import Ticket, WorkerListener, arrival_or_exit
from imjoy_wire.frames import Frame, FrameDecoder, encode_frame

LIMIT = 1 << 20


class Knocker:
    """The worker's side of the socket, by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._decoder = FrameDecoder(max_frame_bytes=LIMIT)
        self._frames: list[Frame] = []

    @classmethod
    async def at(cls, listener: WorkerListener) -> Knocker:
        path = listener.address.removeprefix("unix:")
        return cls(*await asyncio.open_unix_connection(path))

    def say(self, kind: str, payload: Any, *buffers: bytes) -> None:
        body = json.dumps(payload).encode()
        self.send(Frame(to="", sender="", kind=kind, body=body, buffers=buffers))

    def send(self, frame: Frame) -> None:
        self._writer.writelines(encode_frame(frame))

    def send_bytes(self, data: bytes) -> None:
        self._writer.write(data)

    async def hears(self) -> Frame | None:
        """Return the next frame, or None at the end of the stream."""
        async with asyncio.timeout(20):
            while not self._frames:
                data = await self._reader.read(65536)
                if not data:
                    return None
                self._frames.extend(self._decoder.feed(data))
        return self._frames.pop(0)

    async def leave(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


@pytest.fixture
async def listener() -> AsyncIterator[WorkerListener]:
    async with WorkerListener.listening(max_frame_bytes=LIMIT) as listener:
        yield listener


def hello(ticket: Ticket) -> dict[str, Any]:
    return {"ticket": ticket.value, "protocol": 1, "python": "3.11.7", "pid": 1}


async def test_a_good_ticket_brings_a_channel_that_works_both_ways(
    listener: WorkerListener,
) -> None:
    ticket = listener.issue_ticket()
    worker = await Knocker.at(listener)
    worker.say("hello", hello(ticket))
    worker.say("rpc", {"early": True})
    arrival = await asyncio.wait_for(ticket.arrival, 20)
    assert arrival.hello["python"] == "3.11.7"
    received: asyncio.Queue[Frame] = asyncio.Queue()
    arrival.channel.receive_with(received.put_nowait)
    worker.say("rpc", {"late": True}, b"\x00" * 300_000)
    early = await asyncio.wait_for(received.get(), 20)
    late = await asyncio.wait_for(received.get(), 20)
    assert (json.loads(bytes(early.body)), json.loads(bytes(late.body))) == (
        {"early": True},
        {"late": True},
    )
    assert bytes(late.buffers[0]) == b"\x00" * 300_000
    arrival.channel.send(Frame(to="w", sender="", kind="welcome", body=b"{}", buffers=()))
    answer = await worker.hears()
    assert answer is not None
    assert answer.kind == "welcome"
    await worker.leave()
    assert await asyncio.wait_for(arrival.channel.closed, 20) is None
    assert not arrival.channel.is_open


async def test_a_ticket_is_good_once(listener: WorkerListener) -> None:
    ticket = listener.issue_ticket()
    first, second = await Knocker.at(listener), await Knocker.at(listener)
    first.say("hello", hello(ticket))
    await asyncio.wait_for(ticket.arrival, 20)
    second.say("hello", hello(ticket))
    refusal = await second.hears()
    assert refusal is not None
    assert refusal.kind == "refused"
    assert b"used before" in bytes(refusal.body)
    assert await second.hears() is None
    await first.leave()
    await second.leave()


@pytest.mark.parametrize(
    ("kind", "payload", "words"),
    [
        ("rpc", {}, b"no hello"),
        ("hello", [], b"no hello"),
        ("hello", {"ticket": "x", "protocol": 99}, b"protocol 99"),
        ("hello", {"ticket": "guess", "protocol": 1}, b"unknown"),
    ],
)
async def test_whoever_has_no_ticket_is_refused_in_a_sentence(
    listener: WorkerListener, kind: str, payload: Any, words: bytes
) -> None:
    stranger = await Knocker.at(listener)
    stranger.say(kind, payload)
    refusal = await stranger.hears()
    assert refusal is not None
    assert refusal.kind == "refused"
    assert words in bytes(refusal.body)
    assert await stranger.hears() is None
    await stranger.leave()


async def test_one_that_was_left_to_the_next_engine_is_refused_without_a_word(
    listener: WorkerListener, caplog: pytest.LogCaptureFixture
) -> None:
    ticket = listener.issue_ticket()
    first, again, stranger = [await Knocker.at(listener) for _ in range(3)]
    first.say("hello", hello(ticket))
    await asyncio.wait_for(ticket.arrival, 20)
    listener.leave_to_next(ticket.value)
    again.say("hello", hello(ticket))
    refusal = await again.hears()
    assert refusal is not None
    assert refusal.kind == "refused"
    assert caplog.messages == []
    stranger.say("hello", {"ticket": "guess", "protocol": 1})
    await stranger.hears()
    assert len(caplog.messages) == 1
    for knocker in (first, again, stranger):
        await knocker.leave()


async def test_bytes_that_are_no_frame_close_that_channel_alone(listener: WorkerListener) -> None:
    good_ticket, bad_ticket = listener.issue_ticket(), listener.issue_ticket()
    good, bad = await Knocker.at(listener), await Knocker.at(listener)
    good.say("hello", hello(good_ticket))
    bad.say("hello", hello(bad_ticket))
    healthy = (await asyncio.wait_for(good_ticket.arrival, 20)).channel
    broken = (await asyncio.wait_for(bad_ticket.arrival, 20)).channel
    bad.send_bytes(b"GET / HTTP/1.1\r\n\r\n")
    reason = await asyncio.wait_for(broken.closed, 20)
    assert reason is not None
    assert "no frame" in reason
    received: asyncio.Queue[Frame] = asyncio.Queue()
    healthy.receive_with(received.put_nowait)
    good.say("rpc", 1)
    assert (await asyncio.wait_for(received.get(), 20)).kind == "rpc"
    await good.leave()
    await bad.leave()


async def test_the_socket_is_its_owners_alone_and_gone_afterwards() -> None:
    async with WorkerListener.listening(max_frame_bytes=LIMIT) as listener:
        path = listener.address.removeprefix("unix:")
        directory = __import__("pathlib").Path(path).parent
        assert directory.stat().st_mode & 0o777 == 0o700
    assert not directory.exists()


async def test_an_arrival_wins_over_an_exit_and_a_deadline(listener: WorkerListener) -> None:
    ticket = listener.issue_ticket()
    exited: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    with pytest.raises(PluginStartError, match=r"did not connect within 0\.01 s"):
        await arrival_or_exit(ticket, exited, 0.01)
    exited.set_result(None)
    with pytest.raises(PluginStartError, match="ended before it was ready"):
        await arrival_or_exit(ticket, exited, 5)
    worker = await Knocker.at(listener)
    worker.say("hello", hello(ticket))
    await asyncio.wait_for(asyncio.shield(ticket.arrival), 20)
    assert (await arrival_or_exit(ticket, exited, 5)).hello["pid"] == 1
    await worker.leave()

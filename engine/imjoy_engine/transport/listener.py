"""Where workers knock: a Unix socket that only its owner can reach, and one-time tickets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from imjoy_engine.errors import PluginStartError
from imjoy_engine.ids import new_secret
from imjoy_engine.processes import own_directory
from imjoy_engine.transport.channel import Channel
from imjoy_wire.frames import Frame

__all__ = ["PROTOCOL", "Arrival", "Ticket", "WorkerListener", "arrival_or_exit"]

_LOG = logging.getLogger(__name__)
PROTOCOL = 1
_HELLO_TIMEOUT_S = 10.0


class Arrival:
    """A worker that came with a good ticket: its channel and its hello."""

    def __init__(self, channel: Channel, hello: dict[str, Any]) -> None:
        self.channel = channel
        self.hello = hello


class Ticket:
    """The right of one worker to connect once; `arrival` is done when it has."""

    def __init__(self, value: str | None = None) -> None:
        self.value = value or new_secret()
        self.arrival: asyncio.Future[Arrival] = asyncio.get_running_loop().create_future()


class WorkerListener:
    """Accept workers that show a ticket; use `listening()` to get one."""

    def __init__(self, directory: Path, max_frame_bytes: int) -> None:
        self._path = directory / "engine.sock"
        self._max_frame_bytes = max_frame_bytes
        self._tickets: dict[str, Ticket] = {}
        self._newcomers: set[Channel] = set()
        self._left: set[str] = set()

    @classmethod
    @asynccontextmanager
    async def listening(cls, *, max_frame_bytes: int) -> AsyncIterator[WorkerListener]:
        """Listen while the block runs; socket and directory (mode 0700) are gone afterwards."""
        directory = await asyncio.to_thread(own_directory)
        listener = cls(directory, max_frame_bytes)
        loop = asyncio.get_running_loop()
        server = await loop.create_unix_server(listener._accept, listener._path)
        try:
            yield listener
        finally:
            server.close()
            for channel in list(listener._newcomers):
                channel.abort("The engine stops.")
            for ticket in list(listener._tickets.values()):
                listener.revoke(ticket)
            await server.wait_closed()
            await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)

    @property
    def address(self) -> str:
        """Return what a worker's `--connect` takes."""
        return f"unix:{self._path}"

    def issue_ticket(self, value: str | None = None) -> Ticket:
        """Return a ticket, good until it is used or revoked: a new one, or one known before."""
        ticket = Ticket(value)
        self._tickets[ticket.value] = ticket
        self._left.discard(ticket.value)
        return ticket

    def revoke(self, ticket: Ticket) -> None:
        """Make the ticket worthless; without effect on a worker that has come already."""
        self._tickets.pop(ticket.value, None)
        ticket.arrival.cancel()

    def leave_to_next(self, value: str) -> None:
        """Refuse who shows this ticket again, as it will: it waits for another engine."""
        self._left.add(value)

    def _accept(self) -> Channel:
        return Channel(self._greet, self._max_frame_bytes)

    def _greet(self, channel: Channel) -> None:
        self._newcomers.add(channel)
        loop = asyncio.get_running_loop()
        too_late = loop.call_later(_HELLO_TIMEOUT_S, channel.abort, "No hello came.")

        def forget(_: asyncio.Future[str | None]) -> None:
            too_late.cancel()
            self._newcomers.discard(channel)

        channel.closed.add_done_callback(forget)

        def first_frame(frame: Frame) -> None:
            too_late.cancel()
            self._newcomers.discard(channel)
            self._redeem(channel, frame)

        channel.receive_with(first_frame)

    def _redeem(self, channel: Channel, frame: Frame) -> None:
        hello: Any = None
        if frame.kind == "hello":
            with contextlib.suppress(ValueError):
                hello = json.loads(bytes(frame.body))
        if not isinstance(hello, dict):
            self._refuse(channel, "The first frame was no hello.")
            return
        if hello.get("protocol") != PROTOCOL:
            self._refuse(
                channel, f"The worker speaks protocol {hello.get('protocol')}, not {PROTOCOL}."
            )
            return
        # A dictionary look-up is fine for a 256-bit value that is good for one use.
        ticket = self._tickets.pop(str(hello.get("ticket")), None)
        if ticket is None or ticket.arrival.done():
            if str(hello.get("ticket")) in self._left:
                self._send_away(channel, "This engine stops.")
                return
            self._refuse(channel, "The ticket is unknown or was used before.")
            return
        channel.hold()
        ticket.arrival.set_result(Arrival(channel, hello))

    def _refuse(self, channel: Channel, message: str) -> None:
        _LOG.warning("Refused a worker: %s", message)
        self._send_away(channel, message)

    def _send_away(self, channel: Channel, message: str) -> None:
        body = json.dumps({"message": message}).encode()
        channel.send(Frame(to="", sender="", kind="refused", body=body, buffers=()))
        channel.close()


async def arrival_or_exit(
    ticket: Ticket, exited: asyncio.Future[Any], timeout_s: float | None
) -> Arrival:
    """Return the worker that came with `ticket`.

    PluginStartError when its process ended first, or nobody came within `timeout_s` seconds, if
    there is such a limit.
    """
    done, _ = await asyncio.wait(
        {ticket.arrival, exited}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED
    )
    if ticket.arrival in done:
        return ticket.arrival.result()
    if exited in done:
        raise PluginStartError(
            "The plugin's process ended before it was ready.",
            hint="Its last lines say why.",
        )
    raise PluginStartError(
        f"The plugin's process did not connect within {timeout_s:g} s.",
        hint="The machine may be overloaded; start the plugin again.",
    )

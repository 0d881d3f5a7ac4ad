"""A session with the engine: requests are answered, frames arrive once and in order.

Frames go over the data channel while there is one and over Socket.IO else; what the engine has not
acknowledged when a road ends is sent again over the next.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import socketio

from imjoy_client.errors import ClientError, EngineRefusedError
from imjoy_client.roads import DataChannel, open_channel, send_by_socketio
from imjoy_client.traffic import Traffic
from imjoy_wire.events import from_event
from imjoy_wire.frames import Frame
from imjoy_wire.limits import MAX_FRAME_BYTES

__all__ = ["EngineSession"]

_ANSWER_S = 60.0
_ACK_DELAY_S = 0.05


class EngineSession:
    """A registered client; `on_frame` gets whole frames, `on_lost` hears that all is gone."""

    def __init__(
        self,
        url: str,
        token: str,
        workspace: str,
        *,
        on_frame: Callable[[Frame], None],
        on_lost: Callable[[str], None],
        data_channel: bool = True,
    ) -> None:
        self.url = url.rstrip("/")
        self.info: dict[str, Any] = {}
        self.max_message_bytes = MAX_FRAME_BYTES
        self._token = token
        self._workspace = workspace
        self._on_lost = on_lost
        self._wants_channel = data_channel
        self._client_id = uuid.uuid4().hex
        self._session_id: str | None = None
        self._traffic = Traffic(on_frame)
        self._channel: DataChannel | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_registered = asyncio.Event()
        self._web = aiohttp.ClientSession()
        # aiohttp's own limit of 4 MiB would end the connection without a word.
        self._socket = socketio.AsyncClient(
            http_session=self._web, websocket_extra_options={"max_msg_size": 0}
        )
        self._socket.on("frame", self._frame_by_socketio)
        self._socket.on("disconnect", self._socket_gone)
        self._socket.on("connect", self._socket_back)

    @property
    def has_channel(self) -> bool:
        """Whether frames go over a data channel now."""
        return self._channel is not None

    async def open(self) -> None:
        """Connect and register. Raises EngineRefusedError, or ClientError when nobody answers."""
        try:
            await self._connect()
            await self._register()
        except BaseException:
            await self.close()
            raise

    async def _connect(self) -> None:
        if not _is_address(self.url):
            raise ClientError(
                f"{self.url!r} is no address of an engine.",
                hint='Give the link that the engine prints, or its beginning: "http://…:9527".',
            )
        try:
            await self._socket.connect(self.url, transports=["websocket"], wait_timeout=10)
        except (socketio.exceptions.ConnectionError, aiohttp.ClientError, OSError) as error:
            raise ClientError(
                f"No engine answers at {self.url}.", hint="Is it running, and is the port right?"
            ) from error

    async def close(self) -> None:
        """Leave for good."""
        self._wants_channel = False
        for task in self._tasks:
            task.cancel()
        self._traffic.close()
        if self._channel is not None:
            await self._channel.close()
        # Also when it is not connected: it would look for the engine for ever.
        await self._socket.shutdown()
        await self._web.close()

    async def ask(
        self, event: str, payload: dict[str, Any] | None = None, timeout_s: float = _ANSWER_S
    ) -> dict[str, Any]:
        """Return the engine's answer to a request. Raises EngineRefusedError."""
        try:
            answer = await self._socket.call(event, payload or {}, timeout=timeout_s)
        except (TimeoutError, socketio.exceptions.SocketIOError) as error:
            raise ClientError(f"The engine did not answer {event}.") from error
        if not isinstance(answer, dict) or not answer.get("success"):
            raise EngineRefusedError.of(answer if isinstance(answer, dict) else {})
        return answer

    def send(self, frame: Frame) -> None:
        """Send or queue a frame; it arrives once, after those sent before to the same peer."""
        self._traffic.send(frame)

    def forget(self, peer: str) -> None:
        """Drop what is under way to and from a peer that is gone."""
        self._traffic.forget(peer)

    # ── connecting ───────────────────────────────────────────────────────────────────────────

    async def _register(self) -> None:
        payload = {
            "id": self._client_id,
            "token": self._token,
            "workspace": self._workspace,
            "session_id": self._session_id,
            "delivery": 1,
        }
        answer = await self.ask("register_client", payload)
        if self._session_id not in (None, answer["session_id"]):
            self._on_lost("The engine was started anew, or this client was away for too long.")
            self._traffic.begin_anew()
        self._session_id = answer["session_id"]
        self.info = answer["engine_info"]
        self.max_message_bytes = answer["limits"]["max_message_bytes"]
        self._is_registered.set()
        self._traffic.travel_by(self._by_socketio)
        if self._wants_channel:
            self.soon(self._open_channel())

    async def _open_channel(self) -> None:
        """Change to a data channel if one can be had; go on as before if not."""
        try:
            answer = await self.ask("open_channel")
        except ClientError:
            return
        channel = await open_channel(self._web, self.url + answer["path"], answer["ticket"])
        if channel is None:
            return
        self._channel = channel
        self._traffic.travel_by(channel.send)
        await channel.read(self._traffic.arrived)
        self._channel = None
        self._traffic.travel_by(self._by_socketio)

    async def _socket_back(self) -> None:
        if self._session_id is not None:
            try:
                await self._register()
            except ClientError as error:
                self._on_lost(str(error))

    async def back(self) -> None:
        """Return when the client is registered, at once if it is. Raises ClientError."""
        try:
            await asyncio.wait_for(self._is_registered.wait(), _ANSWER_S)
        except TimeoutError as error:
            raise ClientError(f"The engine at {self.url} does not come back.") from error

    async def _socket_gone(self, *_: Any) -> None:
        self._is_registered.clear()
        if self._channel is None:
            self._traffic.stop()

    def soon(self, work: Any) -> None:
        """Do work beside, until the session is closed."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # ── frames over Socket.IO ────────────────────────────────────────────────────────────────

    async def _by_socketio(self, frame: Frame) -> None:
        await send_by_socketio(self._socket, frame)

    async def _frame_by_socketio(self, *arguments: Any) -> None:
        self._traffic.arrived(from_event(arguments))

    @staticmethod
    def payload(frame: Frame) -> dict[str, Any]:
        """Return the JSON object in a frame of the engine itself."""
        body = json.loads(bytes(frame.body) or b"{}")
        return body if isinstance(body, dict) else {}


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port or an IPv6 address that is none
        return False

"""The Socket.IO events: each one checked, handed to the client's own session, acknowledged."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from imjoy_engine.config import Limits
from imjoy_engine.errors import BadRequestError, EngineError, NotRegisteredError
from imjoy_engine.gateway.auth import TokenAuth
from imjoy_engine.gateway.link import EngineSocketServer, SocketIOLink
from imjoy_engine.session import Session, SessionRegistry
from imjoy_wire.errors import WireError
from imjoy_wire.events import from_event

__all__ = ["SocketIOGateway"]

_LOG = logging.getLogger(__name__)
_EVENT_OVERHEAD_BYTES = 1 << 20

Request = Callable[[Session, Mapping[str, Any]], Any]


@dataclass(slots=True)
class _Client:
    link: SocketIOLink
    remote: str
    session: Session | None = None
    deadline: asyncio.TimerHandle | None = None


class SocketIOGateway:
    """Serve the events of engine/README.md to registered clients."""

    def __init__(
        self,
        registry: SessionRegistry,
        auth: TokenAuth,
        *,
        requests: Mapping[str, Request],
        engine_info: Callable[[], Any],
        limits: Limits,
        origin_allowed: Callable[[str, dict[str, Any]], bool],
    ) -> None:
        self._registry = registry
        self._auth = auth
        self._engine_info = engine_info
        self._limits = limits
        self._clients: dict[str, _Client] = {}
        self._server = EngineSocketServer(
            max_message_bytes=limits.max_message_bytes + _EVENT_OVERHEAD_BYTES,
            cors_allowed_origins=origin_allowed,
        )
        self._server.on("connect", self._connected)
        self._server.on("disconnect", self._disconnected)
        self._server.on("frame", self._frame)
        self._server.on("register_client", self._register)
        own: dict[str, Request] = {
            "init_plugin": Session.init_plugin,
            "kill_plugin": Session.kill_plugin,
            "kill_plugin_process": Session.kill_plugin_process,
            "leave_session": lambda session, _: self._leave(session),
            "answer_consent": Session.answer_consent,
            "reset_engine": lambda session, _: session.reset_engine(),
        }
        for name, request in {**own, **requests}.items():
            self._server.on(name, self._acknowledged(request))

    def attach(self, app: web.Application) -> None:
        """Serve under `/socket.io`."""
        self._server.attach(app)

    async def close(self) -> None:
        """Tell every client that the engine stops, and end the connections."""
        for client in list(self._clients.values()):
            await client.link.close("The engine was stopped.")
        await self._server.shutdown()

    # ── connections ──────────────────────────────────────────────────────────────────────────

    async def _connected(self, sid: str, environ: dict[str, Any], _auth: Any = None) -> None:
        request: web.Request = environ["aiohttp.request"]
        client = _Client(SocketIOLink(self._server, sid), request.remote or "unknown")
        loop = asyncio.get_running_loop()
        client.deadline = loop.call_later(
            self._limits.register_timeout_s,
            lambda: self._server.start_background_task(
                client.link.close, "No register_client came in time."
            ),
        )
        self._clients[sid] = client

    async def _disconnected(self, sid: str, _reason: Any = None) -> None:
        client = self._clients.pop(sid, None)
        if client is None:
            return
        if client.deadline is not None:
            client.deadline.cancel()
        if not client.link.closed.done():
            client.link.closed.set_result(None)
        if client.session is not None:
            self._registry.disconnected(client.session, client.link)

    async def _register(self, sid: str, payload: Any = None) -> dict[str, Any]:
        client = self._clients[sid]
        try:
            if not isinstance(payload, Mapping):
                raise BadRequestError("register_client takes one object.")
            self._auth.check(str(payload.get("token") or ""), client.remote)
            info = await self._engine_info()
            earlier = client.session
            session = self._registry.register(payload, client.link)
            if earlier is not None and earlier is not session:
                self._registry.leave(earlier)
        except EngineError as error:
            return _failure(error)
        client.session = session
        if client.deadline is not None:
            client.deadline.cancel()
        return {
            "success": True,
            "session_id": session.id,
            "workspace": session.workspace,
            "confirmation": False,
            "message": f"Connected to {info['name']}.",
            "engine_info": info,
            "limits": {
                "max_message_bytes": self._limits.max_message_bytes,
                "session_grace_s": self._limits.session_grace_s,
            },
            "delivery": int(session.numbered),
        }

    # ── requests ─────────────────────────────────────────────────────────────────────────────

    def _session(self, sid: str) -> Session:
        client = self._clients.get(sid)
        if client is None or client.session is None:
            raise NotRegisteredError(
                "This connection is not registered.", hint="Call register_client with a token."
            )
        return client.session

    def _acknowledged(self, request: Request) -> Callable[..., Any]:
        async def handler(sid: str, payload: Any = None, *_: Any) -> dict[str, Any]:
            try:
                session = self._session(sid)
                if payload is None:
                    payload = {}
                if not isinstance(payload, Mapping):
                    raise BadRequestError("The request takes one object.")
                result = request(session, payload)
                if inspect.isawaitable(result):
                    result = await result
            except EngineError as error:
                return _failure(error)
            except Exception as error:  # noqa: BLE001
                # The border of a client's request: it must be answered whatever went wrong.
                _LOG.exception("A request failed")
                return _failure(EngineError(f"The engine failed: {error!r}."))
            return {"success": True, **result}

        return handler

    async def _frame(self, sid: str, *arguments: Any) -> None:
        try:
            session = self._session(sid)
            frame = from_event(arguments, self._limits.max_message_bytes)
            await session.receive(frame)
        except (EngineError, WireError) as error:
            code = getattr(error, "code", "bad-frame")
            payload = {"code": code, "message": str(error), "hint": getattr(error, "hint", "")}
            await self._server.emit("client_error", payload, to=sid)

    def _leave(self, session: Session) -> dict[str, Any]:
        """End the session of a client that goes for good; plugins that may detach live on."""
        for client in self._clients.values():
            if client.session is session:
                client.session = None
        self._registry.leave(session, grace=True)
        return {}


def _failure(error: EngineError) -> dict[str, Any]:
    return {"success": False, "error": error.message, **error.as_dict()}

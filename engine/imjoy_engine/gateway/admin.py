"""What the person who runs the engine asks of it: status, metrics, kill, a new token.

Every answer needs the token, or the key that the running engine leaves in the workspace's record
for the command line of the same person: `Authorization: Bearer …`. A page of another site cannot
send that header without being let in first.
"""

from __future__ import annotations

import asyncio
import hmac
import os
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from imjoy_engine import __version__
from imjoy_engine.errors import (
    BadRequestError,
    ConflictError,
    EngineError,
    NotFoundError,
    TokenError,
)
from imjoy_engine.gateway.auth import TokenAuth
from imjoy_engine.gateway.endings import ending_in_words
from imjoy_engine.gateway.metrics import CONTENT_TYPE_LATEST, Ends, exposition
from imjoy_engine.plugins import PluginInstance, PluginPool
from imjoy_engine.plugins.overview import Overview
from imjoy_engine.session import Session

__all__ = ["Admin"]

_STATUS: dict[type[EngineError], int] = {
    TokenError: 401,
    NotFoundError: 404,
    BadRequestError: 400,
    ConflictError: 409,
}


class Admin:
    """The routes below `/api/engine` and `/metrics`.

    Of `tokens` the first returns the engine's token, the second gives it another one and returns
    that; it is None when the engine was started with `--token`.
    """

    def __init__(
        self,
        overview: Overview,
        pool: PluginPool,
        auth: TokenAuth,
        *,
        key: str,
        facts: Callable[[], Mapping[str, Any]],
        tokens: tuple[Callable[[], str], Callable[[], str] | None],
    ) -> None:
        self.ends = Ends()
        self._overview = overview
        self._pool = pool
        self._auth = auth
        self._key = key
        self._facts = facts
        self._token_now, self._renew_token = tokens

    def routes(self, app: web.Application) -> None:
        """Serve them."""
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/api/engine/status", self._answered(self._status))
        app.router.add_post("/api/engine/kill", self._answered(self._kill))
        app.router.add_post("/api/engine/token", self._answered(self._token))

    async def status_of(self, session: Session, _: Mapping[str, Any]) -> dict[str, Any]:
        """Return what `get_engine_status` tells a client: the plugins of its workspace."""
        seen = {entry["instance"]: entry for entry in session.status()}
        plugins = await self._overview.plugins(session.workspace)
        processes = [
            {"id": None, **plugin, **seen.get(plugin["instance"], {})} for plugin in plugins
        ]
        return {
            "plugin_num": len(processes),
            "plugin_processes": processes,
            "engine_process": os.getpid(),
            "gpu_queue": self._overview.waiting,
            "spares": self._overview.spares,
        }

    def _check(self, request: web.Request) -> None:
        kind, _, secret = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer" or not secret:
            raise TokenError(
                "This needs the engine's token.",
                hint="Send it as the header Authorization: Bearer TOKEN.",
            )
        if not hmac.compare_digest(secret.encode(), self._key.encode()):
            self._auth.check(secret, request.remote or "unknown")

    def _answered(self, ask: Callable[[Mapping[str, Any]], Any]) -> Any:
        async def handler(request: web.Request) -> web.Response:
            try:
                self._check(request)
                payload = await _payload(request)
                return web.json_response(await ask(payload))
            except EngineError as error:
                return web.json_response(error.as_dict(), status=_STATUS.get(type(error), 500))

        return handler

    async def _metrics(self, request: web.Request) -> web.Response:
        try:
            self._check(request)
        except TokenError as error:
            return web.json_response(error.as_dict(), status=401)
        overview = self._overview
        plugins, gpus = await overview.plugins(), await overview.gpus()
        waiting, spares = overview.waiting, overview.spares
        body = await asyncio.to_thread(exposition, plugins, gpus, self.ends, waiting, spares)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _status(self, _: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "engine": {
                "version": __version__,
                "pid": os.getpid(),
                **self._facts(),
            },
            "plugins": await self._overview.plugins(),
            "gpus": await self._overview.gpus(),
            "gpu_queue": self._overview.waiting,
            "spares": self._overview.spares,
        }

    async def _kill(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """End the plugins that `name`, `instance` or `pid` names, or `all`; when they are gone."""
        found = self._named(payload)
        ended = []
        for instance in found:
            was = instance.state
            await self._pool.stop(instance)
            words = ending_in_words(was, instance.exit, instance.error)
            name = instance.manifest.name
            ended.append({"name": name, "instance": instance.id, "words": words})
        return {"ended": ended}

    def _named(self, payload: Mapping[str, Any]) -> list[PluginInstance]:
        running = self._pool.instances()
        if payload.get("all"):
            return running
        wanted = payload.get("plugin")
        if not isinstance(wanted, str) or not wanted:
            raise BadRequestError('The request names no plugin: "plugin", or "all": true.')
        found = [
            entry
            for entry in running
            if wanted in (entry.manifest.name, entry.id, str(entry.pid or ""))
        ]
        if not found:
            names = ", ".join(sorted({entry.manifest.name for entry in running}))
            raise NotFoundError(
                f"No plugin {wanted!r} runs here.",
                hint=f"These do: {names}." if names else "None does.",
            )
        return found

    async def _token(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        if not payload.get("rotate"):
            return {"token": self._token_now(), "url": self._facts()["url"]}
        if self._renew_token is None:
            raise ConflictError(
                "The engine was started with --token, so its token is not its own to change.",
                hint="Start it again with another one, or without --token.",
            )
        token = await asyncio.to_thread(self._renew_token)
        self._auth.replace(token)
        return {"token": token, "url": self._facts()["url"]}


async def _payload(request: web.Request) -> Mapping[str, Any]:
    if request.method == "GET" or not request.can_read_body:
        return {}
    try:
        payload = await request.json()
    except ValueError:
        payload = None
    if not isinstance(payload, Mapping):
        raise BadRequestError("The request's body is no JSON object.")
    return payload

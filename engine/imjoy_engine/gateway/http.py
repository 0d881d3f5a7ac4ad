"""The HTTP server: who may ask, and which headers every answer carries."""

from __future__ import annotations

import errno
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from imjoy_engine.errors import ClientError, PortTakenError
from imjoy_engine.gateway.auth import HostRule, check_host, check_origin
from imjoy_engine.gateway.page import content_security_policy

__all__ = ["listening", "new_application", "origin_allowed"]

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def new_application(rule: HostRule) -> web.Application:
    """Return an application that answers only to its own names and sends safe headers."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            check_host(request.headers.get("Host"), rule)
        except ClientError as error:
            return web.json_response(error.as_dict(), status=421)
        try:
            return await handler(request)
        except ConnectionError:
            if request.transport is None or request.transport.is_closing():
                # The client has left while it was answered: nobody is there to hear of it.
                return web.Response()
            raise

    async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
        headers = response.headers
        headers.setdefault("Content-Security-Policy", content_security_policy(request.path))
        headers.setdefault("X-Content-Type-Options", "nosniff")
        headers.setdefault("Referrer-Policy", "no-referrer")
        headers.setdefault("Cache-Control", "no-cache")

    app = web.Application(middlewares=[guard])
    app.on_response_prepare.append(add_headers)
    return app


def origin_allowed(allowed: frozenset[str]) -> Callable[[str, dict[str, Any]], bool]:
    """Return the check that Socket.IO makes of a connection's Origin."""

    def check(origin: str, environ: dict[str, Any]) -> bool:
        try:
            check_origin(origin, environ.get("HTTP_HOST"), allowed)
        except ClientError:
            return False
        return True

    return check


@asynccontextmanager
async def listening(
    app: web.Application, host: str, port: int, shutdown_timeout_s: float
) -> AsyncIterator[int]:
    """Serve while the block runs; give the port in use. PortTakenError when it is not free."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=shutdown_timeout_s)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except (socket.gaierror, UnicodeError) as error:
            raise PortTakenError(
                f"{host} is the name of no address. Use --host 127.0.0.1 or --host 0.0.0.0."
            ) from error
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES, errno.EADDRNOTAVAIL):
                raise
            raise PortTakenError(*_why_not(error, host, port)) from error
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def _why_not(error: OSError, host: str, port: int) -> tuple[str]:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} on {host} is taken by another program. Stop that program, or choose "
            f"another port: imjoy-engine --port {port + 1} (or --port 0 for any free one).",
        )
    if error.errno == errno.EACCES:
        return (f"Port {port} may not be used by you. Choose one above 1023: --port 9527.",)
    return (f"This machine has no address {host}. Use --host 127.0.0.1 or --host 0.0.0.0.",)

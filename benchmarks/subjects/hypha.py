"""hypha: its server, two plugins that register a service each, and hypha-rpc's client.

At its best: no rate limit, and no compression, which is the WebSocket library's own wish.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import websockets
from hypha_rpc import connect_to_server
from hypha_rpc import websocket_client as rpc_client

from benchmarks.subjects.calls import Plugins
from benchmarks.subjects.processes import START_S, drained, free_port, line_with, process

NO_LIMIT = str(10**9)


def without_compression() -> None:
    """Have hypha-rpc offer no compression; an engine that is offered none uses none."""
    connect = websockets.connect

    def connect_plainly(*arguments: Any, **options: Any) -> Any:
        return connect(*arguments, **{**options, "compression": None})

    rpc_client.websockets.connect = connect_plainly


class Plugin:
    """A process that has connected to the server and registered a service, as its workers do."""

    def __init__(self, service: Any, stack: AsyncExitStack) -> None:
        self.service = service
        self._stack = stack

    async def stop(self) -> None:
        """Return when it has left the server, and its process has ended."""
        await self._stack.aclose()


class Host:
    def __init__(self, url: str, client: Any, pid: int, *, best: bool) -> None:
        self._url = url
        self._client = client
        self._best = best
        self._count = 0
        self.middle_pid = pid

    async def start(self) -> Plugin:
        self._count += 1
        token = await self._client.generate_token()
        workspace = self._client.config.workspace
        options = (self._url, workspace, token, f"p{self._count}", "best" if self._best else "")
        async with AsyncExitStack() as stack:
            child = await stack.enter_async_context(
                process("-m", "benchmarks.subjects.hypha_plugin", *options)
            )
            name = (await line_with(child, "service ")).split()[1]
            service = await self._client.get_service(name)
            if await service.echo(1) != 1:
                raise AssertionError("The plugin gave back something else.")
            return Plugin(service, stack.pop_all())


class Hypha(Plugins):
    async def between(self, size: int) -> float:
        return await self._plugin.send_on(self._other.id, size)


@asynccontextmanager
async def hosting(*, best: bool) -> AsyncIterator[Host]:
    if best:
        without_compression()
    limits = ("HYPHA_WS_MSG_RATE_LIMIT", "HYPHA_WS_MSG_BURST_LIMIT")
    free = dict.fromkeys(limits, NO_LIMIT) if best else {}
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    async with AsyncExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="ij-"))
        server = await stack.enter_async_context(
            process(
                *("-m", "hypha.server", "--host", "127.0.0.1", "--port", str(port)),
                terminate=True,
                cwd=directory,
                env={**os.environ, **free},
            )
        )
        await stack.enter_async_context(drained(server.stdout))
        await _answers(f"{url}/health/liveness")
        client = await stack.enter_async_context(connect_to_server({"server_url": url}))
        yield Host(url, client, server.pid, best=best)


@asynccontextmanager
async def opened(*, best: bool) -> AsyncIterator[Hypha]:
    async with hosting(best=best) as host:
        plugins = [await host.start(), await host.start()]
        try:
            yield Hypha(*(plugin.service for plugin in plugins), host.middle_pid)
        finally:
            for plugin in plugins:
                await plugin.stop()


async def _answers(url: str) -> None:
    """Return when a server answers."""
    async with asyncio.timeout(START_S), httpx.AsyncClient() as client:
        while True:
            try:
                if (await client.get(url)).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)

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

from benchmarks.subjects.processes import START_S, drained, free_port, line_with, process
from benchmarks.workloads import Calls

NO_LIMIT = str(10**9)


def without_compression() -> None:
    """Have hypha-rpc offer no compression; an engine that is offered none uses none."""
    connect = websockets.connect

    def connect_plainly(*arguments: Any, **options: Any) -> Any:
        return connect(*arguments, **{**options, "compression": None})

    rpc_client.websockets.connect = connect_plainly


class Hypha(Calls):
    def __init__(self, plugin: Any, other: Any, middle_pid: int) -> None:
        self._plugin = plugin
        self._other = other
        self.middle_pid = middle_pid

    async def call(self) -> None:
        if await self._plugin.echo({"x": 1}) != {"x": 1}:
            raise AssertionError("The plugin gave back something else.")

    async def beside(self) -> None:
        await self._other.echo({"x": 1})

    async def array(self, array: Any) -> Any:
        return await self._plugin.echo(array)

    async def callbacks(self, count: int) -> None:
        called = 0

        def function(_: int) -> None:
            nonlocal called
            called += 1

        await self._plugin.call_back(function, count)
        if called != count:
            raise AssertionError(f"{called} callbacks came, not {count}.")

    async def between(self, size: int) -> float:
        return await self._plugin.send_on(self._other.id, size)


@asynccontextmanager
async def opened(*, best: bool) -> AsyncIterator[Hypha]:
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
        token = await client.generate_token()
        services = []
        for name in ("a", "b"):
            module = "benchmarks.subjects.hypha_plugin"
            options = (url, client.config.workspace, token, name, "best" if best else "")
            child = await stack.enter_async_context(process("-m", module, *options))
            service = (await line_with(child, "service ")).split()[1]
            services.append(await client.get_service(service))
        yield Hypha(*services, server.pid)


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

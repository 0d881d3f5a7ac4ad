"""A plugin for hypha: `python -m ... URL WORKSPACE TOKEN NAME best|""`; prints its service."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

from hypha_rpc import connect_to_server

from benchmarks.subjects.hypha import without_compression


async def main(url: str, workspace: str, token: str, name: str, best: str) -> None:
    if best:
        without_compression()
    server = await connect_to_server({"server_url": url, "workspace": workspace, "token": token})

    async def echo(value: Any) -> Any:
        return value

    async def call_back(function: Any, count: int) -> None:
        for _ in range(count):
            await function(1)

    async def send_on(service: str, size: int) -> float:
        import numpy as np  # plugins that only start have no use for it

        other = await server.get_service(service)
        array = np.ones(size // 4, np.float32)
        start = time.perf_counter()
        back = await other.echo(array)
        took_s = time.perf_counter() - start
        assert back.nbytes == size
        return took_s

    functions = {"echo": echo, "call_back": call_back, "send_on": send_on}
    service = await server.register_service({"id": name, "name": name, **functions})
    print("service", service["id"], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await server.disconnect()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

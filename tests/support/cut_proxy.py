"""A TCP proxy in front of an engine, which cuts its connections when a test says so."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

__all__ = ["CutProxy", "cut_proxy"]


class CutProxy:
    """Carries bytes both ways until `cut`; new connections are taken again at once."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._writers: set[asyncio.StreamWriter] = set()
        self.cuts = 0
        self.port = 0

    def cut(self) -> None:
        """Abort every connection; what is under way is lost."""
        self.cuts += 1
        for writer in list(self._writers):
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.close()
            return
        self._writers |= {writer, there[1]}
        try:
            await asyncio.gather(_carry(reader, there[1]), _carry(there[0], writer))
        finally:
            self._writers -= {writer, there[1]}


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def cut_proxy(port: int) -> AsyncIterator[CutProxy]:
    """Serve on a port of its own in front of `port`."""
    proxy = CutProxy(port)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        proxy.cut()
        await server.wait_closed()

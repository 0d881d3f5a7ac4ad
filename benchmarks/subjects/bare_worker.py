"""The floor of starts, stops and many: an asyncio worker that connects back and echoes lines.

Its socket's end is its order to leave. With `spare` one is there before it is asked for.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from benchmarks.subjects.engine import QUIET_S

WORKER = """
import asyncio, sys

async def main(path):
    reader, writer = await asyncio.open_unix_connection(path)
    while line := await reader.readline():
        writer.write(line)
        await writer.drain()
    writer.close()

asyncio.run(main(sys.argv[1]))
"""


class BareWorker:
    def __init__(
        self,
        process: asyncio.subprocess.Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer

    async def call(self) -> None:
        self._writer.write(b"call\n")
        if await self._reader.readline() != b"call\n":
            raise AssertionError("The worker gave back something else.")

    async def stop(self) -> None:
        self._writer.close()
        await self._process.wait()


class BareWorkers:
    middle_pid = None

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._count = 0

    async def start(self) -> BareWorker:
        worker = await self._new()
        await worker.call()
        return worker

    async def _new(self) -> BareWorker:
        self._count += 1
        path = f"{self._directory}/{self._count}"
        arrived = asyncio.get_running_loop().create_future()
        server = await asyncio.start_unix_server(lambda *streams: arrived.set_result(streams), path)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-s", "-u", "-c", WORKER, path
        )
        worker = BareWorker(process, *await arrived)
        server.close()
        return worker


class BareSpares(BareWorkers):
    _spare: BareWorker | None = None

    async def _new(self) -> BareWorker:
        spare, self._spare = self._spare, None
        return spare or await super()._new()

    async def rest(self) -> dict[str, float]:
        """Have a spare, and rest as long as a host does whose end of work is looked for."""
        self._spare = await self._new()
        await asyncio.sleep(2 * QUIET_S)
        return {}

    async def close(self) -> None:
        if self._spare is not None:
            await self._spare.stop()


@asynccontextmanager
async def hosting(*, spare: bool = False) -> AsyncIterator[BareWorkers]:
    with tempfile.TemporaryDirectory(prefix="ij-") as directory:
        if not spare:
            yield BareWorkers(directory)
            return
        workers = BareSpares(directory)
        try:
            yield workers
        finally:
            await workers.close()

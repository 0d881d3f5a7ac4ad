"""The floor of starts, stops and many: an asyncio worker that connects back and echoes lines.

Its socket's end is its order to leave.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

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
    def __init__(self, process: asyncio.subprocess.Process, writer: asyncio.StreamWriter) -> None:
        self._process = process
        self._writer = writer

    async def stop(self) -> None:
        self._writer.close()
        await self._process.wait()


class BareWorkers:
    middle_pid = None

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._count = 0

    async def start(self) -> BareWorker:
        self._count += 1
        path = f"{self._directory}/{self._count}"
        answered = asyncio.get_running_loop().create_future()

        async def arrived(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"call\n")
            answered.set_result((await reader.readline(), writer))

        server = await asyncio.start_unix_server(arrived, path)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-s", "-u", "-c", WORKER, path
        )
        answer, writer = await answered
        server.close()
        if answer != b"call\n":
            raise AssertionError("The worker gave back something else.")
        return BareWorker(process, writer)


@asynccontextmanager
async def hosting() -> AsyncIterator[BareWorkers]:
    with tempfile.TemporaryDirectory(prefix="ij-") as directory:
        yield BareWorkers(directory)

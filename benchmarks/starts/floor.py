"""The floor of a start: an asyncio worker that connects back over a Unix socket and echoes once."""

import asyncio
import os
import sys
import tempfile
import time

WORKER = """
import asyncio, sys

async def main(path):
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(await reader.readline())
    await writer.drain()
    writer.close()

asyncio.run(main(sys.argv[1]))
"""


async def started(directory):
    began = time.perf_counter()
    answered = asyncio.get_running_loop().create_future()

    async def arrived(reader, writer):
        writer.write(b"call\n")
        answered.set_result(await reader.readline())
        writer.close()

    path = f"{directory}/engine.sock"
    server = await asyncio.start_unix_server(arrived, path)
    process = await asyncio.create_subprocess_exec(sys.executable, "-s", "-u", "-c", WORKER, path)
    if await answered != b"call\n":
        raise AssertionError("The worker gave back something else.")
    took_s = time.perf_counter() - began
    await process.wait()
    server.close()
    os.unlink(path)
    return took_s


async def main():
    with tempfile.TemporaryDirectory(prefix="ij-") as directory:
        while await asyncio.to_thread(sys.stdin.readline):
            print((await started(directory)) * 1e3, flush=True)


asyncio.run(main())

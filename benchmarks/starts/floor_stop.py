"""The floor of a stop: an asyncio worker that leaves when its socket ends, and is waited for."""

import asyncio
import os
import sys
import tempfile
import time

WORKER = """
import asyncio, sys

async def main(path):
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(b"here")
    await reader.read()
    writer.close()

asyncio.run(main(sys.argv[1]))
"""


async def stopped(directory):
    came = asyncio.get_running_loop().create_future()

    async def arrived(reader, writer):
        came.set_result((await reader.readexactly(4), writer))

    path = f"{directory}/engine.sock"
    server = await asyncio.start_unix_server(arrived, path)
    process = await asyncio.create_subprocess_exec(sys.executable, "-s", "-u", "-c", WORKER, path)
    _, writer = await came
    began = time.perf_counter()
    writer.close()
    await process.wait()
    took_s = time.perf_counter() - began
    server.close()
    os.unlink(path)
    return took_s


async def main():
    with tempfile.TemporaryDirectory(prefix="ij-") as directory:
        while await asyncio.to_thread(sys.stdin.readline):
            print((await stopped(directory)) * 1e3, flush=True)


asyncio.run(main())

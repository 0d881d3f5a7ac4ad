"""The floor of many: asyncio workers that connect back over a Unix socket, all started at once.

For every line it prints the milliseconds until the last has echoed, and the bytes of memory of one.
"""

import asyncio
import os
import sys
import tempfile
import time

import psutil

COUNT = int(sys.argv[1])
WORKER = """
import asyncio, sys

async def main(path):
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(await reader.readline())
    await reader.read()
    writer.close()

asyncio.run(main(sys.argv[1]))
"""


async def started(directory):
    began = time.perf_counter()
    arrivals = asyncio.Queue()

    async def arrived(reader, writer):
        writer.write(b"call\n")
        if await reader.readline() != b"call\n":
            raise AssertionError("The worker gave back something else.")
        arrivals.put_nowait(writer)

    path = f"{directory}/engine.sock"
    server = await asyncio.start_unix_server(arrived, path)
    command = [sys.executable, "-s", "-u", "-c", WORKER, path]
    processes = await asyncio.gather(
        *(asyncio.create_subprocess_exec(*command) for _ in range(COUNT))
    )
    writers = [await arrivals.get() for _ in range(COUNT)]
    took_ms = (time.perf_counter() - began) * 1e3
    used = [psutil.Process(process.pid).memory_full_info().pss for process in processes]
    for writer in writers:
        writer.close()
    await asyncio.gather(*(process.wait() for process in processes))
    server.close()
    os.unlink(path)
    return took_ms, sum(used) / COUNT


async def main():
    with tempfile.TemporaryDirectory(prefix="ij-") as directory:
        while await asyncio.to_thread(sys.stdin.readline):
            print(*await started(directory), flush=True)


asyncio.run(main())

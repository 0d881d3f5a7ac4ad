"""A program that is sent more than it reads: `python flooded_client.py URL TOKEN COUNT SIZE FILE`.

Says "ready" when its plugin is, waits for a line, has COUNT times SIZE bytes sent to it, of which
the plugin notes each in FILE, and says how many bytes have come.
"""

from __future__ import annotations

import asyncio
import sys

import imjoy_client

SCRIPT = """
from imjoy import api

class Plugin:
    def setup(self):
        pass

    def flood(self, count, size, note, take):
        data = bytes(size)
        with open(note, "a", buffering=1) as file:
            for _ in range(count):
                take(data)
                file.write(".")
                file.flush()

api.export(Plugin())
"""


async def main(url: str, token: str, count: int, size: int, note: str) -> None:
    came = 0
    everything = asyncio.Event()

    def take(data: bytes) -> None:
        nonlocal came
        came += len(data)
        if came == count * size:
            everything.set()

    async with imjoy_client.connect(url, token) as client:
        plugin = await client.start_plugin({"name": "Flood"}, script=SCRIPT)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.readline)
        await plugin.flood(count, size, note, take)
        await everything.wait()
        sys.stdout.write(f"{came}\n")


if __name__ == "__main__":
    url, token, count, size, note = sys.argv[1:]
    asyncio.run(main(url, token, int(count), int(size), note))

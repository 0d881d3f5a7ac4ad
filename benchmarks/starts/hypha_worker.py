"""Hypha: a process that connects to the server with hypha-rpc and registers a service, and a call.

That is what hypha's own workers start for an app; its conda worker adds the making of a conda
environment, which needs conda.
"""

import asyncio
import subprocess
import sys
import tempfile
import time
import urllib.request

from hypha_rpc import connect_to_server

WORKER = """
import asyncio, sys
from hypha_rpc import connect_to_server

async def main(url, workspace, token, name):
    server = await connect_to_server({"server_url": url, "workspace": workspace, "token": token})
    service = {"id": name, "config": {"visibility": "public"}, "echo": lambda value: value}
    await server.register_service(service)
    await server.serve()

asyncio.run(main(*sys.argv[1:]))
"""
PORT = 29527


def serve(directory):
    command = [sys.executable, "-m", "hypha.server", "--host=127.0.0.1", f"--port={PORT}"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    server = subprocess.Popen(command, cwd=directory, **quiet)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{PORT}/health/readiness", timeout=1)
            return server
        except OSError:
            time.sleep(0.1)
    server.kill()
    raise RuntimeError("Hypha's server did not start.")


async def started(server, number):
    began = time.perf_counter()
    token = await server.generate_token()
    name = f"worker-{number}"
    url = f"http://127.0.0.1:{PORT}"
    arguments = [url, server.config.workspace, token, name]
    worker = await asyncio.create_subprocess_exec(sys.executable, "-c", WORKER, *arguments)
    try:
        while True:
            try:
                service = await server.get_service(name)
                break
            except Exception:
                await asyncio.sleep(0.01)
        if await service.echo(1) != 1:
            raise AssertionError("The worker gave back something else.")
        return time.perf_counter() - began
    finally:
        worker.kill()
        await worker.wait()


async def main():
    server = await connect_to_server({"server_url": f"http://127.0.0.1:{PORT}"})
    number = 0
    while await asyncio.to_thread(sys.stdin.readline):
        number += 1
        print((await started(server, number)) * 1e3, flush=True)


with tempfile.TemporaryDirectory(prefix="ij-") as directory:
    process = serve(directory)
    try:
        asyncio.run(main())
    finally:
        process.kill()
        process.wait()

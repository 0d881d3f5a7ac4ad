"""Much data through the real engine: bounded where it passes, whole where it arrives."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest

import imjoy_client
from imjoy_wire.errors import RemoteError, UnsendableFrameError
from support import flooded_client
from support.engine import EngineProcess

SCRIPT = """
from imjoy import api

class Plugin:
    def setup(self):
        pass

    def echo(self, value):
        return value

    def make(self, size):
        return bytes(size)

api.export(Plugin())
"""
DEADLINE_S = 120
MB = 1_000_000


def peak_bytes(engine: EngineProcess) -> int:
    for line in Path(f"/proc/{engine.process.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise LookupError("no VmHWM")


def memory_from_now(engine: EngineProcess) -> int:
    """Return what the engine holds now; its peak is counted from here."""
    Path(f"/proc/{engine.process.pid}/clear_refs").write_text("5")
    return int(psutil.Process(engine.process.pid).memory_info().rss)


async def test_a_gigabyte_there_and_back_and_little_of_it_in_the_engine(
    engine: EngineProcess,
) -> None:
    array = np.arange(250 * MB, dtype=np.float32)
    async with imjoy_client.connect(engine.url, engine.token) as client:
        plugin = await client.start_plugin({"name": "Echo"}, script=SCRIPT)
        before = memory_from_now(engine)
        back = await plugin.echo(array)
        assert np.array_equal(back, array)
        assert peak_bytes(engine) - before < 64 * MB


@pytest.mark.parametrize("data_channel", [True, False], ids=["data channel", "socketio"])
async def test_what_is_too_large_is_refused_where_it_is_sent(
    engine: EngineProcess, data_channel: bool
) -> None:
    async with imjoy_client.connect(engine.url, engine.token, data_channel=data_channel) as client:
        plugin = await client.start_plugin({"name": "Echo"}, script=SCRIPT)
        too_much = client.max_message_bytes + 1
        with pytest.raises(UnsendableFrameError, match="1,073,741,824 are allowed"):
            await plugin.echo(bytes(too_much))
        with pytest.raises(RemoteError, match="1,073,741,824 are allowed"):
            await plugin.make(too_much)
        assert await plugin.echo(5) == 5


async def test_a_client_that_does_not_read_holds_its_plugin_and_costs_the_engine_little(
    engine: EngineProcess, tmp_path: Path
) -> None:
    count, size, note = 1500, 200_000, tmp_path / "note"
    note.touch()
    arguments = (engine.url, engine.token, str(count), str(size), str(note))
    client = await asyncio.create_subprocess_exec(
        *(sys.executable, flooded_client.__file__, *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(flooded_client.__file__).parents[1],
    )
    assert client.stdin is not None
    assert client.stdout is not None
    try:
        async with asyncio.timeout(DEADLINE_S):
            assert (await client.stdout.readline()).strip() == b"ready"
            before = memory_from_now(engine)
            client.stdin.write(b"go\n")
            await grown(note, 1)
            client.send_signal(signal.SIGSTOP)
            # The plugin's own queue takes this much more; then it waits.
            await grown(note, 250)
            assert peak_bytes(engine) - before < 40 * MB
            client.send_signal(signal.SIGCONT)
            assert int(await client.stdout.readline()) == count * size
            assert peak_bytes(engine) - before < 40 * MB
            assert await client.wait() == 0
    finally:
        if client.returncode is None:
            client.kill()
            await client.wait()


async def grown(file: Path, size: int) -> None:
    """Return when a file has so many bytes."""
    loop = asyncio.get_running_loop()
    while file.stat().st_size < size:
        looked = asyncio.Event()
        loop.call_later(0.02, looked.set)
        await looked.wait()

"""Runs of a real engine: begun by one client, waited for by another."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from imjoy_client import ClientError, RunFailedError, connect
from imjoy_wire.errors import CallCancelledError, RemoteError
from support.cut_proxy import cut_proxy
from support.engine import EngineProcess, running_engine

TRAIN = """<config lang="json">
{"name": "Train", "type": "native-python", "flags": ["allow-detach"]}
</config>
<script lang="python">
import asyncio, os, threading
from imjoy import api

class Train:
    def setup(self):
        self.set_up = getattr(self, "set_up", 0) + 1
        self.go = threading.Event()

    def run(self, ctx):
        api.progress(0.5)
        self.go.wait(30)
        return {"sum": ctx["a"] + ctx["b"], "pid": os.getpid()}

    def big(self, size):
        return b"x" * size

    def fail(self):
        raise KeyError("no such epoch")

    def die(self):
        os._exit(3)

    async def endless(self):
        await asyncio.Event().wait()

    def release(self):
        self.go.set()

    def count(self):
        return self.set_up

api.export(Train())
</script>
"""


async def state_of(client: Any, run_id: str) -> dict[str, Any]:
    [run] = [each for each in await client.runs() if each["id"] == run_id]
    found: dict[str, Any] = run
    return found


async def test_a_run_outlives_the_script_that_began_it(engine: EngineProcess) -> None:
    async with connect(engine.link, "") as client:
        plugin = await client.start_plugin(TRAIN)
        run_id = client.start_run(plugin, "run", {"a": 1, "b": 2})
        while (await state_of(client, run_id))["progress"] is None:
            await plugin.count()
    async with connect(engine.link, "") as colleague:
        assert (await state_of(colleague, run_id))["state"] == "running"
        waiting = asyncio.ensure_future(colleague.wait_run(run_id))
        attached = await colleague.attach("Train")
        assert await attached.count() == 1
        await attached.release()
        result = await asyncio.wait_for(waiting, 20)
        assert result["sum"] == 3
        run = await state_of(colleague, run_id)
        assert (run["plugin"], run["name"], run["state"]) == ("Train", "run", "done")
        assert run["progress"] == 0.5
        # A result can be had as often as one likes.
        assert await colleague.wait_run(run_id) == result
    async with connect(engine.link, "") as last:
        await (await last.attach("Train")).stop()
        with pytest.raises(ClientError, match="No plugin 'Train' runs"):
            await last.attach("Train")


async def test_runs_are_events_of_every_client(engine: EngineProcess) -> None:
    heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    async with (
        connect(engine.link, "", on_event=heard.put_nowait) as colleague,
        connect(engine.link, "") as client,
    ):
        plugin = await client.start_plugin(TRAIN)
        await plugin.release()
        await plugin.run({"a": 1, "b": 2})
        async with asyncio.timeout(20):
            while (event := await heard.get())["event"] != "run" or event["run"]["ended"] is None:
                pass
        assert event["name"] == "Train"
        assert event["run"]["state"] == "done"
        assert await colleague.runs(plugin="Train") == [event["run"]]


async def test_what_a_run_raises_is_raised_where_somebody_waits(engine: EngineProcess) -> None:
    async with connect(engine.link, "") as client:
        plugin = await client.start_plugin(TRAIN)
        failed, big = client.start_run(plugin, "fail"), client.start_run(plugin, "big", 3 << 20)
        assert len(await client.wait_run(big)) == 3 << 20
        with pytest.raises(RemoteError, match="no such epoch") as raised:
            await client.wait_run(failed)
        assert raised.value.name == "KeyError"
        lost = client.start_run(plugin, "die")
        with pytest.raises(RunFailedError, match="exited with code 3"):
            await client.wait_run(lost)
        states = {run["id"]: run["state"] for run in await client.runs(plugin="Train")}
        assert states == {failed: "failed", big: "done", lost: "failed"}
        errors = {run["id"]: run["error"] for run in await client.runs(plugin="Train")}
        assert errors[failed] == {"code": "raised", "message": "KeyError: 'no such epoch'"}
        assert await client.runs(plugin="Another") == []


async def test_a_run_is_cancelled_by_who_did_not_begin_it(engine: EngineProcess) -> None:
    async with connect(engine.link, "") as client, connect(engine.link, "") as colleague:
        run_id = client.start_run(await client.start_plugin(TRAIN), "endless")
        while not await colleague.runs(state="running"):
            pass
        await colleague.cancel_run(run_id)
        with pytest.raises(CallCancelledError):
            await colleague.wait_run(run_id)
        assert (await state_of(client, run_id))["state"] == "cancelled"
        await (await colleague.attach("Train")).stop()


async def test_results_are_there_for_the_next_engine(
    engine: EngineProcess, tmp_path: Path, store: Path
) -> None:
    async with connect(engine.link, "") as client:
        plugin = await client.start_plugin(TRAIN)
        run_id = client.start_run(plugin, "big", 2 << 20)
        assert len(await client.wait_run(run_id)) == 2 << 20
        await plugin.stop()
    await engine.stop()
    async with (
        running_engine(workspace=tmp_path / "workspace", store=store) as later,
        connect(later.link, "") as client,
    ):
        assert len(await client.wait_run(run_id)) == 2 << 20


CALLBACKS = """<config lang="json">{"name": "Teller", "type": "native-python"}</config>
<script lang="python">
from imjoy import api

class Teller:
    async def count(self, upto, tell):
        for number in range(upto):
            await tell(number, b"x" * (number % 7) * 30_000)
        return bytes(3 << 20)

api.export(Teller())
</script>
"""


@pytest.mark.parametrize("data_channel", [True, False], ids=["data channel", "socketio"])
async def test_a_connection_that_is_cut_again_and_again_loses_nothing(
    engine: EngineProcess, data_channel: bool
) -> None:
    heard: list[int] = []
    chance = random.Random(7)
    async with cut_proxy(int(engine.url.rpartition(":")[2])) as proxy:

        def tell(number: int, data: bytes) -> int:
            assert len(data) == number % 7 * 30_000
            heard.append(number)
            if chance.random() < 0.05 and proxy.cuts < 4:
                asyncio.get_running_loop().call_later(chance.random() / 100, proxy.cut)
            return number

        address = f"http://127.0.0.1:{proxy.port}"
        async with connect(address, engine.token, data_channel=data_channel) as client:
            plugin = await client.start_plugin(CALLBACKS)
            result = await asyncio.wait_for(plugin.count(150, tell), 50)
        assert len(result) == 3 << 20
        assert heard == list(range(150))
        assert proxy.cuts == 4

"""The client without `await`, in a loop that runs already too."""

from __future__ import annotations

import asyncio
import gc
import threading

import numpy as np
import pytest

from imjoy_client import ClientError, sync
from imjoy_wire.errors import RemoteError
from support.small_engine import TOKEN

CONFIG = {"name": "Trial"}
SCRIPT = "api.export(Plugin())"


def use(engine):
    with sync.connect(engine.url, TOKEN) as client:
        assert client.engine_info == {"name": "small"}
        plugin = client.start_plugin(CONFIG, script=SCRIPT)
        image = np.arange(4)
        np.testing.assert_array_equal(plugin.echo(image), image)
        seen = []
        assert plugin.tell(seen.append, 2) == 2
        assert seen == [0, 1]
        with pytest.raises(RemoteError, match="no such cell"):
            plugin.fail()
        assert client.status()["plugin_num"] == 1
        assert "echo" in dir(plugin)
        assert repr(plugin) == "<plugin Trial: ready>"
        plugin.stop()


def test_it_works_in_a_script(engine):
    use(engine)
    assert "imjoy-client" not in {thread.name for thread in threading.enumerate()}


async def test_it_works_inside_a_running_loop(engine):
    assert asyncio.get_running_loop()
    use(engine)


def test_functions_in_results_return_their_results_too(engine):
    with sync.connect(engine.url, TOKEN) as client:
        plugin = client.start_plugin(CONFIG, script=SCRIPT)
        counter = plugin.counter()
        assert counter.name == "counter"
        assert [counter.count(), counter["count"]()] == [1, 2]
        assert repr(counter.count) == "<function count of w0>"
        home = plugin.echo([counter.count, {"f": counter.count}])
        assert [home[0](), home[1].f()] == [3, 4]
        assert plugin["stop"]("by name") == "stopped by name"
        assert plugin.interface().update(1) == "updated 1"


def test_a_wait_has_an_end_if_one_says_so(engine):
    with sync.connect(engine.url, TOKEN) as client:
        plugin = client.start_plugin(CONFIG, script=SCRIPT)
        engine.workers["w0"].peer.receive = lambda *_: None
        with pytest.raises(TimeoutError):
            plugin.echo(1, timeout_s=0.01)


def test_a_function_that_a_plugin_calls_cannot_wait_for_it(engine):
    with sync.connect(engine.url, TOKEN) as client:
        plugin = client.start_plugin(CONFIG, script=SCRIPT)
        errors = []

        def ask(_):
            try:
                plugin.echo(1)
            except RuntimeError as error:
                errors.append(str(error))

        plugin.tell(ask, 1)
        assert plugin.echo(2) == 2
        assert "cannot wait for a plugin here" in errors[0]


def test_an_error_at_the_start_leaves_no_thread(engine):
    with pytest.raises(ClientError, match="token is wrong"), sync.connect(engine.url, "wrong"):
        pass
    assert "imjoy-client" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.filterwarnings("error")
def test_after_its_block_a_client_says_that_it_is_closed(engine):
    with sync.connect(engine.url, TOKEN) as client:
        plugin = client.start_plugin(CONFIG, script=SCRIPT)
        stream = plugin.numbers()
        echo = plugin.echo
    for call in (echo, plugin.interface, plugin.stop, client.status, client.runs):
        with pytest.raises(ClientError, match="This client is closed"):
            call(*([1] if call is echo else []))
    with pytest.raises(ClientError, match="This client is closed"):
        next(stream)
    gc.collect()  # a coroutine that nobody awaited would say so now

"""What the engine hears of how a plugin has come up."""

from __future__ import annotations

import pytest

from imjoy_wire.errors import RemoteError
from imjoy_worker.begun import Begun
from support.plugin_process import FakeEngine


def begun(engine: FakeEngine) -> list[str | None]:
    return [body["error"] for kind, body in engine.told if kind == "begun"]


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("def broken(:\n    pass", "its script failed: SyntaxError: "),
        ("import nosuchmodule", "its script failed: ModuleNotFoundError: No module named"),
    ],
)
async def test_a_script_that_fails(started, script, words):
    async with started() as engine:
        client = engine.clients["browser"]
        await client.greet()
        with pytest.raises(RemoteError):
            await client.execute(script)
        (error,) = begun(engine)
        assert error.startswith(words)


async def test_a_setup_that_fails_and_then_does_not(started):
    script = (
        "done = []\n"
        "def setup():\n"
        "    done.append(1)\n"
        "    if len(done) == 1:\n"
        "        raise ValueError('no model')\n"
        "api.export({'setup': setup})"
    )
    async with started() as engine:
        api = await engine.clients["browser"].start(script)
        assert begun(engine) == []
        with pytest.raises(RemoteError):
            await api.setup()
        await api.setup()
        assert begun(engine) == ["its setup failed: ValueError: no model", None]


async def test_a_plugin_without_setup_is_there_with_its_script(started):
    async with started() as engine:
        await engine.clients["browser"].start("api.export({'one': lambda: 1})")
        assert begun(engine) == [None]


def test_each_news_is_told_once_and_another_engine_hears_the_last():
    told: list[str | None] = []
    begun = Begun(told.append)
    begun.tell_again()
    begun.nothing_exported()
    begun.nothing_exported()
    begun.setup_ended(None)
    begun.setup_ended(None)
    begun.tell_again()
    assert told == ["its script has not called api.export(...)", None, None]

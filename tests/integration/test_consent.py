"""Commands of a plugin's own with a real engine: asked, remembered, refused, allowed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

import imjoy_client
from support.engine import EngineProcess, running_engine

COMMAND = "echo made > made-by-a-command && echo a word of the tool"
SCRIPT = """
import os
api.export({"made": lambda: os.path.exists("made-by-a-command")})
"""


def maker(name: str) -> dict[str, object]:
    """Return a plugin of its own: one whose environment is there already asks nobody."""
    return {"name": name, "type": "native-python", "requirements": [f"cmd: {COMMAND}"]}


async def test_a_program_is_asked_word_by_word_and_only_once(engine: EngineProcess) -> None:
    asked: list[Sequence[str]] = []

    async def allow(commands: Sequence[str]) -> bool:
        asked.append(commands)
        return True

    for _ in range(2):
        async with imjoy_client.connect(engine.link, "") as client:
            plugin = await client.start_plugin(maker("Asked"), script=SCRIPT, allow_commands=allow)
            assert await plugin.made()
    assert asked == [[COMMAND]]


async def test_a_refusal_ends_the_plugin_and_nothing_was_run(
    engine: EngineProcess, tmp_path: Path
) -> None:
    async with imjoy_client.connect(engine.link, "") as client:
        with pytest.raises(imjoy_client.PluginFailedError, match="command was refused") as caught:
            await client.start_plugin(
                maker("Refused"), script=SCRIPT, allow_commands=lambda _: False
            )
    assert caught.value.code == "command-refused"
    assert f"$ {COMMAND}" in caught.value.log_tail
    assert not list(tmp_path.rglob("made-by-a-command"))


async def test_without_anybody_to_ask_it_says_what_to_do(engine: EngineProcess) -> None:
    async with imjoy_client.connect(engine.link, "") as client:
        with pytest.raises(imjoy_client.PluginFailedError) as caught:
            await client.start_plugin(maker("Unasked"), script=SCRIPT)
    assert caught.value.code == "command-refused"
    assert "--allow-commands" in caught.value.hint


async def test_a_function_that_fails_allows_nothing(engine: EngineProcess) -> None:
    def broken(_: Sequence[str]) -> bool:
        raise ZeroDivisionError

    async with imjoy_client.connect(engine.link, "") as client:
        with pytest.raises(imjoy_client.PluginFailedError, match="command was refused"):
            await client.start_plugin(maker("Broken"), script=SCRIPT, allow_commands=broken)


async def test_a_setting_allows_them_without_a_question(tmp_path: Path, store: Path) -> None:
    async with (
        running_engine("--allow-commands", workspace=tmp_path, store=store) as engine,
        imjoy_client.connect(engine.link, "") as client,
    ):
        plugin = await client.start_plugin(maker("Allowed"), script=SCRIPT)
        assert await plugin.made()

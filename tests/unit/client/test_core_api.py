"""What a plugin gets in place of the page."""

from __future__ import annotations

import pytest

from imjoy_client.core_api import core_api


class Found:
    def __init__(self, name):
        self._name = name

    async def interface(self):
        async def run(ctx):
            return self._name, ctx

        return {"run": run}


def api(on_message=lambda name, value: None, **extra):
    return core_api(on_message, Found, extra)


async def test_messages_go_to_one_function():
    heard = []
    functions = api(lambda name, value: heard.append((name, value)))
    await functions["log"]("a")
    await functions["showMessage"]("b", 3)
    await functions["showProgress"](50)
    assert heard == [("log", "a"), ("showMessage", ["b", 3]), ("showProgress", 50)]


async def test_that_function_may_be_a_coroutine():
    heard = []

    async def hear(name, value):
        heard.append(value)

    await api(hear)["alert"]("a")
    assert heard == ["a"]


async def test_plugins_find_each_other():
    functions = api()
    assert await functions["run"]("Other", {"x": 1}) == ("Other", {"x": 1})
    assert await functions["call"]("Other", "run", 2) == ("Other", 2)
    other = await functions["getPlugin"]({"name": "Third"})
    assert await other["run"](None) == ("Third", None)


def test_settings_are_kept_while_the_plugin_runs():
    functions = api()
    functions["setConfig"]("a", 1)
    assert functions["getConfig"]("a") == 1
    assert functions["getConfig"]("b") is None
    assert functions["echo"](2) == 2


def test_what_needs_a_page_says_so_and_can_be_given():
    with pytest.raises(RuntimeError, match=r"api\.prompt needs a page"):
        api()["prompt"]("Who?")
    assert api(prompt=lambda question: "me")["prompt"]("Who?") == "me"

"""A plugin as a program sees it."""

from __future__ import annotations

import pytest

from imjoy_client.plugin import PluginProxy


class End:
    """The end of a plugin, as its proxy knows it."""

    def __init__(self) -> None:
        self.name = "Trial"
        self.state = "ready"
        self.plugin_id = "p1"
        self.interface = {"echo": "the echo", "stop": "its own stop", "_rintf": "o1"}


@pytest.fixture
def stopped():
    return []


@pytest.fixture
def plugin(stopped):
    async def stop(plugin_id):
        stopped.append(plugin_id)

    return PluginProxy(End(), stop)


def test_its_functions_are_attributes_and_items(plugin):
    assert plugin.echo == "the echo"
    assert plugin["stop"] == "its own stop"
    assert "echo" in dir(plugin)


def test_what_it_does_not_have_is_named_with_what_it_has(plugin):
    with pytest.raises(AttributeError, match=r"no 'dance'\. It has: echo, stop"):
        plugin.dance  # noqa: B018 - the access is what is tested
    with pytest.raises(AttributeError, match="__nothing__"):
        plugin.__nothing__  # noqa: B018


async def test_it_says_what_it_is_and_stops(plugin, stopped):
    assert (plugin.plugin_name, plugin.plugin_state) == ("Trial", "ready")
    assert repr(plugin) == "<plugin Trial: ready>"
    assert await plugin.interface() == End().interface
    await plugin.stop()
    assert stopped == ["p1"]

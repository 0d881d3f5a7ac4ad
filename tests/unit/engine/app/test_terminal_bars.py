from __future__ import annotations

import io
import logging
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from imjoy_engine.app.terminal import TerminalLog
from imjoy_engine.app.terminal_bars import TerminalBars
from imjoy_engine.plugins.instance import InstanceObserver, PluginInstance
from imjoy_engine.plugins.manifest import PluginManifest


@pytest.fixture
async def instance(tmp_path: Path) -> PluginInstance:
    return PluginInstance(
        PluginManifest.from_config({"name": "Charts"}),
        workspace="default",
        work_dir=tmp_path,
        log_dir=tmp_path,
        max_log_bytes=1000,
        observer=InstanceObserver(lambda *_: None, lambda *_: None),
    )


@pytest.fixture
def screen() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def bars(screen: io.StringIO) -> TerminalBars:
    return TerminalBars(Console(file=screen, force_terminal=True, width=120, color_system=None))


def downloading(item: str, done: int, **more: Any) -> dict[str, Any]:
    event = {"event": "progress", "phase": "download", "item": item, "done": done}
    return {**event, "total": 10_000_000, "unit": "bytes", "message": f"Fetching {item}", **more}


async def test_a_bar_says_which_plugin_what_and_how_much(instance, bars, screen):
    bars.tell(instance, downloading("numpy", 2_000_000, remaining_s=12.0))
    bars.close()

    assert "Charts: Fetching numpy" in screen.getvalue()
    assert "2 MB of 10 MB" in screen.getvalue()
    assert "about 12 s left" in screen.getvalue()


@pytest.mark.parametrize("state", ["starting", "failed", "stopped"])
async def test_it_is_gone_with_what_it_was_for(instance, bars, screen, state):
    bars.tell(instance, downloading("numpy", 1))
    bars.tell(instance, {"event": "state", "state": state})
    screen.truncate(0)

    bars.tell(instance, {"event": "log", "stream": "stdout", "text": "x"})

    assert not bars._bars.live.is_started
    assert screen.getvalue() == ""


async def test_beside_bars_the_log_has_a_line_a_phase(instance, bars, caplog):
    caplog.set_level(logging.INFO, "imjoy_engine.plugins")
    log = TerminalLog(bars)
    log.tell(instance, downloading("numpy", 1))
    log.tell(instance, downloading("scipy", 1))
    log.close()

    assert caplog.messages == ["Charts: Fetching numpy"]

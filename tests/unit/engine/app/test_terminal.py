from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from imjoy_engine.app.terminal import TerminalLog
from imjoy_engine.plugins.instance import InstanceObserver, PluginInstance
from imjoy_engine.plugins.manifest import PluginManifest


async def test_each_step_is_one_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "imjoy_engine.plugins")
    instance = PluginInstance(
        PluginManifest.from_config({"name": "Charts"}),
        workspace="default",
        work_dir=tmp_path,
        log_dir=tmp_path,
        max_log_bytes=1000,
        observer=InstanceObserver(lambda *_: None, lambda *_: None),
    )
    log = TerminalLog()

    def progress(phase: str, item: str, message: str) -> dict[str, Any]:
        return {"event": "progress", "phase": phase, "item": item, "message": message}

    log.tell(instance, {"event": "state", "state": "preparing"})
    log.tell(instance, progress("download", "numpy", "Downloading numpy: 1 of 10 MB"))
    log.tell(instance, progress("download", "numpy", "Downloading numpy: 2 of 10 MB"))
    log.tell(instance, progress("download", "scipy", "Downloading scipy: 1 of 30 MB"))
    log.tell(instance, progress("ready", "", ""))
    log.tell(instance, {"event": "state", "state": "ready", "pid": 4711})
    log.tell(instance, {"event": "begun", "error": None})
    log.tell(instance, {"event": "log", "stream": "stdout", "text": "private"})
    assert caplog.messages == [
        "Charts: Downloading numpy: 1 of 10 MB",
        "Charts: Downloading scipy: 1 of 30 MB",
        "Charts: ready",
        "Charts runs as process 4711",
        "Charts is ready",
    ]


async def test_a_plugin_that_failed_is_not_called_ready(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "imjoy_engine.plugins")
    instance = PluginInstance(
        PluginManifest.from_config({"name": "Charts"}),
        workspace="default",
        work_dir=tmp_path,
        log_dir=tmp_path,
        max_log_bytes=1000,
        observer=InstanceObserver(lambda *_: None, lambda *_: None),
    )
    log = TerminalLog()
    log.tell(instance, {"event": "state", "state": "ready", "pid": 4711})
    log.tell(instance, {"event": "begun", "error": "its script failed: SyntaxError: no"})

    assert caplog.messages == [
        "Charts runs as process 4711",
        "Charts cannot be used: its script failed: SyntaxError: no",
    ]
    assert caplog.records[-1].levelname == "WARNING"

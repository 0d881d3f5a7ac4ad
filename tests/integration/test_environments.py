"""Environments of real plugins in a real engine."""

from __future__ import annotations

from pathlib import Path

import imjoy_client
from support.engine import EngineProcess
from support.existing import make_environment

PLAIN = """# /// script
# [tool.imjoy]
# name = "Plain script"
# ///
import sys
from imjoy import api

def spoil():
    import os, sysconfig
    try:
        open(os.path.join(sysconfig.get_path("purelib"), "spoiled.py"), "w").close()
    except OSError as error:
        return type(error).__name__
    return "written"

def where():
    return [sys.prefix, sys.executable]

api.export({"spoil": spoil, "where": where})
"""


async def test_a_plain_script_is_a_plugin_that_cannot_write_to_its_packages(
    engine: EngineProcess, tmp_path: Path
) -> None:
    file = tmp_path / "plain.py"
    file.write_text(PLAIN)

    async with imjoy_client.connect(engine.url, engine.token) as client:
        plugin = await client.start_plugin(file)

        assert await plugin.spoil() in ("OSError", "PermissionError")


async def test_a_plugin_in_an_environment_that_was_there(
    engine: EngineProcess, tmp_path: Path
) -> None:
    place = make_environment(tmp_path / "there", {"tiny-one": "1.0"})
    config = {
        "name": "There",
        "env": {"type": "existing", "options": {"path": str(place)}},
        "requirements": ["tiny-one"],
    }

    async with imjoy_client.connect(engine.url, engine.token) as client:
        plugin = await client.start_plugin(config, script=PLAIN)

        assert await plugin.where() == [str(place), str(place / "bin" / "python")]

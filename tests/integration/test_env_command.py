"""`imjoy-engine env …` as a person types it, alone and beside a running engine."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

import imjoy_client
from imjoy_engine.app import Engine
from imjoy_engine.config import EngineConfig, Limits
from support.engine import running_engine
from support.packages import PackageIndex, make_wheel
from support.terminal import Terminal


class Told(logging.Filter):
    """Lets every line of the log pass; `event` is set when one has these words."""

    def __init__(self, words: str) -> None:
        super().__init__()
        self._words = words
        self.event = asyncio.Event()

    def filter(self, record: logging.LogRecord) -> bool:
        if self._words in record.msg:
            self.event.set()
        return True


@pytest.fixture
async def terminal(tmp_path: Path) -> AsyncIterator[Terminal]:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    make_wheel(wheels, "tiny-one", "1.0", requires=("tiny-two",))
    make_wheel(wheels, "tiny-two", "1.5")
    make_wheel(wheels, "slow-package", "1.0", size_bytes=4_000_000)
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    async with PackageIndex(wheels) as index:
        yield Terminal(tmp_path / "store", workspace, index)


async def test_an_environment_from_its_making_to_its_end(terminal: Terminal) -> None:
    code, output, errors = await terminal.types("create", "tiny-one")
    assert code == 0, errors
    assert "is ready after" in output
    assert "Choosing versions" in errors
    (one,) = await terminal.json("list")
    assert [package["name"] for package in one["packages"]] == ["tiny-one", "tiny-two"]
    shown = await terminal.json("show", one["key"][:6])
    assert shown["wishes"] == [{"pip": ["tiny-one"]}]
    code, text, _ = await terminal.types("export", one["key"])
    assert "tiny-two==1.5" in text
    assert "--hash=sha256:" in text
    assert "://" not in text
    assert (await terminal.types("doctor", "--imports"))[0] == 0
    assert (await terminal.json("remove", one["key"])) == [one["key"]]
    assert await terminal.json("list") == []


async def test_it_moves_to_a_machine_without_internet(terminal: Terminal, tmp_path: Path) -> None:
    made = await terminal.json("create", "tiny-one")
    bundle = (await terminal.json("pack", made["key"], "-o", str(tmp_path)))["bundle"]
    other = Terminal(tmp_path / "other-store", terminal.workspace, PackageIndex(tmp_path))

    found = await other.json("unpack", bundle)

    assert found["prefix"].startswith(str(tmp_path / "other-store"))
    assert found["imported"] == ["tiny_one", "tiny_two"]
    # Whoever wishes for the same gets it, though nothing can be fetched.
    assert (await other.json("create", "tiny-one"))["key"] == found["key"]


async def test_a_newer_version_comes_by_update_and_not_before(
    terminal: Terminal, tmp_path: Path
) -> None:
    first = await terminal.json("create", "tiny-two")
    make_wheel(tmp_path / "wheels", "tiny-two", "2.0")
    assert await terminal.json("create", "tiny-two") == first
    await terminal.json("update", first["key"])
    again = await terminal.json("create", "tiny-two")
    assert again["packages"] == [["tiny-two", "2.0"]]


async def test_a_plugins_lock_is_kept_and_held_to(terminal: Terminal) -> None:
    plugin = terminal.workspace / "P.imjoy.html"
    config = {"name": "P", "type": "native-python", "requirements": ["tiny-two"]}
    plugin.write_text(f'<config lang="json">{json.dumps(config)}</config>')
    code, _, errors = await terminal.types("create", str(plugin), "--locked")
    assert code != 0
    assert "there is no lock" in errors
    made = await terminal.json("create", str(plugin))
    assert await terminal.json("create", str(plugin), "--locked") == made
    async with (
        running_engine(
            "--locked",
            workspace=terminal.workspace,
            store=terminal.store,
            environment=terminal.variables,
        ) as engine,
        imjoy_client.connect(engine.link, "") as client,
    ):
        script = "import sys\napi.export({'prefix': lambda: sys.prefix})"
        running = await client.start_plugin(config, script=script)
        assert await running.prefix() == made["prefix"]
        # Beside a running engine: what it uses is seen, and is not touched.
        (one,) = await terminal.json("list")
        assert one["in_use"]
        code, _, errors = await terminal.types("remove", one["key"])
        assert code != 0
        assert "is in use" in errors
        assert (await terminal.types("gc", "--max-size", "1B"))[0] == 0
        assert await running.prefix() == made["prefix"]


async def test_who_holds_an_environment_is_said_with_how_to_end_it(terminal: Terminal) -> None:
    config = {"name": "Holder", "type": "native-python", "requirements": ["tiny-two"]}
    script = "import os\napi.export({'pid': os.getpid})"
    async with (
        running_engine(
            *("--spares", "1"),
            workspace=terminal.workspace,
            store=terminal.store,
            environment=terminal.variables,
        ) as engine,
        imjoy_client.connect(engine.link, "") as client,
    ):
        plugin = await client.start_plugin(config, script=script)
        (one,) = await terminal.json("list")
        code, _, errors = await terminal.types("remove", one["key"])
        assert code != 0
        assert f"is in use by Holder of the engine on {terminal.workspace}." in errors
        assert f"imjoy-engine kill Holder --workspace {terminal.workspace}" in errors
        async with asyncio.timeout(30):
            while not (await client.status())["spares"]:
                await asyncio.to_thread(psutil.cpu_percent, 0.05)
        await plugin.stop()

        code, _, errors = await terminal.types("remove", one["key"])
        assert code != 0
        assert f"No plugin runs in the environment {one['key']}" in errors
        said = re.search(r"To end it now: kill (\d+), then", " ".join(errors.split()))
        assert said, errors
        os.kill(int(said[1]), signal.SIGTERM)
        async with asyncio.timeout(30):
            while (await client.status())["spares"]:
                await asyncio.to_thread(psutil.cpu_percent, 0.05)
            while (await terminal.json("list"))[0]["in_use"]:
                pass
        assert await terminal.json("remove", one["key"]) == [one["key"]]


async def test_an_engine_removes_what_nobody_used_and_not_what_another_engine_uses(
    terminal: Terminal, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    unused = (await terminal.json("create", "tiny-one"))["key"]
    config = {"name": "P", "type": "native-python", "requirements": ["tiny-two"]}
    script = "import sys\napi.export({'prefix': lambda: sys.prefix})"
    collector = EngineConfig(
        workspace=tmp_path / "other",
        port=0,
        store=terminal.store,
        environment={**os.environ, **terminal.variables},  # noqa: TID251 - as a person would
        limits=Limits(store_tidy_delay_s=0),
    )
    async with (
        running_engine(
            workspace=terminal.workspace, store=terminal.store, environment=terminal.variables
        ) as engine,
        imjoy_client.connect(engine.link, "") as client,
    ):
        plugin = await client.start_plugin(config, script=script)
        used = Path(await plugin.prefix())
        long_ago_s = time.time() - 100 * 86400
        for key in (unused, used.name):
            os.utime(terminal.store / "manifests" / f"{key}.json", (long_ago_s, long_ago_s))
        told = Told("Made room")
        with caplog.at_level("INFO", "imjoy_engine"), caplog.filtering(told):
            async with Engine(collector), asyncio.timeout(60):
                await told.event.wait()
        assert [one["key"] for one in await terminal.json("list")] == [used.name]
        assert await plugin.prefix() == str(used)
        # What was removed is built again for whoever wants it.
        again = await client.start_plugin(
            {**config, "name": "Q", "requirements": ["tiny-one"]}, script=script
        )
        assert Path(await again.prefix()).name == unused


async def test_ctrl_c_ends_it_at_once_and_leaves_nothing(terminal: Terminal) -> None:
    terminal.index.gate.clear()
    process = await terminal.start("create", "slow-package")
    async with asyncio.timeout(30):
        await terminal.index.stalled.wait()
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(10):
        _, errors = await process.communicate()
    assert process.returncode == 130
    assert b"Cancelled; nothing of it is left." in errors
    assert list((terminal.store / "envs").iterdir()) == []
    assert list((terminal.store / "tmp").iterdir()) == []
    assert list((terminal.store / "uv").glob(".tmp*")) == []


async def test_room_is_made_in_the_caches_as_a_dry_run_says_and_no_environment_suffers(
    terminal: Terminal,
) -> None:
    kept = (await terminal.json("create", "tiny-one"))["key"]
    gone = (await terminal.json("create", "slow-package"))["key"]
    half = terminal.store / "uv" / ".tmpAbc"
    half.mkdir()
    (half / "file").write_bytes(os.urandom(1_000_000))
    await terminal.json("remove", gone)

    would = await terminal.json("gc", "--max-size", "2MB", "--dry-run")
    assert half.exists()
    made = await terminal.json("gc", "--max-size", "2MB")

    assert would == made
    assert made["freed"] > 5_000_000
    assert made["left"] < 2_000_000
    assert (await terminal.types("doctor", "--imports"))[0] == 0
    assert [one["key"] for one in await terminal.json("list")] == [kept]
    # What the caches have lost is fetched again.
    assert (await terminal.json("create", "slow-package"))["key"] == gone


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["show", "nope"], 1, "There is no environment nope."),
        (["create", "no-such-package"], 1, "There is no package named no-such-package."),
        (["create", "missing.txt"], 2, "missing.txt cannot be read"),
        (["create", "tiny-one", "--python", "newest"], 2, "is no version of Python"),
        (["create", "tiny-one", "--locked"], 2, "Only a plugin's environment can be locked."),
        (["unpack", "missing.tar"], 2, "does not exist"),
    ],
)
async def test_what_goes_wrong_is_said_in_a_sentence_with_an_exit_code(
    terminal: Terminal, words: list[str], code: int, said: str
) -> None:
    found, _, errors = await terminal.types(*words)
    assert said in errors
    assert found == code


async def test_a_program_is_told_what_goes_wrong_as_an_object(terminal: Terminal) -> None:
    code, output, errors = await terminal.types("create", "no-such-package", "--json")

    assert code == 1
    assert output == ""
    *progress, error = [json.loads(line) for line in errors.splitlines()]
    assert all(one["event"] == "progress" for one in progress)
    assert error["event"] == "error"
    assert error["code"] == "no-such-package"
    assert error["message"] == "There is no package named no-such-package."
    assert error["hint"]
    assert "pip compile" in error["log_tail"]


async def test_commands_of_a_plugin_are_shown_and_need_a_yes(terminal: Terminal) -> None:
    plugin = terminal.workspace / "C.imjoy.html"
    config = {"name": "C", "requirements": ["cmd: echo made > here"]}
    plugin.write_text(f'<config lang="json">{json.dumps(config)}</config>')
    code, _, errors = await terminal.types("create", str(plugin))
    assert code != 0
    assert "    echo made > here" in errors
    assert "nobody has allowed" in errors
    assert not (terminal.workspace / "default" / "here").exists()
    assert (await terminal.types("create", str(plugin), "--allow-commands"))[0] == 0
    assert (terminal.workspace / "default" / "here").read_text() == "made\n"

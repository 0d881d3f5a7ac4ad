"""The command as a person meets it: its link, its refusals, its end."""

from __future__ import annotations

import asyncio
import platform
import re
import signal
import socket
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from support.client import stranger
from support.engine import EngineProcess, gone, running_engine, start_engine


async def printed_by(*arguments: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "imjoy_engine",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(30):
        output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


async def test_it_prints_one_link_with_the_token(engine: EngineProcess) -> None:
    links = re.findall(r"http://127\.0\.0\.1:\d+/#token=[\w-]{20,}", engine.text)
    assert len(links) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_it_stops_cleanly_on_a_signal(
    tmp_path: Path, store: Path, number: signal.Signals
) -> None:
    async with running_engine(workspace=tmp_path, store=store) as engine:
        assert await engine.stop(number) == 0
    assert "Stopped." in engine.text
    assert "Traceback" not in engine.text


@pytest.mark.parametrize("read_late", ["click", "uvloop"])
async def test_interrupted_before_it_serves_it_ends_without_a_word(
    tmp_path: Path, read_late: str
) -> None:
    """What the engine imports at first, and last, stands still until the signal comes."""
    stand_in = tmp_path / "path" / f"{read_late}.py"
    stand_in.parent.mkdir()
    stand_in.write_text("import signal\nprint('reading', flush=True)\nsignal.pause()\n")
    process = await asyncio.create_subprocess_exec(
        "env",
        f"PYTHONPATH={stand_in.parent}",
        sys.executable,
        "-m",
        "imjoy_engine",
        "--workspace",
        str(tmp_path),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    async with asyncio.timeout(30):
        assert await process.stdout.readline() == b"reading\n"
        process.send_signal(signal.SIGINT)
        rest = await process.stdout.read()
        assert (await process.wait(), rest.strip()) == (130, b"")


async def test_a_taken_port_is_said_with_the_way_out(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        code, text = await printed_by("--port", str(port), "--workspace", str(tmp_path))
    assert code == 2
    assert f"Port {port} on 127.0.0.1 is taken by another program." in text
    assert f"--port {port + 1}" in text
    assert "Traceback" not in text


async def test_a_second_engine_on_the_workspace_is_refused(
    engine: EngineProcess, tmp_path: Path
) -> None:
    code, text = await printed_by("--port", "0", "--workspace", str(tmp_path / "workspace"))
    assert code == 2
    assert f"Another engine (process {engine.pid}) already runs at {engine.url}" in text
    assert "Traceback" not in text


async def test_the_token_stays_the_same_across_restarts(tmp_path: Path, store: Path) -> None:
    tokens = []
    for _ in range(2):
        async with running_engine(workspace=tmp_path, store=store) as engine:
            tokens.append(engine.token)
    assert tokens[0] == tokens[1]


async def test_options_that_make_no_sense_are_one_sentence(tmp_path: Path) -> None:
    for arguments, words in [
        (("--token", "short"), "too short"),
        (("--base-url", "nowhere"), "no web address"),
        (("--host", "203.0.113.1"), "has no address 203.0.113.1"),
        (("--port", "many"), "'many' is not a valid integer"),
        (("--prot", "1"), "No such option"),
        (("fly",), "No such command"),
    ]:
        code, text = await printed_by(*arguments, *_where(arguments, tmp_path))
        assert code == 2, text
        assert words in text
        assert "Traceback" not in text


def _where(arguments: tuple[str, ...], tmp_path: Path) -> tuple[str, ...]:
    return () if arguments == ("fly",) else ("--workspace", str(tmp_path))


async def test_help_names_every_option() -> None:
    code, text = await printed_by("serve", "--help")
    assert code == 0
    for option in ("--port", "--host", "--workspace", "--token", "--base-url", "--debug", "--open"):
        assert option in text


async def test_on_every_network_it_says_so_and_knows_the_machines_name(
    tmp_path: Path, store: Path
) -> None:
    async with running_engine("--host", "0.0.0.0", workspace=tmp_path, store=store) as engine:

        def fetched(name: str) -> int:
            request = urllib.request.Request(f"{engine.url}/healthz", headers={"Host": name})
            try:
                with urllib.request.urlopen(request) as answer:
                    return int(answer.status)
            except urllib.error.HTTPError as error:
                with error:
                    return error.code

        assert await asyncio.to_thread(fetched, platform.node()) == 200
        assert await asyncio.to_thread(fetched, "evil.example") == 421
        assert await engine.stop() == 0
    assert "nothing is encrypted" in engine.text


async def test_nothing_survives_a_killed_engine(tmp_path: Path, store: Path) -> None:
    engine = await start_engine(workspace=tmp_path, store=store)
    await engine.ready()
    async with stranger(engine) as client:
        started = await client.ask(
            "init_plugin", {"id": "p", "config": {"name": "P", "type": "native-python"}}
        )
        assert started["success"]
        await client.event("plugin_event", event="state", state="ready")
        tree = engine.tree()
        assert tree
        engine.process.kill()
        await engine.process.wait()
    assert await gone(tree) == []
    await engine.stop()

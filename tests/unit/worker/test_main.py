"""The command."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import imjoy_worker.__main__ as command_line
from support.plugin_process import ROOT, running_worker


def start(*arguments, ticket="t"):
    return subprocess.run(
        [sys.executable, "-s", "-u", *arguments],
        env={"IMJOY_TICKET": ticket, "PYTHONPATH": str(ROOT / "engine")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("arguments", [[], ["--connect"], ["--dance", "unix:/x"], ["-h"]])
def test_without_an_address_it_says_how_it_is_used(arguments):
    ended = start("-m", "imjoy_worker", *arguments)
    assert ended.returncode == 2
    assert ended.stderr.startswith("usage: ")


def test_without_a_ticket_it_says_where_one_comes_from(archive):
    ended = start(archive, "--connect", "unix:/nowhere", ticket="")
    assert ended.returncode == 2
    assert "started by an engine" in ended.stderr


@pytest.mark.parametrize("address", ["unix:/no/such/socket", "tcp:127.0.0.1:1"])
def test_without_an_engine_it_says_where_there_is_none(archive, address):
    ended = start(archive, "--connect", address)
    assert ended.returncode == 2
    assert f"No connection to the engine at {address}" in ended.stderr


async def run_a_plugin(directory: Path, command: list[str], **environment: str) -> None:
    async with running_worker(directory, command, environment=environment) as engine:
        api = await engine.clients["browser"].start("api.export({'one': lambda: 1})")
        assert await api.one() == 1
        engine.control("shutdown", {})
        assert await engine.exit_code() == 0
        assert engine.err == []


async def test_it_runs_as_a_module(short_dir):
    engine = str(ROOT / "engine")
    await run_a_plugin(
        short_dir, [sys.executable, "-s", "-u", "-m", "imjoy_worker"], PYTHONPATH=engine
    )


async def test_it_runs_from_a_folder_where_it_was_unpacked(short_dir, archive):
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(short_dir / "unpacked")
    await run_a_plugin(short_dir, [sys.executable, "-s", "-u", str(short_dir / "unpacked")])


async def test_it_runs_where_the_archive_is_named_relative_to_where_it_starts(short_dir, archive):
    (short_dir / "w.pyz").write_bytes(archive.read_bytes())
    await run_a_plugin(short_dir, [sys.executable, "-s", "-u", "w.pyz"])


def test_our_folders_are_taken_off_the_path(monkeypatch):
    own = str(Path(command_line.__file__).parents[1])
    monkeypatch.setattr(sys, "path", ["/first", own, "/last"])
    monkeypatch.setattr(sys, "argv", ["worker.pyz", "--connect", "x"])
    command_line._leave_no_trace()
    assert sys.path == ["", "/first", "/last"]
    assert sys.argv == [""]

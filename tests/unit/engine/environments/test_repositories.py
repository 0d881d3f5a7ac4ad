from __future__ import annotations

import asyncio
import os
from pathlib import Path

import psutil
import pytest

from imjoy_engine.environments import Repository
from imjoy_engine.environments.builder import Attempt
from imjoy_engine.environments.repositories import clone
from imjoy_engine.errors import EnvironmentBuildError, IndexUnreachableError, MachineError
from support.within import within_a_second

MACHINE = {"PATH": os.defpath, "HOME": "/nowhere"}


@pytest.fixture
def attempt(tmp_path) -> Attempt:
    return Attempt(tmp_path, lambda progress: None)


@pytest.fixture
def work_dir(tmp_path) -> Path:
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


async def test_without_git_it_is_said_what_to_install(attempt, work_dir):
    repository = Repository("https://host/x/y", "y")

    with pytest.raises(MachineError, match="has no git") as caught:
        await clone(repository, work_dir, {"PATH": "/nowhere"}, attempt)

    assert "Install git" in caught.value.hint


@pytest.mark.parametrize(
    ("url", "error", "words"),
    [
        ("http://127.0.0.1:9/x/y", IndexUnreachableError, "could not be reached"),
        ("file:///nowhere/y", EnvironmentBuildError, "could not be cloned"),
    ],
)
async def test_what_cannot_be_cloned_is_told_with_gits_words(attempt, work_dir, url, error, words):
    with pytest.raises(error, match=words) as caught:
        await clone(Repository(url, "y"), work_dir, MACHINE, attempt)

    assert caught.value.log_tail.startswith("$ ")
    assert "fatal:" in caught.value.log_tail
    assert (str(work_dir / "y") in caught.value.hint) == (error is IndexUnreachableError)
    assert list(work_dir.iterdir()) == []


async def test_passwords_are_in_no_log(attempt, work_dir):
    repository = Repository("http://me:secret@127.0.0.1:9/x/y", "y")

    with pytest.raises(IndexUnreachableError) as caught:
        await clone(repository, work_dir, MACHINE, attempt)

    assert "secret" not in str([caught.value.as_dict(), attempt.log])


async def test_cancelled_it_leaves_nothing_within_a_second(attempt, work_dir):
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await reader.read()
        writer.close()

    earlier = set(psutil.Process().children(recursive=True))
    asked = asyncio.Event()
    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        repository = Repository(f"http://127.0.0.1:{port}/x/y", "y")
        cloning = asyncio.create_task(clone(repository, work_dir, MACHINE, attempt))
        await asked.wait()
        async with within_a_second():
            cloning.cancel()
            with pytest.raises(asyncio.CancelledError):
                await cloning

    assert list(work_dir.iterdir()) == []
    assert set(psutil.Process().children(recursive=True)) <= earlier


async def test_proxies_and_certificates_are_told_to_git(attempt, work_dir, tmp_path):
    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    program.write_text(
        '#!/bin/sh\necho "$GIT_SSL_CAINFO $HTTPS_PROXY $GIT_TERMINAL_PROMPT"\nexit 1\n'
    )
    program.chmod(0o755)
    bundle = tmp_path / "ca.pem"
    bundle.touch()
    machine = {
        "PATH": f"{program.parent}:{os.defpath}",
        "HTTPS_PROXY": "http://me:secret@proxy:1",
        "REQUESTS_CA_BUNDLE": str(bundle),
    }

    with pytest.raises(EnvironmentBuildError) as caught:
        await clone(Repository("https://host/x/y", "y"), work_dir, machine, attempt)

    assert f"{bundle} http://***@proxy:1 0" in caught.value.log_tail

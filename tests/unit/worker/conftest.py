"""Workers of these tests are real processes, packed once."""

from __future__ import annotations

import functools
import sys
from pathlib import Path

import pytest

from imjoy_engine.app.worker_archive import unpacked_worker
from support.plugin_process import build_worker, interpreters, running_worker

INTERPRETERS = interpreters()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for `interpreter` on every Python of the machine."""
    if "interpreter" in metafunc.fixturenames:
        metafunc.parametrize("interpreter", list(INTERPRETERS.values()), ids=list(INTERPRETERS))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say on what the workers ran."""
    terminalreporter.write_line(f"workers ran on Python {', '.join(INTERPRETERS)}")


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The worker as the engine ships it."""
    return build_worker(tmp_path_factory.mktemp("worker"))


@pytest.fixture(scope="session")
def program(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an interpreter runs as the worker, unpacked as the engine does it."""
    return unpacked_worker(archive, tmp_path_factory.mktemp("store"))


@pytest.fixture
def command(program: Path) -> list[str]:
    """What starts a worker in this interpreter."""
    return [sys.executable, "-s", "-u", str(program)]


@pytest.fixture
def started(short_dir: Path, command: list[str]):
    """Starts a worker: `async with started(core=...) as engine`."""
    return functools.partial(running_worker, short_dir, command)

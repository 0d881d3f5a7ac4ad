from __future__ import annotations

from typing import Any

import pytest

from imjoy_engine.errors import EngineError, EnvironmentBuildError, MachineError, PluginExitedError
from imjoy_engine.gateway.endings import ending_in_words
from imjoy_engine.plugins.lifecycle import State


def report(exit_code: int | None, signal: str | None = None, words: str = "words") -> Any:
    return {"exit_code": exit_code, "signal": signal, "words": words}


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        (report(0), "stopped"),
        (report(3), "stopped (exit code 3)"),
        (report(None, "SIGINT"), "stopped (SIGINT)"),
        (report(None, "SIGTERM"), "stopped (SIGTERM)"),
        (report(None, "SIGKILL"), "killed (SIGKILL): it did not leave by itself"),
        (report(None, "SIGSEGV", "boom"), "its process ended while it was stopped: boom"),
        (report(None, None, "unseen"), "its process ended while it was stopped: unseen"),
        (None, "stopped"),
    ],
)
def test_one_that_ran_was_stopped(ended: Any, words: str) -> None:
    assert ending_in_words(State.READY, ended, None) == words


@pytest.mark.parametrize(
    ("was", "words"),
    [
        (State.QUEUED, "stopped while it waited for a GPU"),
        (State.PREPARING, "stopped while its environment was prepared"),
        (State.STARTING, "stopped while it started"),
        (State.BACKOFF, "stopped before it was started again"),
    ],
)
def test_one_that_did_not_run_yet_says_how_far_it_was(was: State, words: str) -> None:
    assert ending_in_words(was, None, None) == words


@pytest.mark.parametrize(
    ("ended", "error", "words"),
    [
        (report(7, None, "exited with code 7"), PluginExitedError("…"), "exited with code 7"),
        (None, EnvironmentBuildError("No such package."), "No such package."),
    ],
)
def test_one_that_had_ended_by_itself_says_so(ended: Any, error: EngineError, words: str) -> None:
    assert ending_in_words(State.READY, ended, error) == f"had ended already: {words}"


def test_one_that_could_not_be_ended_was_not() -> None:
    error = MachineError("The operating system would not end process 7 within 10 s.")
    assert ending_in_words(State.READY, report(None, "SIGKILL"), error) == error.message

"""The errors of the client."""

from __future__ import annotations

from imjoy_client.errors import (
    ClientError,
    EngineRefusedError,
    PluginFailedError,
    RunFailedError,
)


def test_an_error_says_what_to_do_next():
    error = ClientError("No engine answers.", hint="Is it running?")
    assert str(error) == "No engine answers. Is it running?"


def test_a_refusal_is_read_from_its_ack():
    error = EngineRefusedError.of({"error": "The token is wrong.", "hint": "Look.", "code": "t"})
    assert (error.message, error.hint, error.code) == ("The token is wrong.", "Look.", "t")
    assert str(EngineRefusedError.of({})) == "The engine refused."


def test_a_failure_has_the_last_lines():
    assert PluginFailedError("It ended.", log_tail="last words").log_tail == "last words"


def test_a_run_without_a_result_says_what_to_do_about_it():
    reason = {"code": "memory-limit", "message": "It took too much.", "hint": "Give it more."}
    error = RunFailedError.of({"name": "train", "plugin": "P", "error": reason})
    assert str(error) == "The run of 'train' in 'P' gave nothing. It took too much. Give it more."
    assert (error.code, error.hint) == ("memory-limit", "Give it more.")

"""Errors without our own lines."""

from __future__ import annotations

import pytest

from imjoy_worker import tracebacks
from imjoy_worker.promise import Promise


def fail():
    raise ValueError("here")


def through_us():
    """Pass through a line of the worker's own on the way."""
    promise = Promise("api.ask", lambda *_: None)
    promise.reject(ValueError("there"))
    promise.result()


def caught(function):
    with pytest.raises(ValueError) as info:  # noqa: PT011 - whatever it says
        function()
    return info.value


def test_our_lines_are_taken_out():
    text = tracebacks.text_of(caught(through_us))
    assert "in through_us" in text
    assert "promise.py" not in text


def test_causes_are_trimmed_too():
    def explain():
        try:
            through_us()
        except ValueError as error:
            raise ValueError("and so") from error

    text = tracebacks.text_of(caught(explain))
    assert "there" in text
    assert "and so" in text
    assert "promise.py" not in text


def test_causes_that_go_in_a_circle_are_no_trap():
    error = caught(fail)
    error.__context__ = error
    assert tracebacks.trimmed(error) is error


def test_an_error_with_nowhere_to_go_is_printed(capsys):
    tracebacks.report(caught(through_us), "run")
    printed = capsys.readouterr().err
    assert printed.startswith("Error in run\n")
    assert "promise.py" not in printed
    tracebacks.report_whole(caught(through_us), "a message")
    assert "promise.py" in capsys.readouterr().err

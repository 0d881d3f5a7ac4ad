from __future__ import annotations

import json
import logging

import pytest

from imjoy_engine.logs import JsonFormatter, SecretFilter, blank, configure


def record(message: str, *args: object, **extra: object) -> logging.LogRecord:
    made = logging.LogRecord("imjoy_engine.x", logging.WARNING, "x.py", 1, message, args, None)
    made.__dict__.update(extra)
    return made


def test_a_line_is_an_object_with_what_the_record_is_about() -> None:
    line = JsonFormatter().format(record("%s is ready", "Žluť", plugin="Žluť", state="ready"))
    said = json.loads(line)
    assert said.pop("time").endswith("+00:00")
    assert said == {
        "level": "warning",
        "logger": "imjoy_engine.x",
        "message": "Žluť is ready",
        "plugin": "Žluť",
        "state": "ready",
    }


def test_an_exception_stays_on_the_line() -> None:
    try:
        raise ValueError("broken")
    except ValueError as error:
        entry = record("failed")
        entry.exc_info = (ValueError, error, error.__traceback__)
    line = JsonFormatter().format(entry)
    assert "\n" not in line
    assert "ValueError: broken" in json.loads(line)["error"]


def test_secrets_are_blanked_in_every_form() -> None:
    entry = record("the token is %s", "hunter22")
    assert SecretFilter(["hunter22", ""]).filter(entry)
    assert json.loads(JsonFormatter().format(entry))["message"] == "the token is [secret]"


def test_in_a_file_a_line_is_whole_and_a_later_secret_blanked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    root, ours = logging.getLogger(), logging.getLogger("imjoy_engine")
    before, levels = list(root.handlers), (root.level, ours.level)
    try:
        assert configure(debug=False) is None
        blank("hunter22")
        logging.getLogger("imjoy_engine.x").info("%s hunter22 end", "long " * 60)
    finally:
        root.handlers[:] = before
        root.setLevel(levels[0])
        ours.setLevel(levels[1])
    (line,) = capsys.readouterr().err.splitlines()
    assert " INFO " in line
    assert line.endswith("long  [secret] end")

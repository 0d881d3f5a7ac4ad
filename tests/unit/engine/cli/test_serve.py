from __future__ import annotations

import re

import click
import pytest
from click.testing import CliRunner

from imjoy_engine.cli.serve import _limits, serve
from imjoy_engine.config import Limits


def limits(*words: str) -> Limits:
    return _limits(serve.make_context("serve", list(words)).params)


@pytest.fixture(autouse=True)
def no_variables(monkeypatch):
    for option in serve.params:
        monkeypatch.delenv(str(option.envvar), raising=False)


def test_without_a_word_the_limits_are_the_usual_ones():
    assert limits() == Limits()


@pytest.mark.parametrize(
    ("words", "age_s", "size_bytes"),
    [
        (["--store-max-age", "30d"], 30 * 86400.0, None),
        (["--store-max-age", "0"], None, None),
        (["--store-max-size", "50GB"], 90 * 86400.0, 50 * 10**9),
    ],
)
def test_the_store_is_kept_within_what_was_said(words, age_s, size_bytes):
    found = limits(*words)

    assert (found.store_max_age_s, found.store_max_bytes) == (age_s, size_bytes)


def test_how_long_what_nobody_attends_to_lives_on():
    found = limits("--grace", "2h", "--detached-max-age", "30d")
    assert (found.session_grace_s, found.detached_s) == (7200.0, 30 * 86400.0)
    # A number is one of seconds.
    assert limits("--grace", "12.5s").session_grace_s == 12.5


def test_when_a_crashed_plugin_starts_again():
    found = limits("--restarts", "5", "--restarts-within", "1h", "--restart-wait", "10s")
    assert (found.restarts, found.restarts_within_s, found.restart_wait_s) == (5, 3600.0, 10.0)


def test_an_option_can_be_a_variable_and_the_command_line_wins(monkeypatch):
    monkeypatch.setenv("IMJOY_ENGINE_GRACE", "1h")
    monkeypatch.setenv("IMJOY_ENGINE_RESTARTS", "0")
    assert (limits().session_grace_s, limits().restarts) == (3600.0, 0)
    assert limits("--grace", "5min").session_grace_s == 300.0
    monkeypatch.setenv("IMJOY_ENGINE_CGROUPS", "0")
    monkeypatch.setenv("IMJOY_ENGINE_ALLOW_ORIGIN", "https://a.example https://b.example")
    found = serve.make_context("serve", []).params
    assert (found["cgroups"], found["allow_origin"]) == (
        False,
        ("https://a.example", "https://b.example"),
    )
    monkeypatch.setenv("IMJOY_ENGINE_RESTARTS", "many")
    with pytest.raises(click.BadParameter, match="many"):
        limits()


def test_the_help_names_each_option_with_its_variable():
    words = CliRunner().invoke(serve, ["--help"], terminal_width=200).output
    for name in ("GRACE", "DETACHED_MAX_AGE", "RESTARTS_WITHIN", "TOKEN", "OPEN", "PORT"):
        assert re.search(f"env var: IMJOY_ENGINE_{name}[];]", words)

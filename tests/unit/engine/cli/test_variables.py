from __future__ import annotations

import click

from imjoy_engine.cli.variables import CommandWithVariables


def test_the_variable_is_named_after_the_long_form():
    forms = {
        ("-n", "--lines"): "IMJOY_ENGINE_LINES",
        ("--max-plugins", "limit"): "IMJOY_ENGINE_MAX_PLUGINS",
        ("--open/--no-open", "open_page"): "IMJOY_ENGINE_OPEN",
    }
    command = CommandWithVariables("serve", params=[click.Option(form) for form in forms])
    assert [option.envvar for option in command.params] == list(forms.values())

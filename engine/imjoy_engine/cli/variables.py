"""Each option of a command can be an environment variable as well: `--max-plugins` is
`IMJOY_ENGINE_MAX_PLUGINS`.

None of them reaches a plugin: what begins with `IMJOY_` is not handed on.
"""

from __future__ import annotations

from typing import Any

import click

__all__ = ["CommandWithVariables"]


class CommandWithVariables(click.Command):
    """A command whose options are taken from variables where nobody gives them.

    `--help` says which; an option given on the command line wins.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for option in self.params:
            if isinstance(option, click.Option):
                option.envvar = _variable_of(option)
                option.show_envvar = True


def _variable_of(option: click.Option) -> str:
    """Return the name, which is that of the first long form: also of `--open/--no-open`."""
    long_form = next(form for form in option.opts if form.startswith("--"))
    return "IMJOY_ENGINE_" + long_form[2:].replace("-", "_").upper()

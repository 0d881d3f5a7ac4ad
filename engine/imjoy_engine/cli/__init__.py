"""The command line: `imjoy-engine [serve] …`."""

from __future__ import annotations

import json
import sys

import click
from rich.console import Console

from imjoy_engine import __version__
from imjoy_engine.cli.doctor import doctor
from imjoy_engine.cli.environments import env
from imjoy_engine.cli.plugin_logs import logs
from imjoy_engine.cli.ps import kill, ps, status
from imjoy_engine.cli.secret import token
from imjoy_engine.cli.serve import serve
from imjoy_engine.errors import EngineError

__all__ = ["main"]


class _DefaultToServe(click.Group):
    """A group whose first word may be left out: then it is `serve`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `serve` in front of options that belong to it."""
        own = {"--help", "-h", "--version", "-v"}
        if not args or (args[0].startswith("-") and args[0] not in own):
            args = ["serve", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_DefaultToServe, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-v", "--version", prog_name="imjoy-engine")
def cli() -> None:
    """Run ImJoy plugins on this machine for a browser.

    Without a command the engine is served: `imjoy-engine --port 9527` is short for
    `imjoy-engine serve --port 9527`. Options of serve: `imjoy-engine serve --help`.
    """


for command in (serve, ps, logs, kill, status, token, doctor, env):
    cli.add_command(command)


def main() -> None:
    """Run the command line; an error of ours is one sentence and a next step, never a traceback.

    Interrupted, it ends without one too, with exit code 130.
    """
    try:
        sys.exit(cli(standalone_mode=False))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort as abort:
        if isinstance(abort.__cause__, KeyboardInterrupt):
            sys.exit(130)
        click.echo("Aborted!", err=True)  # a question that nobody answered
        sys.exit(1)
    except EngineError as error:
        if "--json" in sys.argv:
            click.echo(json.dumps({"event": "error", **error.as_dict()}), err=True)
            sys.exit(error.exit_code)
        console = Console(stderr=True, soft_wrap=True)
        console.print("[bold red]error:[/] ", end="")
        console.print(error.message, markup=False, highlight=False)
        if error.hint:
            console.print(error.hint, markup=False, highlight=False)
        sys.exit(error.exit_code)

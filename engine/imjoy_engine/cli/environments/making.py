"""`imjoy-engine env create | update | export`: from a wish to an environment, and to a file."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from imjoy_engine.cli.environments.display import shown_progress
from imjoy_engine.cli.environments.exported import FORMATS, exported
from imjoy_engine.cli.environments.wanted import Wanted, read_wanted
from imjoy_engine.cli.environments.workbench import opened, print_json, ran, told
from imjoy_engine.cli.running import as_json, workspace_option
from imjoy_engine.config import DEFAULT_WORKSPACE
from imjoy_engine.environments import (
    Choices,
    EnvironmentLease,
    Owner,
    PluginEnvironments,
    spec_from_identity,
)
from imjoy_engine.errors import EngineError, ManifestError, UsageError
from imjoy_engine.resources.quantities import seconds_in_words

__all__ = ["create", "export", "update"]

Function = TypeVar("Function", bound=Callable[..., Any])


def _choice_options(function: Function) -> Function:
    """Add the options with which a person decides beside what is written in a file."""
    for option in (
        click.option("--python", "python", metavar="VERSION", help="3.11, or >=3.9,<3.12."),
        click.option("--allow-build", is_flag=True, help="Packages may be built from source."),
        click.option("--exclude-newer", metavar="DAY", help="Take what was there: 2021-06-01."),
        click.option("--tag", help="Of a plugin that has several."),
        click.option(
            "--allow-commands", is_flag=True, help="The plugin may run its own commands unasked."
        ),
    ):
        function = option(function)
    return function


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="FILE|envs/NAME|PACKAGE...")
@_choice_options
@click.option("--locked", is_flag=True, help="Only exactly what the plugin's lock says.")
@workspace_option
@as_json
def create(
    sources: tuple[str, ...], locked: bool, workspace: Path, as_json: bool, **said: Any
) -> None:
    """Make an environment, unless it is there. For a plugin's file, a list, a name, packages.

    FILE is a plugin (.imjoy.html, .py), an environment.yml, requirements.txt or pylock.toml. For a
    plugin of a workspace its lock is kept, so that an engine started there gives it the same.
    """
    wanted = _read(sources, said)
    if locked and not wanted.plugin:
        raise UsageError(
            "Only a plugin's environment can be locked.", hint="Name the plugin's file."
        )
    tools = opened(workspace, locked=locked)
    ran(_made(tools.plugins, tools.plugins.ensure, wanted, _Terms(workspace, as_json, said)))


@click.command()
@click.argument("target", metavar="KEY|FILE|envs/NAME")
@_choice_options
@workspace_option
@as_json
def update(target: str, workspace: Path, as_json: bool, **said: Any) -> None:
    """Choose the newest versions again. For an environment of the store, or as `create`."""
    tools = opened(workspace)
    terms = _Terms(workspace, as_json, said)
    if Path(target).is_file() or "/" in target or "." in target:
        ran(_made(tools.plugins, tools.plugins.update, _read((target,), said), terms))
        return
    wishes = tools.inventory.wishes(target)
    if not wishes:
        raise UsageError(
            f"It is not known what {target} was made for.",
            hint="Name the plugin or the list that it was made for.",
        )
    for wish in wishes:
        spec = _choices(said).applied(spec_from_identity(wish))
        ran(_made(tools.plugins, tools.plugins.update, Wanted(spec), terms))


@click.command()
@click.argument("key")
@click.option("--format", "form", type=click.Choice(FORMATS), help="The usual one without it.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path))
def export(key: str, form: str | None, output: Path | None) -> None:
    """Write an environment's packages as a file for other tools.

    requirements: versions and hashes, for uv and pip. conda: an environment.yml with versions and
    builds. json: the lock as it is kept.
    """
    one = opened().inventory.find(key)
    text = exported(one, form)
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{output} cannot be written: {error.strerror}.") from None


class _Terms:
    """What all that make an environment are told."""

    def __init__(self, workspace: Path, as_json: bool, said: dict[str, Any]) -> None:
        # An engine on the workspace runs its plugins in this folder of it.
        self.work_dir = workspace.expanduser().absolute() / DEFAULT_WORKSPACE
        self.as_json = as_json
        self.allows = bool(said.get("allow_commands"))

    async def allow(self, commands: Sequence[str]) -> bool:
        """Show the commands word by word; allow them as was said, or as a person says now."""
        click.echo("To make the environment these commands are run:", err=True)
        for command in commands:
            click.echo(f"    {command}", err=True)
        if self.allows:
            return True
        if not sys.stdin.isatty():
            click.echo("Nobody can be asked: --allow-commands allows them.", err=True)
            return False
        return await asyncio.to_thread(click.confirm, "Allow them?", default=False, err=True)


def _read(sources: Sequence[str], said: dict[str, Any]) -> Wanted:
    return read_wanted(sources, _choices(said), tag=said.get("tag"))


def _choices(said: dict[str, Any]) -> Choices:
    try:
        return Choices.read(
            {
                "python": said.get("python"),
                "allow_build": said.get("allow_build") or None,
                "exclude_newer": said.get("exclude_newer"),
            }
        )
    except ManifestError as error:
        raise UsageError(error.message, hint=error.hint) from None


async def _made(
    plugins: PluginEnvironments, make: Callable[..., Any], wanted: Wanted, terms: _Terms
) -> None:
    began_s = time.monotonic()
    owner = Owner(wanted.plugin, terms.work_dir if wanted.plugin else Path.cwd(), terms.allow)
    try:
        with shown_progress(as_json=terms.as_json) as heard:
            if wanted.plugin:
                await asyncio.to_thread(terms.work_dir.mkdir, parents=True, exist_ok=True)
            lease: EnvironmentLease = await make(wanted.spec, heard, owner)
    except EngineError as error:
        raise told(error) from None
    finally:
        await plugins.close()
    with lease:
        if terms.as_json:
            packages = [[package.name, package.version] for package in lease.packages]
            print_json({"key": lease.key, "prefix": lease.prefix, "packages": packages})
            return
        took = seconds_in_words(time.monotonic() - began_s)
        click.echo(f"{lease.key} is ready after {took}: {_counted(lease.packages)}.")
        click.echo(f"Its Python: {lease.python}")


def _counted(packages: Sequence[object]) -> str:
    return "1 package" if len(packages) == 1 else f"{len(packages)} packages"

"""`imjoy-engine env pack | unpack`: to a machine without internet."""

from __future__ import annotations

from pathlib import Path

import click

from imjoy_engine.app.environments import EnvironmentTools
from imjoy_engine.cli.environments.display import shown_progress
from imjoy_engine.cli.environments.workbench import opened, print_json, ran, told
from imjoy_engine.cli.running import as_json
from imjoy_engine.environments import EnvironmentLease, Examined, StoredEnvironment
from imjoy_engine.environments.progress import counted
from imjoy_engine.errors import EngineError
from imjoy_engine.resources.quantities import bytes_in_words

__all__ = ["pack", "unpack"]


@click.command()
@click.argument("key")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path(),
    help="File or folder; the current folder without it.",
)
@as_json
def pack(key: str, output: Path, as_json: bool) -> None:
    """Write an environment into one file. For `unpack` on a machine like this one."""
    tools = opened()
    bundle = ran(_packed(tools, tools.inventory.find(key), output, as_json))
    size_bytes = bundle.stat().st_size
    if as_json:
        print_json({"bundle": bundle, "size_bytes": size_bytes})
    else:
        click.echo(f"{bundle} ({bytes_in_words(size_bytes)})")
        click.echo("On the other machine: imjoy-engine env unpack FILE")


@click.command()
@click.argument("bundle", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@as_json
def unpack(bundle: Path, as_json: bool) -> None:
    """Put a packed environment into the store and try it. Its place, its Python, every import.

    Nothing is fetched. Every plugin that wishes for the same gets it from then on.
    """
    tools = opened()
    lease, examined = ran(_unpacked(tools, bundle, as_json))
    with lease:
        if as_json:
            print_json({"key": lease.key, "prefix": lease.prefix, **examined.as_dict()})
            return
        click.echo(f"{lease.key} is ready: Python {examined.version} in {lease.prefix}")
        click.echo(f"{counted(len(examined.imported))} imported.")
        for name, why in (examined.failed or {}).items():
            click.echo(f"Not imported, as where it was packed: {name} ({why})")


async def _packed(
    tools: EnvironmentTools, one: StoredEnvironment, output: Path, as_json: bool
) -> Path:
    with shown_progress(as_json=as_json) as heard:
        try:
            return await tools.mover.pack(one, output, heard)
        except EngineError as error:
            raise told(error) from None


async def _unpacked(
    tools: EnvironmentTools, bundle: Path, as_json: bool
) -> tuple[EnvironmentLease, Examined]:
    with shown_progress(as_json=as_json) as heard:
        try:
            return await tools.mover.unpack(bundle, heard)
        except EngineError as error:
            raise told(error) from None

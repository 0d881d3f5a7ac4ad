"""`imjoy-engine env list | show | remove | gc | doctor`: what the store holds."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from imjoy_engine.app.environments import EnvironmentTools
from imjoy_engine.cli.environments.display import shown_progress
from imjoy_engine.cli.environments.holders import in_use
from imjoy_engine.cli.environments.workbench import opened, print_json, print_table, ran
from imjoy_engine.cli.quantities import read_duration, read_size
from imjoy_engine.cli.running import as_json
from imjoy_engine.config import default_store
from imjoy_engine.environments import StoredEnvironment, StoreLimits
from imjoy_engine.environments.progress import counted
from imjoy_engine.errors import ConflictError, EngineError
from imjoy_engine.resources.quantities import bytes_in_words, seconds_in_words

__all__ = ["doctor", "gc", "list_", "remove", "show"]

_SHOWN_PACKAGES = 4
_DAY_S = 86400.0
_LITTLE_SPACE_BYTES = 2_000_000_000


@click.command("list")
@as_json
def list_(as_json: bool) -> None:
    """List the environments of the store, the last used first."""
    found = opened().inventory.environments()
    if as_json:
        print_json([one.as_dict() for one in found])
    elif found:
        print_table(environments_table(found, time.time()))
    else:
        click.echo("There is no environment yet.")


def environments_table(found: list[StoredEnvironment], now_s: float) -> Table:
    """Return environments as a person reads them."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("KEY", "STATE", "PYTHON", "SIZE", "USED", "PACKAGES"):
        table.add_column(name, justify="right" if name == "SIZE" else "left")
    for one in found:
        table.add_row(
            one.key,
            _state(one),
            one.python,
            bytes_in_words(one.size_bytes),
            _ago(one.used_s, now_s),
            _packages(one),
        )
    return table


@click.command()
@click.argument("key")
@click.option("--log", "show_log", is_flag=True, help="Print what was said while it was made.")
@as_json
def show(key: str, show_log: bool, as_json: bool) -> None:
    """Show one environment; the beginning of its KEY is enough."""
    inventory = opened().inventory
    one = inventory.find(key)
    if show_log:
        click.echo(inventory.log(one.key).rstrip())
        return
    wishes = inventory.wishes(one.key)
    if as_json:
        print_json({**one.as_dict(), "wishes": wishes})
        return
    now_s = time.time()
    grid = Table.grid(padding=(0, 2))
    grid.add_row("Key", one.key)
    grid.add_row("Place", str(one.prefix))
    grid.add_row("State", _state(one))
    grid.add_row("Python", f"{one.python}, by {one.builder}")
    grid.add_row("Size", bytes_in_words(one.size_bytes))
    grid.add_row("Built", _ago(one.built_s, now_s))
    grid.add_row("Used", _ago(one.used_s, now_s))
    if one.private_to:
        grid.add_row("Private to", one.private_to)
    for command in one.commands:
        grid.add_row("Command", command)
    for wish in wishes:
        grid.add_row(
            "Wished for",
            ", ".join(f"{name}: {_plain(wish[name])}" for name in wish if name != "hashes"),
        )
    for package in one.packages:
        grid.add_row("Package", f"{package.name} {package.version}")
    print_table(grid)


@click.command()
@click.argument("keys", nargs=-1, required=True, metavar="KEY...")
@as_json
def remove(keys: tuple[str, ...], as_json: bool) -> None:
    """Remove environments that nobody uses. By their locks they can be made the same again."""
    inventory = opened().inventory
    removed = []
    for one in [inventory.find(key) for key in keys]:
        try:
            removed.append(inventory.remove(one.key))
        except ConflictError:
            raise in_use(one, inventory.lock_file(one.key)) from None
    if as_json:
        print_json([one.key for one in removed])
        return
    for one in removed:
        click.echo(f"Removed {one.key} ({bytes_in_words(one.size_bytes)}).")


@click.command()
@click.option("--max-size", callback=read_size, help="All of the store together: 50GB.")
@click.option("--max-age", callback=read_duration, help="Remove what nobody used for so long: 90d.")
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and leave it.")
@as_json
def gc(max_size: float | None, max_age: float | None, dry_run: bool, as_json: bool) -> None:
    """Make room in the store.

    Removes what is broken, what is old, and for --max-size what the caches can do without and the
    least recently used.

    What is in use or pinned stays. Without options 90 days are the limit. Engines do
    this by themselves.
    """
    usual = StoreLimits()
    limits = StoreLimits(
        max_bytes=usual.max_bytes if max_size is None else int(max_size),
        max_age_s=usual.max_age_s if max_age is None else max_age,
    )
    made = opened().inventory.make_room(limits, dry_run=dry_run)
    if as_json:
        why = {one.key: one.why for one in made.removed}
        found = {"removed": made.keys, "freed": made.freed_bytes, "left": made.left_bytes}
        print_json({**found, "why": why, "busy": made.busy})
        return
    did = "Would remove" if dry_run else "Removed"
    for one in made.removed:
        click.echo(f"{did} {one.key}: {one.why}.")
    freed = bytes_in_words(max(0, made.freed_bytes))
    if made.busy:
        click.echo("An environment is being made: what that may need was left alone.")
    would = "would be " if dry_run else ""
    click.echo(f"{freed} {would}freed, {bytes_in_words(made.left_bytes)} left in the store.")


@click.command()
@click.option("--imports", is_flag=True, help="Import every package of every environment once.")
@as_json
def doctor(imports: bool, as_json: bool) -> None:
    """Look whether store and environments are sound. Exit code 1 when one is not."""
    tools = opened()
    found = list(of_the_store(default_store()))
    # Nobody can look into a store without its locks.
    if all(_is_writable(path) for path in (default_store(), default_store() / "locks")):
        found += ran(_of_environments(tools, imports=imports))
    if as_json:
        print_json(found)
    else:
        grid = Table.grid(padding=(0, 2))
        for one in found:
            grid.add_row("[green]✓[/]" if one["sound"] else "[red]✗[/]", one["what"], one["words"])
        print_table(grid)
    if not all(one["sound"] for one in found):
        sys.exit(1)


def of_the_store(store: Path) -> Iterator[dict[str, Any]]:
    """Yield what is to say of a store: whether it can be written to, or made, and has space."""
    place = next(path for path in (store, *store.parents) if path.exists())
    closed = [] if _is_writable(place) else [place]
    if place == store and not closed:
        closed = [path for path in sorted(store.iterdir()) if not _takes_files(path)]
    for path in closed:
        words = f"{path} cannot be written to: set its rights, or IMJOY_ENGINE_STORE"
        yield {"what": "store", "sound": False, "words": words}
    if not closed:
        free = shutil.disk_usage(place).free
        words = f"{store}, {bytes_in_words(free)} free"
        yield {"what": "store", "sound": free > _LITTLE_SPACE_BYTES, "words": words}


async def _of_environments(tools: EnvironmentTools, *, imports: bool) -> list[dict[str, Any]]:
    found = []
    for one in tools.inventory.environments():
        sound, words = one.state != "broken", f"{one.state}, {counted(len(one.packages))}"
        if one.state == "ready" and imports:
            sound, words = await _imported(tools, one)
        elif one.state == "broken":
            words = "broken: `imjoy-engine env gc` removes it"
        found.append({"what": one.key, "sound": sound, "words": words})
    return found


async def _imported(tools: EnvironmentTools, one: StoredEnvironment) -> tuple[bool, str]:
    with shown_progress() as heard:
        try:
            examined = await tools.mover.examine(one, heard)
        except EngineError as error:
            return False, error.message
    failed = [f"{name}: {why}" for name, why in (examined.failed or {}).items()]
    words = "; ".join(failed) or f"Python {examined.version}, {len(examined.imported)} imported"
    return bool(examined.version) and not failed, words


def _takes_files(path: Path) -> bool:
    return not path.is_dir() or _is_writable(path)


def _is_writable(folder: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _state(one: StoredEnvironment) -> str:
    marks = [name for name, holds in (("in use", one.in_use), ("pinned", one.pinned)) if holds]
    return ", ".join([one.state, *marks])


def _packages(one: StoredEnvironment) -> str:
    names = [f"{package.name} {package.version}" for package in one.packages]
    more = len(names) - _SHOWN_PACKAGES
    return ", ".join(names[:_SHOWN_PACKAGES]) + (f" and {more} more" if more > 0 else "") or "none"


def _ago(moment_s: float, now_s: float) -> str:
    if not moment_s:
        return "never"
    age_s = max(0.0, now_s - moment_s)
    if age_s >= 2 * _DAY_S:
        return f"{age_s / _DAY_S:.0f} days ago"
    return f"{seconds_in_words(round(age_s))} ago"


def _plain(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)

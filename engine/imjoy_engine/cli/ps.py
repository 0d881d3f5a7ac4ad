"""`imjoy-engine ps`, `kill` and `status`: what runs, its end, and the engine in short."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from imjoy_engine.cli.running import as_json, running_engine, workspace_option
from imjoy_engine.errors import UsageError
from imjoy_engine.resources.quantities import bytes_in_words, seconds_in_words

__all__ = ["kill", "ps", "status"]

_MEBIBYTE = 1 << 20


@click.command()
@workspace_option
@as_json
def ps(workspace: Path, as_json: bool) -> None:
    """List the plugins that run, with what each uses."""
    plugins = running_engine(workspace).ask("/api/engine/status")["plugins"]
    if as_json:
        click.echo(json.dumps(plugins, indent=2))
    elif plugins:
        _print(plugins_table(plugins))
    else:
        click.echo("No plugin runs.")


@click.command()
@click.argument("plugins", nargs=-1, metavar="PLUGIN...")
@click.option("--all", "every", is_flag=True, help="Every plugin of the engine.")
@workspace_option
@as_json
def kill(plugins: tuple[str, ...], every: bool, workspace: Path, as_json: bool) -> None:
    """End plugins, by name, instance or process id. Returns when nothing of them lives."""
    if bool(plugins) == every:
        raise UsageError("Name the plugins to end, or say --all.", hint="`imjoy-engine ps` lists.")
    engine = running_engine(workspace)
    payloads: list[dict[str, Any]] = (
        [{"all": True}] if every else [{"plugin": name} for name in plugins]
    )
    ended: list[dict[str, Any]] = []
    for payload in payloads:
        for end in engine.ask("/api/engine/kill", payload)["ended"]:
            ended.append(end)
            if not as_json:  # at once: the next name may be none
                click.echo(f"{end['name']} ({end['instance']}): {end['words']}")
    if as_json:
        click.echo(json.dumps(ended, indent=2))
    elif not ended:
        click.echo("No plugin ran.")


@click.command()
@workspace_option
@as_json
def status(workspace: Path, as_json: bool) -> None:
    """Tell whether an engine runs here, and where. Exit code 3 when none does."""
    said = running_engine(workspace).ask("/api/engine/status")
    if as_json:
        click.echo(json.dumps(said, indent=2))
        return
    engine = said["engine"]
    grid = Table.grid(padding=(0, 2))
    uptime = seconds_in_words(engine["uptime_s"])
    grid.add_row("Engine", f"{engine['version']}, process {engine['pid']}, up {uptime}")
    grid.add_row("Address", engine["url"])
    grid.add_row("Workspace", engine["workspace"])
    grid.add_row("Plugins", f"{len(said['plugins'])} of {engine['max_plugins']}")
    for gpu in said["gpus"]:
        holders = ", ".join(gpu["holders"]) or "free"
        grid.add_row(f"GPU {gpu['id']}", f"{gpu['name']}, {_memory(gpu)}: {holders}")
    if not said["gpus"]:
        grid.add_row("GPUs", "none")
    if said["gpu_queue"]:
        grid.add_row("", f"{said['gpu_queue']} waiting for a GPU")
    _print(grid)


def plugins_table(plugins: list[dict[str, Any]]) -> Table:
    """Return the plugins as a person reads them."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("PLUGIN", "STATE", "PID", "CPU", "MEMORY", "GPU", "UP", "INSTANCE"):
        table.add_column(name, justify="right" if name in ("PID", "CPU", "MEMORY") else "left")
    for plugin in plugins:
        usage = plugin["usage"]
        table.add_row(
            plugin["name"] + (f" [{plugin['tag']}]" if plugin["tag"] else ""),
            _state(plugin),
            str(plugin["pid"] or ""),
            f"{usage['cpu']:.0%}" if usage else "",
            bytes_in_words(usage["memory_bytes"]) if usage else "",
            _gpus(plugin),
            seconds_in_words(usage["age_s"]) if usage else "",
            plugin["instance"],
        )
    return table


def _state(plugin: dict[str, Any]) -> str:
    if queue := plugin["queue"]:
        return f"queued, {queue['position']} of {queue['length']}"
    if plugin["state"] == "ready" and (runs := plugin.get("runs", 0)):
        return "running" if runs == 1 else f"{runs} running"
    return str(plugin["state"])


def _gpus(plugin: dict[str, Any]) -> str:
    cards = ", ".join(map(str, plugin["gpus"]))
    used = plugin["usage"]["gpu_memory_bytes"] if plugin["usage"] else 0
    return " ".join(filter(None, [cards, f"({bytes_in_words(used)})" if used else ""]))


def _memory(gpu: dict[str, Any]) -> str:
    used, total = (bytes_in_words(gpu[name] * _MEBIBYTE) for name in ("memoryUsed", "memory_total"))
    return f"{used} of {total}"


def _print(content: Any) -> None:
    # A pipe has no width: nothing is cut off for a program that reads along.
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=200)
    console.print(content, markup=False) if isinstance(content, str) else console.print(content)

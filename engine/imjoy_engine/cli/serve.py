"""`imjoy-engine serve`: print one link, serve, stop cleanly."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
import webbrowser
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from imjoy_engine import logs
from imjoy_engine.app import Engine
from imjoy_engine.cli.quantities import duration_option, read_duration, read_size
from imjoy_engine.cli.reach import is_open, other_links
from imjoy_engine.cli.variables import CommandWithVariables
from imjoy_engine.config import EngineConfig, Limits
from imjoy_engine.errors import UsageError

__all__ = ["serve"]

_LOG = logging.getLogger("imjoy_engine")


@click.command(cls=CommandWithVariables, context_settings={"show_default": True})
@click.option("--port", type=click.IntRange(0, 65535), default=9527, help="0 takes any free one.")
@click.option("--host", default="127.0.0.1", help="0.0.0.0 listens on every network.")
@click.option(
    "--workspace",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Directory of the data and of the engine's own state.",
)
@click.option("--token", help="Secret that clients must show; made and kept when not given.")
@click.option("--base-url", help="Public address, when the engine is reached through a proxy.")
@click.option(
    "--allow-origin", multiple=True, help="Web site that may connect, beside the engine's own page."
)
@click.option(
    "--files",
    "file_roots",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Directory that clients may see, beside the workspace.",
)
@click.option(
    "--spares",
    type=click.IntRange(min=0),
    default=Limits.spare_interpreters,
    help="Interpreters kept started, so that the next plugin starts at once.",
)
@click.option(
    "--max-plugins",
    type=click.IntRange(min=1),
    default=Limits.max_plugins,
    help="Plugins that may run at the same time.",
)
@click.option(
    "--max-plugins-per-session",
    type=click.IntRange(min=1),
    default=Limits.max_plugins_per_session,
    help="Plugins that one client may use at the same time.",
)
@click.option(
    "--memory-limit", callback=read_size, help="Memory of a plugin that says nothing of it: 8GB."
)
@click.option("--cpu-limit", type=click.IntRange(min=1), help="Processors of such a plugin.")
@click.option(
    "--idle-timeout",
    callback=read_duration,
    help="Stop plugins that nobody uses for so long: 30min.",
)
@click.option(
    "--cgroups/--no-cgroups", default=True, help="Keep limits by control groups where possible."
)
@click.option(
    "--gpu-probe",
    default="nvml",
    help="Who lists the GPUs: nvml, a probe's name, module:attribute.",
)
@click.option("--share-gpus", is_flag=True, help="Let every plugin share its GPU with others.")
@click.option("--gpus-on-request", is_flag=True, help="Hide GPUs from plugins that ask for none.")
@duration_option(
    "--grace",
    Limits.session_grace_s,
    "How long a session, and a plugin without a client, lives on; not one that may detach.",
)
@duration_option(
    "--detached-max-age",
    Limits.detached_s,
    "End plugins that may detach when no engine has come back for so long.",
)
@click.option(
    "--restarts",
    type=click.IntRange(min=0, max=100),
    default=Limits.restarts,
    help="How often a plugin that is to be started again after a crash is, …",
)
@duration_option(
    "--restarts-within",
    Limits.restarts_within_s,
    "… in so much time; then it stays ended.",
)
@duration_option(
    "--restart-wait",
    Limits.restart_wait_s,
    "Before the first such start; before each other one twice the last.",
)
@click.option(
    "--locked", is_flag=True, help="Build only exactly what the locks of the plugins say."
)
@click.option(
    "--allow-commands",
    is_flag=True,
    help="Let every plugin run its own commands for its environment, without asking anybody.",
)
@duration_option(
    "--store-max-age",
    Limits.store_max_age_s or 0.0,
    "Remove environments that nobody has used for so long; 0 is never.",
)
@click.option(
    "--store-max-size",
    callback=read_size,
    help="Remove the least recently used environments when all take more: 50GB.",
)
@click.option("--open/--no-open", "open_page", default=False, help="Open the page in a browser.")
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    help="The engine's own log: for people, or one JSON object a line.",
)
@click.option("--debug", is_flag=True, help="Log everything that the engine does.")
def serve(**options: Any) -> None:
    """Serve the page and run plugins until interrupted."""
    config = _config(options)
    terminal = logs.configure(
        debug=config.debug, secrets=[config.token or ""], style=options["log_format"]
    )
    with asyncio.Runner(loop_factory=_loop_factory(), debug=False) as runner:
        runner.run(_serve(config, terminal, open_page=options["open_page"]))


def _config(options: dict[str, Any]) -> EngineConfig:
    base_url = options["base_url"]
    if base_url is not None and not base_url.startswith(("http://", "https://")):
        raise UsageError(
            f"--base-url {base_url!r} is no web address.",
            hint="Give it as https://host/path, as a browser shows it.",
        )
    token = options["token"]
    if token is not None and len(token) < 8:
        raise UsageError(
            "The token is too short to keep anybody out.",
            hint="Give at least 8 characters, or leave --token out to have one made.",
        )
    return EngineConfig(
        workspace=options["workspace"].expanduser().absolute(),
        host=options["host"],
        port=options["port"],
        token=token,
        base_url=base_url,
        debug=options["debug"],
        allow_commands=options["allow_commands"],
        allow_origins=tuple(options["allow_origin"]),
        file_roots=tuple(root.absolute() for root in options["file_roots"]),
        limits=_limits(options),
        use_cgroups=options["cgroups"],
        gpu_probe=options["gpu_probe"],
        share_gpus=options["share_gpus"],
        gpus_on_request=options["gpus_on_request"],
        locked=options["locked"],
    )


def _limits(options: dict[str, Any]) -> Limits:
    return Limits(
        spare_interpreters=options["spares"],
        session_grace_s=options["grace"],
        detached_s=options["detached_max_age"],
        restarts=options["restarts"],
        restarts_within_s=options["restarts_within"],
        restart_wait_s=options["restart_wait"],
        max_plugins=options["max_plugins"],
        max_plugins_per_session=options["max_plugins_per_session"],
        plugin_memory_bytes=options["memory_limit"],
        plugin_cpus=options["cpu_limit"],
        # 0 is a word too: never.
        idle_timeout_s=options["idle_timeout"] or None,
        store_max_age_s=options["store_max_age"] or None,
        store_max_bytes=options["store_max_size"],
    )


def _loop_factory() -> Any:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _serve(config: EngineConfig, terminal: Console | None, *, open_page: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    console = Console(soft_wrap=True)
    async with Engine(config, console=terminal) as engine:
        console.print("[bold]ImJoy Engine[/] is running. Open this link in a browser:\n")
        # Plain text, alone on its line: terminals make it clickable, scripts can read it.
        print(f"    {engine.link}\n", flush=True)  # noqa: T201 - the one line that scripts read
        if is_open(config.host) and not config.base_url:
            for link in other_links(config.host, engine.port, engine.token):
                print(f"    {link}   (from other machines)")  # noqa: T201 - as above
            console.print("Others can reach it, and nothing is encrypted: a tunnel is safer.\n")
        console.print(f"Workspace: {config.workspace}   (Ctrl-C stops the engine)")
        if open_page:
            await asyncio.to_thread(webbrowser.open, engine.link)
        await stop.wait()
        console.print("\nStopping: plugins are asked to leave …")
        sys.stdout.flush()
    for name, holder in engine.left:
        console.print(f"{name} lives on without the engine; the next one here finds it.")
        console.print(f"  To end it: start the engine and stop it there, or `kill {holder}`.")
    console.print("Stopped.")

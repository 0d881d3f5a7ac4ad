"""`imjoy-engine token`: show the workspace's token, or take another one."""

from __future__ import annotations

import json
from pathlib import Path

import click

from imjoy_engine.cli.running import NoEngineError, as_json, running_engine, workspace_option
from imjoy_engine.config import STATE_DIR_NAME
from imjoy_engine.gateway.auth import load_secret, renew_secret

__all__ = ["token"]


@click.command()
@click.option("--rotate", is_flag=True, help="Take a new one: old links let nobody in any more.")
@workspace_option
@as_json
def token(rotate: bool, workspace: Path, as_json: bool) -> None:
    """Print the link of the workspace's engine. Without one that runs, its token.

    Clients that are connected stay so after --rotate; whoever connects again needs the new link.
    """
    path = workspace.expanduser().absolute() / STATE_DIR_NAME / "token"
    try:
        said = running_engine(workspace).ask("/api/engine/token", {"rotate": rotate})
    except NoEngineError:
        if not path.exists():
            # A directory that was meant is not told from one that was not by making it one.
            raise
        said = {"token": renew_secret(path) if rotate else load_secret(path), "url": None}
    link = f"{said['url']}/#token={said['token']}" if said["url"] else None
    if as_json:
        click.echo(json.dumps({"token": said["token"], "link": link}))
    else:
        click.echo(link or said["token"])

"""`imjoy-engine env …`: environments without an engine, and beside running ones."""

from __future__ import annotations

import click

from imjoy_engine.cli.environments.looking import doctor, gc, list_, remove, show
from imjoy_engine.cli.environments.making import create, export, update
from imjoy_engine.cli.environments.moving import pack, unpack

__all__ = ["env"]


@click.group()
def env() -> None:
    """Look after the environments of plugins.

    They lie in one store for all engines of yours, in IMJOY_ENGINE_STORE or the cache directory.
    All of this may be done while engines run: what somebody uses is never touched.
    """


for command in (list_, show, create, update, pack, unpack, export, remove, gc, doctor):
    env.add_command(command)

"""What every command on environments begins with: the store's tools, and a way to run them."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console

from imjoy_engine.app.environments import EnvironmentTools, open_environments
from imjoy_engine.config import EngineConfig
from imjoy_engine.errors import EngineError, UsageError

__all__ = ["opened", "print_json", "print_table", "ran", "told"]

T = TypeVar("T")


class CancelledByPersonError(UsageError):
    """The person pressed Ctrl-C."""

    code = "cancelled"
    exit_code = 130


def opened(workspace: Path | None = None, *, locked: bool = False) -> EnvironmentTools:
    """Return the tools for the person's store and that workspace."""
    place = (workspace or Path()).expanduser().absolute()
    return open_environments(EngineConfig(workspace=place, locked=locked))


def ran(work: Coroutine[Any, Any, T]) -> T:
    """Return what `work` returns; Ctrl-C ends it at once, and nothing of it is left."""

    async def until_interrupted() -> T:
        task = asyncio.ensure_future(work)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, task.cancel)
        try:
            return await task
        except asyncio.CancelledError:
            raise CancelledByPersonError("Cancelled; nothing of it is left.") from None

    return asyncio.run(until_interrupted())


def told(error: EngineError) -> EngineError:
    """Print the tool's own words of an error, and return it to be raised.

    A program gets them with the error itself.
    """
    of_program = click.get_current_context().params.get("as_json")
    if error.log_tail and not of_program:
        click.echo(error.log_tail.rstrip(), err=True)
    return error


def print_json(value: object) -> None:
    """Print a value for programs."""
    click.echo(json.dumps(value, indent=2, default=str))


def print_table(table: object) -> None:
    """Print a table; a pipe has no width, and nothing is cut off for who reads along."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=200)
    console.print(table)

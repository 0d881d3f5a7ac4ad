"""`imjoy-engine logs NAME`: what a plugin printed, now or long ago.

The files are read, not the engine asked: so it works when no engine runs, too.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Collection
from pathlib import Path

import click

from imjoy_engine.cli.running import engine_lives, running_engine, workspace_option
from imjoy_engine.config import STATE_DIR_NAME
from imjoy_engine.errors import EngineError, NotFoundError
from imjoy_engine.plugins.log_files import LogFile, find_logs
from imjoy_engine.plugins.output import is_end

__all__ = ["logs"]

_LOOK_AGAIN_S = 0.1
_PATIENCE_S = 2.0
_CHUNK_BYTES = 1 << 16


@click.command()
@click.argument("name")
@click.option("-f", "--follow", is_flag=True, help="Go on with what comes, until the plugin ends.")
@click.option("-n", "--lines", type=click.IntRange(min=0), help="Only so many of the last lines.")
@click.option("--instance", help="An earlier run, as `imjoy-engine ps` named it.")
@workspace_option
def logs(name: str, follow: bool, lines: int | None, instance: str | None, workspace: Path) -> None:
    """Print what the plugin NAME has printed. The one that runs, or else its last run."""
    directory = workspace.expanduser().absolute() / STATE_DIR_NAME / "logs"
    running = _running(workspace) if instance is None else set()
    file, others = _chosen(directory, name, instance, running)
    if others and instance is None:
        click.echo(_which(file, others, runs=file.instance in running), err=True)
    content = (_bytes(file.earlier) if lines is None or lines > 0 else b"") + _bytes(file.path)
    shown = content if lines is None else b"".join(content.splitlines(keepends=True)[-lines:])
    _write(shown if lines != 0 else b"")
    if follow and not _has_ended(content):
        _follow(file.path, len(_bytes(file.path)), lambda: engine_lives(workspace))


def _running(workspace: Path) -> set[str]:
    """Return the instances of the engine that runs on the workspace; none without one."""
    try:
        plugins = running_engine(workspace).ask("/api/engine/status")["plugins"]
        return {str(plugin["instance"]) for plugin in plugins}
    except EngineError:
        return set()


def _which(file: LogFile, others: list[LogFile], *, runs: bool) -> str:
    what = "which runs" if runs else "its last run"
    rest = f"{len(others)} other{'s' if len(others) > 1 else ''}"
    return f"{file.name}: {file.instance}, {what}; {rest}: --instance {others[0].instance}"


def _chosen(
    directory: Path, name: str, instance: str | None, running: Collection[str]
) -> tuple[LogFile, list[LogFile]]:
    """Return the log that was meant, and those of the plugin's other runs, the newest first."""
    found = find_logs(directory, name)
    if not found:
        known = sorted({file.name for file in find_logs(directory)})
        close = [other for other in known if other.lower() == name.lower()]
        if close:
            return _chosen(directory, close[0], instance, running)
        raise NotFoundError(
            f"There is no log of a plugin {name!r} in {directory}.",
            hint=f"There are logs of {', '.join(known)}." if known else "No plugin ran there yet.",
        )
    found.sort(key=lambda file: file.instance not in running)
    for file in found:
        if instance in (None, file.instance):
            return file, [other for other in found if other is not file]
    raise NotFoundError(
        f"The plugin {name!r} has no log of {instance}.",
        hint=f"There are {', '.join(file.instance for file in found)}.",
    )


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def _follow(path: Path, offset: int, someone_writes: Callable[[], bool]) -> None:
    """Print what is added to the file until its last line says that the plugin has ended.

    An engine that was killed has said nothing: then it ends when nothing more comes.
    """
    pause = threading.Event()
    file = path.open("rb")
    file.seek(offset)
    ending, quiet_s = b"", 0.0
    try:
        while True:
            chunk = file.read(_CHUNK_BYTES)
            if chunk:
                quiet_s = 0.0
                _write(chunk)
                ending = (ending + chunk)[-200:]
            elif _has_ended(ending):
                return
            elif _is_another(path, file.fileno()):
                # It grew too large and was put aside: go on with the new one.
                file.close()
                file = path.open("rb")
            else:
                pause.wait(_LOOK_AGAIN_S)
                quiet_s += _LOOK_AGAIN_S
                if quiet_s > _PATIENCE_S and not someone_writes():
                    return
    except KeyboardInterrupt:
        return
    finally:
        file.close()


def _is_another(path: Path, descriptor: int) -> bool:
    try:
        return not os.path.samestat(path.stat(), os.fstat(descriptor))
    except OSError:
        return False


def _has_ended(content: bytes) -> bool:
    return is_end(content.rstrip(b"\n").rpartition(b"\n")[2].decode("utf-8", "replace"))


def _write(content: bytes) -> None:
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()

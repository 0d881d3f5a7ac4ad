"""The engine that runs on a workspace, as its command line finds and asks it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import psutil

from imjoy_engine.config import STATE_DIR_NAME
from imjoy_engine.errors import EngineError

__all__ = [
    "NoEngineError",
    "RunningEngine",
    "as_json",
    "engine_lives",
    "running_engine",
    "workspace_option",
]

_TIMEOUT_S = 60.0

workspace_option = click.option(
    "--workspace",
    envvar="IMJOY_ENGINE_WORKSPACE",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Directory that the engine runs on; the current one without it.",
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


class NoEngineError(EngineError):
    """No engine runs on the workspace."""

    code = "no-engine"
    fault = "user"
    exit_code = 3


class RefusedError(EngineError):
    """The engine said no; its own words."""

    code = "refused"


@dataclass(frozen=True, slots=True)
class RunningEngine:
    """How to reach it: `url` on this machine, and the key that it left for us."""

    url: str
    key: str

    def ask(self, path: str, payload: dict[str, Any] | None = None) -> Any:
        """Return the answer to a GET, or to a POST of `payload`.

        Raises NoEngineError when nobody answers, RefusedError with the engine's words.
        """
        body = None if payload is None else json.dumps(payload).encode()
        request = urllib.request.Request(f"{self.url}{path}", body)
        request.add_header("Authorization", f"Bearer {self.key}")
        request.add_header("Content-Type", "application/json")
        # Never by a proxy: the engine is on this machine.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=_TIMEOUT_S) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                raise _refused(error.read()) from None
        except OSError:
            raise _none_at(self.url) from None


def running_engine(workspace: Path) -> RunningEngine:
    """Return the engine of the workspace. NoEngineError when its record names none."""
    path = workspace.expanduser().absolute() / STATE_DIR_NAME / "engine.json"
    try:
        record = json.loads(path.read_bytes() or b"{}")
        return RunningEngine(record["local"], record["key"])
    except (OSError, ValueError, KeyError):
        raise _none_at(str(workspace.expanduser().absolute())) from None


def engine_lives(workspace: Path) -> bool:
    """Return whether the engine that the workspace's record names still runs."""
    path = workspace.expanduser().absolute() / STATE_DIR_NAME / "engine.json"
    try:
        return psutil.pid_exists(int(json.loads(path.read_bytes() or b"{}")["pid"]))
    except (OSError, ValueError, KeyError):
        return False


def _none_at(where: str) -> NoEngineError:
    return NoEngineError(
        f"No engine runs at {where}.",
        hint="Start one with `imjoy-engine`, or name its directory with --workspace.",
    )


def _refused(body: bytes) -> EngineError:
    try:
        said = json.loads(body)
        return RefusedError(said["message"], hint=said.get("hint", ""))
    except (ValueError, KeyError, TypeError):
        return RefusedError("Something else than this workspace's engine answered.")

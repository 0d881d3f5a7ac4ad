"""Environments with packages of conda, by py-rattler: no conda is needed on the machine.

py-rattler runs in a process of its own (`conda_helper.py`); what a plugin wants of pip besides is
put in by uv afterwards.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from imjoy_engine.environments.builder import Attempt
from imjoy_engine.environments.indexes import index_settings, redacted
from imjoy_engine.environments.interpreters import OLDEST_PYTHON, is_too_old
from imjoy_engine.environments.lock import Lock
from imjoy_engine.environments.progress import Phase, Progress, counted
from imjoy_engine.environments.spec import EnvironmentSpec
from imjoy_engine.environments.uv import UvBuilder
from imjoy_engine.errors import (
    DiskFullError,
    EnvironmentBuildError,
    IndexUnreachableError,
    MachineError,
    NoSuchPackageError,
    PythonNotFoundError,
    RequirementsConflictError,
)
from imjoy_engine.processes import Command, Ladder, ProcessTree

__all__ = ["CondaBuilder"]

_HELPER = Path(__file__).with_name("conda_helper.py")
_DEFAULT_CHANNELS = ("conda-forge",)
_NETWORK = re.compile(
    r"error sending request|dns error|connection refused|timed out|failed to fetch|"
    r"could not connect|network|404 Not Found|does not exist|could not find subdir",
    re.IGNORECASE,
)
_NO_CANDIDATES = re.compile(r"No candidates were found for ([^\s.]+)")


class CondaBuilder:
    """Resolves and builds what contains packages of conda; `uv` does the part of pip.

    `cache` is py-rattler's own directory, best on the disk of the store: files are then shared.
    """

    name = "conda"

    def __init__(self, cache: Path, machine_variables: Mapping[str, str], uv: UvBuilder) -> None:
        self._cache = cache
        # Proxies and certificates as for pip; CONDA_OVERRIDE_… say what the machine pretends.
        self._variables = {
            **index_settings(machine_variables).variables,
            **{k: v for k, v in machine_variables.items() if k.startswith("CONDA_OVERRIDE_")},
        }
        self._uv = uv

    @property
    def machine(self) -> str:
        """The platform; a prefix brings its own Python."""
        return self._uv.machine

    async def resolve(self, spec: EnvironmentSpec, attempt: Attempt) -> Lock:
        """Return the newest versions that fulfil `spec` together: conda's first, then pip's.

        Raises `EnvironmentBuildError` with py-rattler's or uv's own words, and `MachineError` when
        py-rattler is not installed.
        """
        if importlib.util.find_spec("rattler") is None:
            raise MachineError(
                "The plugin asks for packages of conda, and this engine was installed without.",
                hint="Add them: pip install 'imjoy-engine[conda]'. No conda is needed besides.",
            )
        if spec.python and is_too_old(spec.python):
            raise PythonNotFoundError(
                f"The plugin asks for Python {spec.python}, and plugins run on {OLDEST_PYTHON} or "
                "later.",
                hint="Ask for a later one.",
            )
        attempt.on_progress(Progress(Phase.RESOLVE, message="Choosing versions"))
        channels = list(spec.channels or _DEFAULT_CHANNELS)
        request = {
            "do": "solve",
            "channels": channels,
            "specs": [*spec.conda, _python_spec(spec.python)],
            "exclude_newer": spec.exclude_newer,
        }
        packages = (await self._helped(request, attempt))["packages"]
        content = {"channels": channels, "packages": packages, "pip": ""}
        if spec.pip:
            content["pip"] = await self._pins(spec, packages, attempt)
        return Lock(json.dumps(content, indent=1), builder=self.name)

    async def build(self, lock: Lock, prefix: Path, attempt: Attempt, *, allow_build: bool) -> None:
        """Make `prefix` an environment with exactly what `lock` pins, and see that it runs.

        Raises `EnvironmentBuildError` with the tools' own words.
        """
        content = json.loads(lock.text)
        total = len(content["packages"])
        message = f"Fetching {counted(total)}"
        attempt.on_progress(Progress(Phase.DOWNLOAD, total=total, unit="packages", message=message))
        request = {
            "do": "install",
            "channels": content["channels"],
            "packages": content["packages"],
            "prefix": str(prefix),
        }
        await self._helped(request, attempt)
        if content["pip"]:
            pins = Lock(content["pip"])
            await self._uv.install(pins, prefix, attempt, allow_build=allow_build)
        await self._uv.verify(prefix, attempt)

    async def _pins(
        self, spec: EnvironmentSpec, packages: Sequence[Mapping[str, str]], attempt: Attempt
    ) -> str:
        """Return the lock of the part of pip, which takes conda's versions where both have one."""
        version = next(one["version"] for one in packages if one["name"] == "python")
        fixed = [
            f"{one['name']}=={one['version']}\n" for one in packages if one["name"] != "python"
        ]
        constraints = attempt.scratch / "constraints.txt"
        await asyncio.to_thread(constraints.write_text, "".join(fixed))
        wanted = replace(spec, conda=(), channels=(), python=None)
        options = ("--python-version", version)
        try:
            return await self._uv.pins(
                wanted, attempt, (*options, "--constraints", str(constraints))
            )
        except RequirementsConflictError:
            # A name of conda may be another thing on the index of pip.
            return await self._uv.pins(wanted, attempt, options)

    async def _helped(self, request: Mapping[str, Any], attempt: Attempt) -> dict[str, Any]:
        """Return the last event of the helper; its progress and words go to `attempt`."""
        file = attempt.scratch / "request.json"
        content = {**request, "cache": str(self._cache)}
        await asyncio.to_thread(file.write_text, json.dumps(content))
        argv = [sys.executable, "-I", str(_HELPER), str(file)]
        asked = request.get("specs") or [
            f"{one['name']}={one['version']}" for one in request["packages"]
        ]
        shown = f"$ conda {request['do']} {shlex.join(asked)} -c {shlex.join(request['channels'])}"
        attempt.log.append(redacted(shown))
        told = _Told(attempt)
        command = Command(
            argv, self._variables, Path("/"), held_fds=tuple(attempt.held_fds), grace_s=0
        )
        tree = await ProcessTree.start(command, told.feed)
        try:
            report = await tree.wait()
        finally:
            await tree.stop(Ladder.at_once())
        attempt.log.extend(redacted(line) for line in told.words())
        if report.exit_code == 0 and told.last.get("event") in ("solved", "installed"):
            return told.last
        raise _explained(told.last.get("words") or report.words, attempt.log)


class _Told:
    """Reads what the helper writes."""

    def __init__(self, attempt: Attempt) -> None:
        self.last: dict[str, Any] = {}
        self._attempt = attempt
        self._unread = b""
        self._stderr = bytearray()

    def feed(self, stream: str, chunk: bytes) -> None:
        """Take the next bytes of a stream."""
        if stream == "stderr":
            self._stderr.extend(chunk[: max(0, 65536 - len(self._stderr))])
            return
        *lines, self._unread = (self._unread + chunk).split(b"\n")
        for line in lines:
            with contextlib.suppress(ValueError):
                self._event(json.loads(line))

    def words(self) -> list[str]:
        """Return what a person may want to read: errors and what the library printed."""
        printed = self._stderr.decode(errors="replace").splitlines()
        return [*printed, *str(self.last.get("words", "")).splitlines()]

    def _event(self, event: dict[str, Any]) -> None:
        self.last = event
        item, done, total = event.get("item", ""), event.get("done", 0), event.get("total")
        if event["event"] == "download":
            message = f"Downloading {item}"
            self._attempt.on_progress(Progress(Phase.DOWNLOAD, item, done, total, "bytes", message))
        elif event["event"] == "link":
            message = f"Putting {counted(int(total or 0))} into place"
            self._attempt.on_progress(Progress(Phase.LINK, item, done, total, "packages", message))


def _python_spec(wish: str | None) -> str:
    if wish is None:
        return f"python>={OLDEST_PYTHON}"
    return f"python={wish}" if wish[0].isdigit() else f"python{wish}"


def _explained(words: str, log: Sequence[str]) -> EnvironmentBuildError:
    tail = "\n".join(log[-60:])
    if "No space left" in words:
        return DiskFullError(
            "The disk is full.",
            hint="Free some space, or set IMJOY_ENGINE_STORE to a folder on another disk.",
            log_tail=tail,
        )
    if match := _NO_CANDIDATES.search(words):
        return NoSuchPackageError(
            f"No channel has {match[1]}.",
            hint="Check its spelling and its version, or add the channel that has it with -c.",
            log_tail=tail,
        )
    if "Cannot solve" in words or "cannot be installed" in words:
        return RequirementsConflictError(
            "The packages of conda exclude each other: no set of versions fulfils all of them.",
            hint="Ask for fewer exact versions; the log names the ones that clash.",
            log_tail=tail,
        )
    if _NETWORK.search(words):
        return IndexUnreachableError(
            "A channel of conda could not be reached.",
            hint="Check this machine's network and proxy settings and the channel's name.",
            log_tail=tail,
        )
    return EnvironmentBuildError(
        f"The environment could not be built: {words.splitlines()[0] if words else 'no words'}",
        hint="Read the log.",
        log_tail=tail,
    )

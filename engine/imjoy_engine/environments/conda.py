"""Environments with packages of conda, by py-rattler: no conda is needed on the machine.

py-rattler runs in a process of its own (`conda_helper.py`); what a plugin wants of pip besides is
put in by uv afterwards.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import re
import shlex
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from imjoy_engine.environments.activation import activated
from imjoy_engine.environments.builder import Attempt
from imjoy_engine.environments.conda_settings import CondaSettings
from imjoy_engine.environments.helper import HelperFailure, ask_helper
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

__all__ = ["CondaBuilder"]

_HELPER = Path(__file__).with_name("conda_helper.py")
_NETWORK = re.compile(
    r"error sending request|dns error|connection refused|timed out|failed to fetch|"
    r"could not connect|network|404 Not Found|does not exist|could not find subdir",
    re.IGNORECASE,
)
_NO_CANDIDATES = re.compile(r"No candidates were found for ([^\s.]+)")


async def _no_answer() -> None:
    """Leave it to py-rattler to find out."""


class CondaBuilder:
    """Resolves and builds what contains packages of conda; `uv` does the part of pip.

    `cache` is py-rattler's own directory, best on the disk of the store: files are then shared.
    `cuda_version` tells the newest CUDA that the machine's driver can do: "12.4", "" for none, or
    None when only py-rattler's own look at the machine can tell. `settings` are conda's own.
    """

    name = "conda"

    def __init__(
        self,
        cache: Path,
        machine_variables: Mapping[str, str],
        uv: UvBuilder,
        cuda_version: Callable[[], Awaitable[str | None]] = _no_answer,
        settings: CondaSettings | None = None,
    ) -> None:
        self._cache = cache
        self._cuda_version = cuda_version
        self._settings = settings or CondaSettings()
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
        channels = list(spec.channels)
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
        attempt.variables.update(await activated(prefix, self._variables, attempt))

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
        asked = request.get("specs") or [
            f"{one['name']}={one['version']}" for one in request["packages"]
        ]
        channels = self._settings.channels(request["channels"])
        options = [word for channel in channels for word in ("-c", channel)]
        attempt.log.append(redacted(f"$ conda {request['do']} {shlex.join([*asked, *options])}"))
        content = {**request, "channels": channels, "cache": str(self._cache)}
        variables = {**self._variables, **await self._pretended()}
        try:
            return await ask_helper((str(_HELPER),), content, attempt, variables, _told_to(attempt))
        except HelperFailure as failure:
            raise _explained(failure.words, attempt.log) from None

    async def _pretended(self) -> dict[str, str]:
        """Return what virtual packages the machine has, where py-rattler would not see it."""
        if "CONDA_OVERRIDE_CUDA" in self._variables:
            return {}
        version = await self._cuda_version()
        return {"CONDA_OVERRIDE_CUDA": version} if version is not None else {}


def _told_to(attempt: Attempt) -> Callable[[dict[str, Any]], None]:
    def on_event(event: dict[str, Any]) -> None:
        item, done, total = event.get("item", ""), event.get("done", 0), event.get("total")
        if event["event"] == "download":
            message = f"Downloading {item}"
            attempt.on_progress(Progress(Phase.DOWNLOAD, item, done, total, "bytes", message))
        elif event["event"] == "link":
            message = f"Putting {counted(int(total or 0))} into place"
            attempt.on_progress(Progress(Phase.LINK, item, done, total, "packages", message))

    return on_event


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

"""Environments that come as one file: what conda-pack made, and bundles of ours.

No index, no channel and no conda is asked; what a bundle of wheels needs besides is a Python of the
version that it was made on. What the files look like is said in `packed_helper.py`.
"""

from __future__ import annotations

import asyncio
import json
import platform
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from packaging.version import Version

from imjoy_engine.environments.activation import activated
from imjoy_engine.environments.builder import Attempt
from imjoy_engine.environments.helper import HelperFailure, ask_helper
from imjoy_engine.environments.lock import Lock
from imjoy_engine.environments.progress import Phase, Progress
from imjoy_engine.environments.spec import EnvironmentSpec, python_accepts
from imjoy_engine.environments.uv import UvBuilder
from imjoy_engine.errors import (
    DiskFullError,
    EnvironmentBuildError,
    MachineError,
    PythonNotFoundError,
    UnsupportedSpecError,
)
from imjoy_engine.processes import scrubbed

__all__ = ["PackedBuilder", "this_machine"]

_HELPER = ("-m", "imjoy_engine.environments.packed_helper")
_MESSAGES = {"link": "Unpacking", "build": "Packing"}
_PACKS = {**_MESSAGES, "link": "Writing"}
_HINT = "Name a file that `imjoy-engine env pack` or conda-pack made, or have it packed again."
_PACK_HINT = "Pack it again with conda-pack, or with: imjoy-engine env pack."


def this_machine() -> dict[str, str]:
    """Return what a bundle is made for: platform, C library."""
    return {"platform": sysconfig.get_platform(), "libc": " ".join(platform.libc_ver())}


class PackedBuilder:
    """Unpacks; `uv` puts wheels into place."""

    name = "packed"

    def __init__(self, machine_variables: Mapping[str, str], uv: UvBuilder) -> None:
        self._variables = scrubbed(machine_variables)
        self._uv = uv

    @property
    def machine(self) -> str:
        """The platform; what is packed brings or names its own Python."""
        return self._uv.machine

    async def resolve(self, spec: EnvironmentSpec, attempt: Attempt) -> Lock:
        """Return what the file is and has in it, by its hash.

        Raises `UnsupportedSpecError` when the plugin asks for more than what was packed, and
        `EnvironmentBuildError` when the file cannot be used on this machine.
        """
        archive = Path(spec.packed or "")
        if spec.pip or spec.conda:
            raise UnsupportedSpecError(
                f"not supported yet: packages beside the packed environment {archive.name}",
                hint="Pack an environment that has them, or leave one of the two out.",
            )
        found = await self.look(archive, attempt)
        content = {
            "file": str(archive),
            "kind": found["kind"],
            "sha256": found["sha256"],
            "packages": found["packages"],
        }
        lock = Lock(json.dumps(content, indent=1), builder=self.name)
        manifest = found["manifest"]
        if manifest is None:
            return lock
        refuse_foreign(manifest)
        version = manifest["python_version"]
        if spec.python and not python_accepts(spec.python, version):
            raise PythonNotFoundError(
                f"{archive.name} has Python {version}, and the plugin asks for {spec.python}.",
                hint="Pack an environment with that Python.",
            )
        if found["kind"] != "wheels":
            return lock
        python = await self._uv.here(Lock("", "", version), attempt)
        return Lock(lock.text, python.python, python.python_version or version, self.name)

    async def look(self, archive: Path, attempt: Attempt) -> dict[str, Any]:
        """Return what the helper says of a file, by its whole path: kind, sha256, packages, …"""
        attempt.on_progress(Progress(Phase.RESOLVE, message=f"Looking into {archive.name}"))
        attempt.log.append(f"Looking into {archive}")
        if not await asyncio.to_thread(archive.is_file):
            raise EnvironmentBuildError(
                f"There is no packed environment {archive}.", hint="Check the path."
            )
        return await self._helped({"do": "look", "archive": str(archive)}, archive, attempt)

    async def build(self, lock: Lock, prefix: Path, attempt: Attempt, *, allow_build: bool) -> None:
        """Make `prefix` what was packed, and see that it runs.

        Raises `EnvironmentBuildError` when the file is another one than before, or does not work.
        """
        if not lock.text:
            await self._uv.build(lock, prefix, attempt, allow_build=allow_build)
            return
        content = json.loads(lock.text)
        archive = Path(content["file"])
        found = await self.look(archive, attempt)
        if found["sha256"] != content["sha256"]:
            raise EnvironmentBuildError(
                f"{archive.name} is another file than before.",
                hint="Start the plugin again to take it as it is now.",
            )
        await self.unpack(archive, content["kind"], lock, prefix, attempt)

    async def unpack(
        self, archive: Path, kind: str, lock: Lock, prefix: Path, attempt: Attempt
    ) -> None:
        """Make `prefix` what is in `archive`; for wheels, on the interpreter that `lock` names."""
        folder = attempt.scratch / "bundle"
        if kind != "conda":
            request = {"do": "open", "archive": str(archive), "folder": str(folder)}
            await self._helped(request, archive, attempt)
        if kind == "wheels":
            await self._uv.make_plain(lock, prefix, attempt)
            pins = await asyncio.to_thread((folder / "requirements.txt").read_text, "utf-8")
            if pins:
                await self._uv.build_from(folder / "wheels", pins, prefix, attempt)
        else:
            source = archive if kind == "conda" else folder / "environment.tar.gz"
            request = {"do": "unpack", "archive": str(source), "prefix": str(prefix)}
            await self._helped(request, source, attempt)
            await self._put_right(prefix, archive, attempt)
            attempt.variables.update(await activated(prefix, self._variables, attempt))
        await self._uv.verify(prefix, attempt)

    async def pack(self, request: Mapping[str, Any], attempt: Attempt) -> None:
        """Write the bundle that `request` describes in the helper's words."""
        await self._helped({"do": "pack", **request}, Path(request["archive"]), attempt)

    async def _put_right(self, prefix: Path, archive: Path, attempt: Attempt) -> None:
        """Let conda-unpack replace the old prefix by the new one in all files."""
        script = prefix / "bin" / "conda-unpack"
        if await asyncio.to_thread(script.exists):
            await self._uv.run_python(prefix, [str(script)], attempt)
            return
        raise EnvironmentBuildError(
            f"{archive.name} was not made by conda-pack: it has no conda-unpack.",
            hint="Pack it with conda-pack, or with: imjoy-engine env pack.",
        )

    async def _helped(
        self, request: Mapping[str, Any], archive: Path, attempt: Attempt
    ) -> dict[str, Any]:
        messages = _PACKS if request["do"] == "pack" else _MESSAGES

        def on_event(event: dict[str, Any]) -> None:
            if event["event"] == "progress":
                phase = Phase(event["phase"])
                message = f"{messages[event['phase']]} {event['item'] or archive.name}"
                attempt.on_progress(
                    Progress(
                        phase, event["item"], event["done"], event["total"], event["unit"], message
                    )
                )

        try:
            return await ask_helper(_HELPER, request, attempt, self._variables, on_event)
        except HelperFailure as failure:
            if "No space left" in failure.words:
                raise DiskFullError(
                    "The disk is full.",
                    hint="Free some space, or set IMJOY_ENGINE_STORE to a folder on another disk.",
                ) from None
            raise EnvironmentBuildError(
                f"{archive.name} {failure.words}",
                hint=_PACK_HINT if request["do"] == "pack" else _HINT,
                log_tail="\n".join(attempt.log[-60:]),
            ) from None


def refuse_foreign(manifest: Mapping[str, Any]) -> None:
    """Raise `MachineError` when a bundle was made for another kind of machine."""
    here = this_machine()
    there = {name: manifest.get(name, "") for name in here}
    newer = _libc(there["libc"]) > _libc(here["libc"]) and there["libc"]
    if there["platform"] != here["platform"] or newer:
        raise MachineError(
            f"The bundle was made for {there['platform']} with {there['libc']}, and this machine "
            f"is {here['platform']} with {here['libc']}.",
            hint="Pack it on a machine like this one, or on one with an older system.",
        )


def _libc(words: str) -> Version:
    return Version(words.partition(" ")[2] or "0")

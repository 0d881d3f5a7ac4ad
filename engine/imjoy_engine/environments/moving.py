"""An environment leaves a store as one file, and comes into another one on a machine without
internet, where it is there for every plugin that wishes for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imjoy_engine.environments.builder import Attempt
from imjoy_engine.environments.examination import Examined, examine
from imjoy_engine.environments.indexes import redacted
from imjoy_engine.environments.inventory import StoredEnvironment
from imjoy_engine.environments.lease import EnvironmentLease
from imjoy_engine.environments.lock import Lock
from imjoy_engine.environments.packed import PackedBuilder, refuse_foreign, this_machine
from imjoy_engine.environments.progress import OnProgress
from imjoy_engine.environments.spec import EnvironmentSpec, spec_from_identity
from imjoy_engine.environments.store import EnvironmentStore
from imjoy_engine.environments.uv import UvBuilder
from imjoy_engine.errors import UnsupportedSpecError, UsageError, VerifyFailedError

__all__ = ["Mover"]


class Mover:
    """Packs environments of a store, and unpacks bundles into it."""

    def __init__(
        self,
        store: EnvironmentStore,
        packed: PackedBuilder,
        uv: UvBuilder,
        machine: Mapping[str, str],
    ) -> None:
        self._store = store
        self._packed = packed
        self._uv = uv
        self._machine = dict(machine)

    async def pack(self, one: StoredEnvironment, target: Path, on_progress: OnProgress) -> Path:
        """Return the bundle of that environment: `target`, or in the folder `target`.

        Nothing is asked of an index or a channel.

        Raises `UnsupportedSpecError` for an environment that is only a pointer, or that commands of
        its plugin have changed: nobody knows what they did, and where. `VerifyFailedError` when it
        does not work even here, and `EnvironmentBuildError`.
        """
        if one.builder == "existing":
            raise UnsupportedSpecError(
                f"{one.key} only points to {one.prefix}, and cannot be packed.",
                hint="Pack that environment with its own tools: conda-pack, or pip.",
            )
        if one.commands:
            raise UnsupportedSpecError(
                f"{one.key} was made with commands of its plugin's, and what they did cannot be "
                f"packed: {'; '.join(map(redacted, one.commands))}",
                hint="Replace them by packages in the plugin's requirements, and pack that; "
                "or run the plugin there, where its commands find what they need.",
            )
        archive = target / f"imjoy-env-{one.key}.tar" if await _is_dir(target) else target
        if not await _is_dir(archive.parent):
            raise UsageError(f"There is no folder {archive.parent}.", hint="Make it first.")
        with await self._store.leased(one.key) as lease:
            async with self._store.attempt(one.key, on_progress) as attempt:
                examined = await self._examined(lease, attempt)
                conda = await _is_dir(lease.prefix / "conda-meta")
                request = {
                    "kind": "conda-bundle" if conda else "wheels",
                    "prefix": str(lease.prefix),
                    "archive": str(await asyncio.to_thread(archive.absolute)),
                    "scratch": str(attempt.scratch),
                    "manifest": await asyncio.to_thread(self._manifest, one, examined),
                }
                await self._packed.pack(request, attempt)
        return archive

    async def unpack(
        self, bundle: Path, on_progress: OnProgress
    ) -> tuple[EnvironmentLease, Examined]:
        """Return a lease of what was in the bundle, and what its examination found.

        From now on every plugin that wishes for the same gets it. It has been verified: where it
        is, its version, and that everything is imported that was so where it was packed.

        Raises `MachineError` and `PythonNotFoundError` when it cannot run on this machine,
        `VerifyFailedError` when it does not, `EnvironmentBuildError` when the file is damaged.
        """
        # The helper works elsewhere than the person.
        bundle = await asyncio.to_thread(bundle.absolute)
        async with self._store.attempt("unpack", on_progress) as attempt:
            found = await self._packed.look(bundle, attempt)
            manifest = found["manifest"]
            if manifest is None:
                raise UnsupportedSpecError(
                    f"{bundle.name} was made by conda-pack and is no bundle of this engine.",
                    hint='A plugin takes it as it is: {"type": "packed", "options": {"path": …}}.',
                )
            refuse_foreign(manifest)
            packed = Lock("", "", manifest["python_version"]) if found["kind"] == "wheels" else None
            python = await self._uv.here(packed, attempt) if packed else Lock("")
        lock = Lock.from_record(manifest["record"]) or Lock("")
        if packed is not None:
            lock = Lock(lock.text, python.python, python.python_version, lock.builder)
        examined = Examined()

        async def make(prefix: Path, attempt: Attempt) -> None:
            nonlocal examined
            await self._packed.unpack(bundle, found["kind"], lock, prefix, attempt)
            examined = await examine(prefix / "bin" / "python", prefix, self._machine, attempt)
            _refuse_worse(manifest, examined, prefix, attempt)

        specs = [spec_from_identity(spec) for spec in manifest["specs"]]
        lease = await self._store.install(specs or [EnvironmentSpec()], lock, make, on_progress)
        return lease, examined

    async def examine(self, one: StoredEnvironment, on_progress: OnProgress) -> Examined:
        """Return what an environment of the store says of itself, every package imported once."""
        with await self._store.leased(one.key) as lease:
            async with self._store.attempt(f"examine-{one.key}", on_progress) as attempt:
                return await examine(lease.python, lease.prefix, self._machine, attempt)

    async def _examined(self, lease: EnvironmentLease, attempt: Attempt) -> Examined:
        examined = await examine(lease.python, lease.prefix, self._machine, attempt)
        if not examined.version:
            raise VerifyFailedError(
                f"The environment {lease.key} does not run here either.",
                hint="Remove it, so that it is built again.",
                log_tail="\n".join(attempt.log[-60:]),
            )
        return examined

    def _manifest(self, one: StoredEnvironment, examined: Examined) -> dict[str, Any]:
        return {
            **this_machine(),
            "key": one.key,
            "builder": one.builder,
            "python_version": examined.version,
            "packages": [[package.name, package.version] for package in one.packages],
            "record": one.lock.as_record(),
            "specs": self._store.specs_of(one.lock),
            "imported": list(examined.imported),
        }


async def _is_dir(path: Path) -> bool:
    return await asyncio.to_thread(path.is_dir)


def _refuse_worse(
    manifest: Mapping[str, Any], examined: Examined, prefix: Path, attempt: Attempt
) -> None:
    """Raise `VerifyFailedError` when what was unpacked is not what was packed."""
    failed = examined.failed or {}
    lost = [name for name in manifest["imported"] if name not in examined.imported]
    minor = manifest["python_version"].rpartition(".")[0]
    if examined.prefix != str(prefix):
        what = f"it believes to be in {examined.prefix or 'no place at all'}"
    elif not examined.version.startswith(f"{minor}."):
        what = f"it has Python {examined.version}, not {manifest['python_version']}"
    elif lost:
        what = f"{lost[0]} is not imported: {failed.get(lost[0], 'it is not there')}"
    else:
        return
    raise VerifyFailedError(
        f"What was unpacked does not work on this machine: {what}",
        hint="Pack it on a machine like this one.",
        log_tail="\n".join(attempt.log[-60:]),
    )

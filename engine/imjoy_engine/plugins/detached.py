"""Plugins that may outlive the engine: the records by which the next one finds them.

Each has a directory under the workspace's state: `record.json`, the socket of its keeper, and
`address`, where its worker reads how to reach an engine. A record is written beside and renamed, so
that it is whole or not there, whatever interrupts the engine. It names the process that keeps the
plugin by number and start time, because numbers are used again.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from imjoy_engine.errors import EngineError
from imjoy_engine.plugins.instance import PluginInstance
from imjoy_engine.plugins.manifest import PluginManifest
from imjoy_engine.processes import ExitReport, KeptPlace, end_of_kept, identity_of, keeper_of
from imjoy_engine.provisioners import WorkerProcess

__all__ = ["DetachedPlugins", "DetachedRecord"]

_LOG = logging.getLogger(__name__)
_VERSION = 1
_STILL_RUNS = "The plugin still runs, out of reach of this engine; `kill {}` ends it."


@dataclass(frozen=True, slots=True)
class DetachedRecord:
    """What the next engine must know of a plugin; `keeper` is from `identity_of`.

    `secret` is what its worker shows instead of a ticket; `leases` are what it holds beside its
    environment, by kind, for whoever granted them.
    """

    instance: str
    peer_id: str
    secret: str = field(repr=False)
    workspace: str
    work_dir: str
    config: Mapping[str, Any]
    keeper: str
    pid: int
    leases: Mapping[str, Any] = field(default_factory=dict)

    @property
    def keeper_pid(self) -> int:
        """Return the process that ends the plugin on SIGTERM."""
        return int(self.keeper.split()[-2])

    @property
    def manifest(self) -> PluginManifest:
        """Return what the plugin says of itself."""
        return PluginManifest.from_config(self.config)


class DetachedPlugins:
    """All records of one workspace."""

    def __init__(self, directory: Path, limit_s: float) -> None:
        self._directory = directory
        self._limit_s = limit_s

    def directory_of(self, instance_id: str) -> Path:
        """Return where the plugin's record and its keeper's socket are."""
        return self._directory / instance_id

    def address_file(self, instance_id: str) -> Path:
        """Return where the plugin's worker looks for the next engine's address."""
        return self.directory_of(instance_id) / "address"

    def place_for(self, instance: PluginInstance) -> KeptPlace:
        """Return where the plugin's process is kept."""
        output = instance.output
        directory = self.directory_of(instance.id)
        return KeptPlace(directory, output.path, output.max_file_bytes, self._limit_s)

    async def remember(self, instance: PluginInstance, process: WorkerProcess) -> None:
        """Have the plugin found by the next engine, from the return on; OSError when disk is full.

        Without effect when its process has just ended.
        """
        keeper = await asyncio.to_thread(identity_of, process.holder_pid)
        if keeper is None:
            return
        record = DetachedRecord(
            instance=instance.id,
            peer_id=instance.peer_id,
            secret=instance.secret,
            workspace=instance.workspace,
            work_dir=str(instance.work_dir),
            config=instance.manifest.config,
            keeper=keeper,
            pid=process.pid,
            leases={} if instance.lease is None else {"gpus": instance.lease.as_record()},
        )
        await asyncio.to_thread(self._write, record)

    async def call_back(self, instance_id: str, address: str) -> None:
        """Tell the plugin's worker where this engine listens."""
        path = self.address_file(instance_id)
        await asyncio.to_thread(_write_whole, path, address.encode())

    async def forget(self, instance_id: str) -> None:
        """Remove what is kept of a plugin that has ended."""
        directory = self.directory_of(instance_id)
        await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)

    async def all(self) -> list[DetachedRecord]:
        """Return every record that can be read; the others are said in the log."""
        return await asyncio.to_thread(self._read_all)

    async def end_of(self, record: DetachedRecord) -> ExitReport | None:
        """Return how a plugin ended that no engine saw end; None when nobody knows."""
        return await asyncio.to_thread(end_of_kept, self.directory_of(record.instance))

    def _write(self, record: DetachedRecord) -> None:
        directory = self.directory_of(record.instance)
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        content = json.dumps({"version": _VERSION, **asdict(record)}).encode()
        _write_whole(directory / "record.json", content)

    def _read_all(self) -> list[DetachedRecord]:
        records = []
        for directory in sorted(self._directory.glob("i_*")):
            if not (directory / "record.json").exists():
                # Its keeper was never told to keep it: nothing runs there.
                shutil.rmtree(directory, ignore_errors=True)
                continue
            try:
                fields = json.loads((directory / "record.json").read_bytes())
                if fields.pop("version") != _VERSION:
                    raise ValueError("it was written by another version")
                record = DetachedRecord(**fields)
                _ = record.manifest, record.keeper_pid
                records.append(record)
            except (OSError, ValueError, TypeError, KeyError, IndexError, EngineError) as error:
                keeper = keeper_of(directory)
                words = "Nothing runs there." if keeper is None else _STILL_RUNS.format(keeper)
                _LOG.warning(
                    "A plugin's record in %s cannot be read: %s. %s", directory, error, words
                )
        return records


def _write_whole(path: Path, content: bytes) -> None:
    beside = path.with_suffix(".new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)

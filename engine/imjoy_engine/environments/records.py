"""The lock of each plugin of a workspace, written beside the plugin's other records.

It makes a plugin's environment the same again when the store was emptied, and on another machine
that has the workspace. Everything here blocks.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from imjoy_engine.environments.lease import Owner
from imjoy_engine.environments.lock import Lock
from imjoy_engine.environments.shelf import read_object, write_object
from imjoy_engine.environments.spec import EnvironmentSpec

__all__ = ["LockRecords"]


class LockRecords:
    """Keeps locks in `folder`, one file a plugin."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, owner: Owner) -> Path:
        """Return where the lock of that plugin is kept."""
        label = re.sub(r"[^\w.-]+", "-", owner.name).strip("-.")[:60]
        digest = hashlib.sha256(owner.identity.encode()).hexdigest()[:8]
        return self._folder / f"{label}-{digest}.lock.json"

    def read(self, owner: Owner, spec: EnvironmentSpec) -> Lock | None:
        """Return the lock that was kept for this wish of that plugin, or None."""
        if not owner.name:
            return None
        record = read_object(self.path(owner))
        if record is None or record.get("spec") != _plain(spec):
            return None
        return Lock.from_record(record)

    def write(self, owner: Owner, spec: EnvironmentSpec, lock: Lock) -> None:
        """Keep `lock`, unless it is what is kept already."""
        if self.read(owner, spec) == lock:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        packages = [f"{one.name} {one.version}" for one in lock.packages]
        record = {"plugin": owner.name, "spec": _plain(spec), "packages": packages}
        write_object(self.path(owner), {**record, **lock.as_record()})


def _plain(spec: EnvironmentSpec) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(json.dumps(spec.identity(), default=asdict))
    return found

"""The directory of a store: which file says what, and when a prefix may be trusted.

Everything here blocks and belongs into a thread. What is not here: who builds, and who waits for
whom (`store.py`).

    envs/<key>/             prefixes, each with .imjoy-env.json, renamed into place last
    manifests/<key>.json    what is in a prefix; its time of change is when it was last leased
    specs/<spec key>.json   the lock that a wish was resolved to
    locks/<key>.lock        held alone by who builds or removes, shared by who uses
    log/<key>.log           commands and words of the last resolve or build
    tmp/                    scratch directories
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from imjoy_engine.environments.filelock import FileLock
from imjoy_engine.environments.lease import EnvironmentLease, Package
from imjoy_engine.environments.lock import Lock

__all__ = ["Shelf"]

_MARKER = ".imjoy-env.json"
_FORMAT = 1
_FOLDERS = ("envs", "manifests", "specs", "locks", "log", "tmp")


class Shelf:
    """Reads and writes the files of one store."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()

    def lay_out(self) -> None:
        """Make the folders that are not there yet."""
        for folder in _FOLDERS:
            (self._root / folder).mkdir(parents=True, exist_ok=True)

    def prefix(self, key: str) -> Path:
        """Return where the environment of that key is or will be."""
        return self._root / "envs" / key

    def scratch(self) -> Path:
        """Return a new directory that the caller removes."""
        return Path(tempfile.mkdtemp(dir=self._root / "tmp"))

    def exclusive(self, key: str) -> FileLock | None:
        """Return the right to build or remove, or None when others use or build."""
        return FileLock.exclusive(self._root / "locks" / f"{key}.lock")

    def leased(self, key: str) -> EnvironmentLease | None:
        """Return a lease of the environment, or None when it is not ready for use."""
        if not self.is_ready(key):
            return None
        lock = FileLock.shared(self._root / "locks" / f"{key}.lock")
        if lock is None:
            return None
        # Looked at again under the lock: somebody may have removed it just before.
        manifest = self._read(self._manifest(key)) if self.is_ready(key) else None
        if manifest is None:
            lock.release()
            return None
        os.utime(self._manifest(key))
        packages = tuple(Package(name, version) for name, version in manifest["packages"])
        return EnvironmentLease(key, self.prefix(key), packages, on_release=lock.release)

    def is_ready(self, key: str) -> bool:
        """Return whether the prefix was finished, and its interpreter is still there.

        A prefix without its marker is rubbish that a killed builder left.
        """
        prefix = self.prefix(key)
        marker = self._read(prefix / _MARKER)
        return (
            marker is not None
            and marker.get("key") == key
            and marker.get("format") == _FORMAT
            and (prefix / "bin" / "python").exists()
            and self._manifest(key).exists()
        )

    def finish(self, key: str, manifest: Mapping[str, Any]) -> None:
        """Declare the prefix of that key ready: the marker is the last that is written."""
        self._write(self._manifest(key), {"key": key, **manifest})
        self._write(self.prefix(key) / _MARKER, {"key": key, "format": _FORMAT})

    def discard(self, path: Path) -> None:
        """Remove a directory, if it is there."""
        if path.exists():
            # The marker first: what is half removed must not be trusted.
            (path / _MARKER).unlink(missing_ok=True)
            shutil.rmtree(path)

    def recorded_lock(self, wish: str) -> Lock | None:
        """Return the lock that this wish was resolved to before, if it was."""
        record = self._read(self._root / "specs" / f"{wish}.json")
        text = record.get("lock") if record else None
        if record is None or not isinstance(text, str):
            return None
        return Lock(
            text,
            record.get("python", ""),
            record.get("python_version", ""),
            record.get("builder", ""),
        )

    def record_lock(self, wish: str, record: Mapping[str, Any], lock: Lock) -> None:
        """Keep the lock that this wish was resolved to."""
        of_lock = {
            "lock": lock.text,
            "python": lock.python,
            "python_version": lock.python_version,
            "builder": lock.builder,
        }
        self._write(self._root / "specs" / f"{wish}.json", {**record, **of_lock})

    def write_log(self, key: str, lines: Iterable[str]) -> None:
        """Keep what the last resolve or build of that key said."""
        path = self._root / "log" / f"{key}.log"
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    def _manifest(self, key: str) -> Path:
        return self._root / "manifests" / f"{key}.json"

    @staticmethod
    def _read(path: Path) -> dict[str, Any] | None:
        """Return the object in a file, or None when there is none that can be read."""
        try:
            value = json.loads(path.read_bytes())
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return None
        return value if isinstance(value, dict) else None

    @staticmethod
    def _write(path: Path, value: Mapping[str, Any]) -> None:
        """Replace a file at once: a reader sees the old one or the new one."""
        with tempfile.NamedTemporaryFile(
            "w", dir=path.parent, prefix=f".{path.name}-", delete=False, encoding="utf-8"
        ) as file:
            json.dump(value, file, indent=1)
        Path(file.name).replace(path)

"""The directory of a store: which file says what, and when a prefix may be trusted.

Everything here blocks and belongs into a thread. What is not here: who builds, and who waits for
whom (`store.py`).

    envs/<key>/             prefixes, each with .imjoy-env.json, renamed into place last
    manifests/<key>.json    what is in a prefix; its time of change is when it was last leased
    specs/<spec key>.json   the lock that a wish was resolved to
    locks/<key>.lock        held alone by who builds or removes, shared by who uses
    locks/at-work           shared by all whose tools are at work, held alone by who tidies up
    log/<key>.log           commands and words of the last resolve or build
    compiled/<key>.json     there when its Python files have been compiled
    pins/<key>              there while a person wants the environment kept
    tmp/                    scratch directories
"""

from __future__ import annotations

import errno
import json
import os
import stat
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from imjoy_engine.environments.filelock import FileLock
from imjoy_engine.environments.lease import EnvironmentLease, Package
from imjoy_engine.environments.lock import Lock
from imjoy_engine.environments.protect import (
    MARKER,
    make_cache_folders,
    make_own,
    protect,
    remove_tree,
)

__all__ = ["Shelf", "listed", "read_object", "write_object"]

_FORMAT = 1
_FOLDERS = ("envs", "manifests", "specs", "locks", "log", "pins", "tmp")
_AT_WORK = "at-work"


class Shelf:
    """Reads and writes the files of one store."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

    def lay_out(self) -> None:
        """Make the folders that are not there yet."""
        for folder in _FOLDERS:
            (self.root / folder).mkdir(parents=True, exist_ok=True)

    def prefix(self, key: str) -> Path:
        """Return where the environment of that key is or will be."""
        return self.root / "envs" / key

    def scratch(self) -> Path:
        """Return a new directory that the caller removes."""
        self.lay_out()
        return Path(tempfile.mkdtemp(dir=self.root / "tmp"))

    def exclusive(self, key: str) -> FileLock | None:
        """Return the right to build or remove, or None when others use or build."""
        return FileLock.exclusive(self.lock_file(key))

    def lock_file(self, key: str) -> Path:
        """Return the file that whoever uses or builds the environment of that key has open."""
        return self.root / "locks" / f"{key}.lock"

    def at_work(self) -> FileLock | None:
        """Return the right to have a tool work in the store and its caches.

        None for the moment in which somebody takes rubbish away.
        """
        self.lay_out()
        return FileLock.shared(self.root / "locks" / _AT_WORK)

    def nobody_at_work(self) -> FileLock | None:
        """Return the right to take rubbish away, or None when a tool is at work."""
        return FileLock.exclusive(self.root / "locks" / _AT_WORK)

    def leased(self, key: str) -> EnvironmentLease | None:
        """Return a lease of the environment, or None when it is not ready for use."""
        if not self.is_ready(key):
            return None
        lock = FileLock.shared(self.lock_file(key))
        if lock is None:
            return None
        # Looked at again under the lock: somebody may have removed it just before.
        manifest = read_object(self.manifest_path(key)) if self.is_ready(key) else None
        if manifest is None:
            lock.release()
            return None
        os.utime(self.manifest_path(key))
        packages = tuple(Package(name, version) for name, version in manifest["packages"])
        program = manifest.get("program")
        lease = EnvironmentLease(
            key,
            Path(manifest.get("place") or self.prefix(key)),
            packages,
            python=Path(program) if program else None,
            variables=manifest.get("variables"),
            on_release=lock.release,
        )
        lease.record = manifest.get("record") or {}
        lease.fd = lock.fd
        lease.private = bool(manifest.get("private"))
        return lease

    def is_ready(self, key: str) -> bool:
        """Return whether the prefix was finished, and its interpreter is still there.

        A prefix without its marker is rubbish that a killed builder left.
        """
        prefix = self.prefix(key)
        marker = read_object(prefix / MARKER)
        return (
            marker is not None
            and marker.get("key") == key
            and marker.get("format") == _FORMAT
            and Path(marker.get("program") or prefix / "bin" / "python").exists()
            and self.manifest_path(key).exists()
        )

    def finish(self, key: str, manifest: Mapping[str, Any]) -> None:
        """Declare the prefix of that key ready: the marker is the last that is written.

        From then on nobody may write there, unless it is private; then no file of it is shared.
        """
        prefix = self.prefix(key)
        if manifest.get("private"):
            make_own(prefix)
        else:
            make_cache_folders(prefix)
            protect(prefix)
            prefix.chmod(0o755)
        write_object(self.manifest_path(key), {"key": key, **manifest})
        marker = {"key": key, "format": _FORMAT, "program": manifest.get("program")}
        write_object(prefix / MARKER, marker)
        if not manifest.get("private"):
            prefix.chmod(0o555)

    def manifest(self, key: str) -> dict[str, Any] | None:
        """Return what is written about the environment of that key, if anything is."""
        return read_object(self.manifest_path(key))

    def discard(self, path: Path) -> None:
        """Remove a directory, if it is there."""
        remove_tree(path)

    def set_aside(self, path: Path) -> Path:
        """Move a file or a directory out of the way, which takes no time; return where it is now.

        The caller discards that. What is on another disk is removed at once.
        """
        place = self.scratch()
        try:
            if path.is_dir() and not path.is_symlink():
                path.chmod(stat.S_IMODE(path.stat().st_mode) | stat.S_IRWXU)
                # The marker first: what is half removed must not be trusted.
                (path / MARKER).unlink(missing_ok=True)
            path.rename(place / "gone")
        except FileNotFoundError:
            pass
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            remove_tree(path)
        return place

    def recorded_lock(self, wish: str) -> Lock | None:
        """Return the lock that this wish was resolved to before, if it was."""
        record = read_object(self.root / "specs" / f"{wish}.json")
        return None if record is None else Lock.from_record(record)

    def record_lock(self, wish: str, record: Mapping[str, Any], lock: Lock) -> None:
        """Keep the lock that this wish was resolved to."""
        write_object(self.root / "specs" / f"{wish}.json", {**record, **lock.as_record()})

    def wishes(self, lock: Lock) -> list[dict[str, Any]]:
        """Return the specs that were resolved to `lock`, as they were written down."""
        records = [read_object(path) for path in sorted((self.root / "specs").glob("*.json"))]
        return [one["spec"] for one in records if one and Lock.from_record(one) == lock]

    def write_log(self, key: str, lines: Iterable[str]) -> None:
        """Keep what the last resolve or build of that key said."""
        path = self.root / "log" / f"{key}.log"
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    def manifest_path(self, key: str) -> Path:
        """Return where the manifest of that key is or will be."""
        return self.root / "manifests" / f"{key}.json"


def listed(folder: Path, *, hidden: bool = False) -> list[Path]:
    """Return what is in a folder; only what begins with a dot, or only the rest."""
    try:
        return sorted(path for path in folder.iterdir() if path.name.startswith(".") == hidden)
    except FileNotFoundError:
        return []


def read_object(path: Path) -> dict[str, Any] | None:
    """Return the JSON object in a file, or None when there is none that can be read."""
    try:
        value = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def write_object(path: Path, value: Mapping[str, Any]) -> None:
    """Replace a file at once: a reader sees the old one or the new one."""
    with tempfile.NamedTemporaryFile(
        "w", dir=path.parent, prefix=f".{path.name}-", delete=False, encoding="utf-8"
    ) as file:
        fresh = Path(file.name)
        try:
            json.dump(value, file, indent=1)
            file.flush()
        except BaseException:
            fresh.unlink()
            raise
    fresh.replace(path)

"""The worker's zipapp, unpacked once so that interpreters need not compile it at every start."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import zipfile
from pathlib import Path

from imjoy_engine.errors import MachineError

__all__ = ["unpacked_worker"]


def unpacked_worker(archive: Path, store: Path) -> Path:
    """Return the script that `python` runs as the worker, in a directory of the archive's hash.

    For a directory, or the archive, Python would import what it needs to run those: 5 ms.

    Raises MachineError when the archive is not built, or the store cannot be written.
    """
    if not archive.is_file():
        raise MachineError(
            "The worker is not built.",
            hint="Run `make serve` in the source directory, or install the packaged engine.",
        )
    key = hashlib.sha256(archive.read_bytes()).hexdigest()[:16]
    target = store / "worker" / key
    if target.is_dir():
        return target / "__main__.py"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=target.parent))
        with zipfile.ZipFile(archive) as zipped:
            zipped.extractall(fresh)
        fresh.chmod(0o755)
        try:
            fresh.rename(target)
        except OSError:
            # Another engine was faster; what it has unpacked is the same.
            shutil.rmtree(fresh, ignore_errors=True)
    except OSError as error:
        raise MachineError(
            f"The store {store} cannot be written: {error.strerror}.",
            hint="Set IMJOY_ENGINE_STORE to a directory of yours.",
        ) from error
    return target / "__main__.py"

"""Runs on disk: what is known of each, and its result; readable after any interruption.

`<workspace>/<id>.run` holds records of which the last counts, `<workspace>/<id>.result` the frame
with the result. A result is written whole before the run is said to have ended.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from imjoy_engine.records import append_records, read_records
from imjoy_engine.session.kept_frames import frame_of, record_of
from imjoy_wire.frames import Frame

__all__ = ["RunFiles"]

_LOG = logging.getLogger(__name__)


class RunFiles:
    """The files of all runs below one directory. Every method blocks; for one thread at a time."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def write(self, workspace: str, run_id: str, known: dict[str, Any]) -> None:
        """Keep what is known of a run."""
        append_records(self._path(workspace, run_id, "run"), [known])

    def write_result(self, workspace: str, run_id: str, frame: Frame) -> None:
        """Keep the frame with a run's result, all of it or nothing."""
        path = self._path(workspace, run_id, "result")
        unfinished = path.with_suffix(".unfinished")
        unfinished.unlink(missing_ok=True)
        append_records(unfinished, [record_of(frame)])
        unfinished.replace(path)

    def result(self, workspace: str, run_id: str) -> Frame | None:
        """Return the frame with a run's result, None when it was not kept."""
        try:
            for record, _ in read_records(self._path(workspace, run_id, "result")):
                return frame_of(record)
        except FileNotFoundError:
            pass
        return None

    def remove(self, workspace: str, run_id: str) -> None:
        """Forget a run."""
        for ending in ("run", "result", "unfinished"):
            self._path(workspace, run_id, ending).unlink(missing_ok=True)

    def all(self) -> Iterator[dict[str, Any]]:
        """Yield what is known of each run; a file that says nothing is removed."""
        for path in sorted(self._directory.glob("*/*.run")):
            known = None
            for record, _ in read_records(path):
                known = record
            if isinstance(known, dict):
                yield known
            else:
                _LOG.warning("%s says nothing of its run and is removed.", path)
                path.unlink()

    def free_bytes(self) -> int:
        """Return how much room there is."""
        self._directory.mkdir(parents=True, exist_ok=True)
        return shutil.disk_usage(self._directory).free

    def _path(self, workspace: str, run_id: str, ending: str) -> Path:
        return self._directory / workspace / f"{run_id}.{ending}"

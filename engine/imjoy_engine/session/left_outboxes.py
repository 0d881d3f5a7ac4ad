"""What an engine that was killed leaves of clients that were away: it is for nobody any more.

A client that returns to the next engine gets a new session. What waited was for ends of the old
one, whose callers are told so. Results of runs are kept elsewhere, what plugins print is in their
logs, and what a plugin that lives on asks is asked again by itself.
"""

from __future__ import annotations

import logging
import shutil
from collections import Counter
from pathlib import Path

from imjoy_engine.records import read_records
from imjoy_engine.session.kept_frames import frame_of
from imjoy_wire.chunks import CHUNK
from imjoy_wire.lanes import RUN

__all__ = ["remove_left_outboxes"]

_LOG = logging.getLogger(__name__)


def remove_left_outboxes(directory: Path) -> None:
    """Remove the files of an engine that has ended, and say in the log what is lost with them."""
    files = sorted(directory.glob("*.records"))
    for path in files:
        try:
            waiting = _waiting_in(path)
        except OSError as error:
            _LOG.warning("What waited for a client that was away cannot be read: %s", error)
            continue
        size = path.stat().st_size
        if waiting["messages"]:
            _LOG.warning(
                "A client was away when the last engine ended. %d messages of plugins that waited "
                "for it are lost with its session (%d bytes); %d results of runs are kept.",
                waiting["messages"],
                size,
                waiting["results"],
            )
        else:
            _LOG.info(
                "A client was away when the last engine ended. Nothing is lost with its session: "
                "what waited were %d results of runs, which are kept, and %d words about plugins.",
                waiting["results"],
                waiting["events"],
            )
    shutil.rmtree(directory, ignore_errors=True)


def _waiting_in(path: Path) -> Counter[str]:
    """Return how many messages, results of runs and events a file holds. Raises OSError."""
    waiting: Counter[str] = Counter()
    for record, _ in read_records(path):
        frame = frame_of(record)
        if frame.kind == "rpc":
            waiting["results" if RUN in frame.extra else "messages"] += 1
        elif frame.kind != CHUNK:  # those belong to a message that was counted
            waiting["events"] += 1
    return waiting

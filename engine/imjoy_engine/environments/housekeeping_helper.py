"""The process that makes room in a store, as the least important one of the machine.

Its request, a JSON object in a file: `root`, `limits` (of `StoreLimits`), `now_s`. It answers with
one line: `done` with `removed` (`key`, `why`), `pruned`, `swept`, `freed_bytes`, `left_bytes`, or
`error` with its `words`.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from imjoy_engine.config import process_environment
from imjoy_engine.environments.filelock import FileLock
from imjoy_engine.environments.inventory import Inventory
from imjoy_engine.environments.leavings import prune_downloads
from imjoy_engine.environments.room import RoomMade, StoreLimits
from imjoy_engine.environments.shelf import Shelf
from imjoy_engine.environments.uv import find_uv
from imjoy_engine.errors import EngineError

__all__ = ["main"]


def tidied(request: dict[str, Any]) -> dict[str, Any]:
    """Make room as the request says; return the last event."""
    root, now_s = Path(request["root"]), float(request["now_s"])
    inventory = Inventory(root, now=lambda: now_s)
    Shelf(root).lay_out()
    alone = FileLock.exclusive(root / "locks" / "housekeeping")
    if alone is None:
        # Another engine's is at it.
        return _told(RoomMade((), 0, 0), pruned=False)
    try:
        # Before the priority goes: uv keeps installations waiting while it prunes.
        pruned = prune_downloads(root / "uv", find_uv(), now_s, process_environment())
        _stand_back()
        return _told(inventory.make_room(StoreLimits(**request["limits"])), pruned=pruned)
    finally:
        alone.release()


def _stand_back() -> None:
    """Leave processors and disk to whoever wants them."""
    os.nice(19)
    if hasattr(os, "SCHED_IDLE"):
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def _told(made: RoomMade, *, pruned: bool) -> dict[str, Any]:
    return {"event": "done", "pruned": pruned, **asdict(made)}


def main() -> int:
    """Do what the request says; return the exit code."""
    request = json.loads(Path(sys.argv[1]).read_bytes())
    try:
        event, code = tidied(request), 0
    except (EngineError, OSError) as error:
        event, code = {"event": "error", "words": str(error)}, 1
    sys.stdout.write(json.dumps(event) + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main())

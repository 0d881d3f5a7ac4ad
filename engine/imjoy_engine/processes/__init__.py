"""Processes that cannot outlive the engine.

`ProcessTree` starts one command behind a small shim, drains what it prints, tells how it ended and
ends it for certain. It knows nothing of plugins or environments; both are started through it.
"""

from __future__ import annotations

from imjoy_engine.processes.command import Command
from imjoy_engine.processes.fork_server import ForkServer
from imjoy_engine.processes.identity import identity_of
from imjoy_engine.processes.kept import KeptPlace, end_of_kept, find_kept, keeper_of, start_kept
from imjoy_engine.processes.own_directory import own_directory
from imjoy_engine.processes.report import ExitReport, Ladder
from imjoy_engine.processes.shield import outlast
from imjoy_engine.processes.shims import Shims
from imjoy_engine.processes.tree import OnOutput, ProcessTree, Stream
from imjoy_engine.processes.variables import scrubbed

__all__ = [
    "Command",
    "ExitReport",
    "ForkServer",
    "KeptPlace",
    "Ladder",
    "OnOutput",
    "ProcessTree",
    "Shims",
    "Stream",
    "end_of_kept",
    "find_kept",
    "identity_of",
    "keeper_of",
    "outlast",
    "own_directory",
    "scrubbed",
    "start_kept",
]

"""The plugin's scripts, written down for its other processes.

A process that did not begin as a copy of the worker knows nothing of the plugin. It finds the
scripts, and the values of `api`, in a file in memory that the worker holds open: nothing of it is
left when the worker ends, however it ends.
"""

import json
import os
import sys
from typing import Any, Dict, List, NamedTuple

__all__ = ["VARIABLE", "Record", "ScriptRecord", "read_record"]

VARIABLE = "IMJOY_PLUGIN_SCRIPTS"
"""The environment variable with the path of the file."""


class Record(NamedTuple):
    """What another process of the plugin knows of it."""

    values: Dict[str, Any]
    config: Dict[str, Any]
    scripts: List[Dict[str, Any]]


class ScriptRecord:
    """The scripts that have run to their end, for whoever reads the environment variable.

    Where the system has no files in memory (it is not Linux) nothing is written down, and other
    processes say so.
    """

    def __init__(self, values: Dict[str, Any], config: Dict[str, Any]) -> None:
        self.count = 0
        """How many scripts there are."""
        self._handle = -1
        create = getattr(os, "memfd_create", None)
        if create is not None:
            self._handle = create("imjoy-plugin")
            os.environ[VARIABLE] = "/proc/{}/fd/{}".format(os.getpid(), self._handle)
            self._write({"values": values, "config": config})
            # Behind everything of the plugin's: multiprocessing hands our path on, and `pickle`
            # finds the plugin's module there.
            sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "children"))

    def add(self, code: Dict[str, Any]) -> None:
        """Write down the `code` of a script that has run."""
        if self._handle >= 0:
            self._write(code)
        self.count += 1

    def _write(self, line: Dict[str, Any]) -> None:
        # Whole at once: who reads meanwhile sees all of the line or nothing.
        with os.fdopen(os.dup(self._handle), "ab") as file:
            file.write(json.dumps(line, default=str).encode("ascii") + b"\n")


def read_record() -> Record:
    """Return what the worker has written down. Raises RuntimeError when there is nothing."""
    try:
        with open(os.environ.get(VARIABLE, ""), "rb") as file:
            lines = [json.loads(line) for line in file if line.endswith(b"\n")]
        return Record(lines[0]["values"], lines[0]["config"], lines[1:])
    except (OSError, ValueError, LookupError) as error:
        raise RuntimeError(
            "The plugin's script cannot be found from this process ({}). Put the function that is "
            "to run here into a module that the plugin imports.".format(error)
        ) from error

"""Whether an environment works: its interpreter says where and what it is, and everything that is
installed there is imported.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from imjoy_engine.environments.builder import Attempt
from imjoy_engine.environments.commands import command_variables
from imjoy_engine.environments.progress import Phase, Progress
from imjoy_engine.processes import Command, Ladder, ProcessTree

__all__ = ["Examined", "examine"]

# Runs in any Python from 3.7 on. Says each name before its import, which may kill the process.
_SCRIPT = r"""
import importlib, io, json, os, re, site, sys, sysconfig
out = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
def say(**words):
    out.write(json.dumps(words) + "\n")
    out.flush()
say(prefix=sys.prefix, version=".".join(map(str, sys.version_info[:3])))
names = set()
folders = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
for folder in folders:
    for entry in os.listdir(folder) if os.path.isdir(folder) else ():
        record = os.path.join(folder, entry, "RECORD")
        if entry.endswith(".dist-info"):
            lines = open(record, encoding="utf-8") if os.path.exists(record) else ()
            for line in lines:
                match = re.match(r'"?([A-Za-z]\w*)(?:/__init__\.py|\.py|\.[\w-]*\.?so)[,"]', line)
                if match:
                    names.add(match.group(1))
for name in sorted(names):
    say(name=name)
    try:
        importlib.import_module(name)
    except BaseException as error:
        say(failed=name, why="%s: %s" % (type(error).__name__, error))
    else:
        say(imported=name)
say(done=True)
out.close()
os._exit(0)
"""


@dataclass(frozen=True, slots=True)
class Examined:
    """What the examination found; `failed` says why, by the name of what is not imported."""

    prefix: str = ""
    version: str = ""
    imported: tuple[str, ...] = ()
    failed: Mapping[str, str] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the form for `--json`."""
        return asdict(self)


async def examine(
    program: Path, prefix: Path, machine: Mapping[str, str], attempt: Attempt
) -> Examined:
    """Return what the interpreter `program` of the environment at `prefix` says of itself.

    Every top-level module and package that is installed there is imported once, in one process. One
    that kills the process is among the failed, and those after it are not tried.
    """
    attempt.on_progress(Progress(Phase.VERIFY, message="Importing every package once"))
    argv = [str(program), "-s", "-B", "-c", _SCRIPT]
    attempt.log.append(f"$ {program} -s -B -c '… import every package …'")
    heard = _Heard(attempt)
    # Without a display: what opens windows when it is imported must not do so here.
    variables = {
        **await asyncio.to_thread(command_variables, prefix, machine),
        "MPLBACKEND": "agg",
        "QT_QPA_PLATFORM": "offscreen",
    }
    command = Command(argv, variables, attempt.scratch, grace_s=0)
    tree = await ProcessTree.start(command, heard.feed)
    try:
        report = await tree.wait()
    finally:
        await tree.stop(Ladder.at_once())
    return heard.result(report.words)


class _Heard:
    """Reads what the script writes."""

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        self._unread = b""
        self._first: dict[str, str] = {}
        self._trying = ""
        self._imported: list[str] = []
        self._failed: dict[str, str] = {}
        self._done = False

    def feed(self, stream: str, chunk: bytes) -> None:
        if stream != "stdout":
            return
        *lines, self._unread = (self._unread + chunk).split(b"\n")
        for line in lines:
            self._line(json.loads(line))

    def _line(self, words: dict[str, Any]) -> None:
        if "prefix" in words:
            self._first = words
        elif "name" in words:
            self._trying = words["name"]
            message = f"Importing {self._trying}"
            self._attempt.on_progress(Progress(Phase.VERIFY, self._trying, message=message))
        elif "failed" in words:
            self._failed[words["failed"]] = words["why"]
            self._attempt.log.append(f"import {words['failed']}: {words['why']}")
        elif "imported" in words:
            self._imported.append(words["imported"])
        else:
            self._done = True

    def result(self, end: str) -> Examined:
        if not self._done:
            self._failed[self._trying or "the interpreter"] = f"its process {end}"
        return Examined(
            self._first.get("prefix", ""),
            self._first.get("version", ""),
            tuple(self._imported),
            self._failed,
        )

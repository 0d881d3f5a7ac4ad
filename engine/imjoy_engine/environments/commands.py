"""Commands that a plugin wants run while its environment is made, once a person has allowed them.

They are given to a shell as they were written: that is what was shown, and what ImJoy's engines
have always done.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from imjoy_engine.environments.builder import Attempt
from imjoy_engine.environments.indexes import redacted
from imjoy_engine.environments.lease import Owner
from imjoy_engine.environments.progress import OnProgress, Phase, Progress
from imjoy_engine.errors import CommandFailedError, CommandRefusedError
from imjoy_engine.processes import Command, Ladder, ProcessTree, scrubbed

__all__ = ["allowed", "command_variables", "run_command"]

_TAIL_LINES = 60
_KEPT_BYTES = 1 << 20


async def allowed(commands: Sequence[str], owner: Owner, on_progress: OnProgress) -> None:
    """Return once a person has allowed all of `commands`; there may be none.

    Raises `CommandRefusedError` when they were not allowed.
    """
    if not commands:
        return
    message = "Waiting for somebody to allow the plugin's commands"
    on_progress(Progress(Phase.QUEUED, total=len(commands), unit="commands", message=message))
    if not await owner.allow(tuple(commands)):
        one = len(commands) == 1
        what = "a command" if one else f"{len(commands)} commands"
        it = "it" if one else "them"
        raise CommandRefusedError(
            f"The plugin wants to run {what} of its own to make its environment, "
            "and nobody has allowed that.",
            hint=f"Read {it}, and start the plugin again to be asked once more.",
            log_tail="\n".join(f"$ {redacted(command)}" for command in commands),
        )


async def run_command(
    command: str, prefix: Path, cwd: Path, machine: Mapping[str, str], attempt: Attempt
) -> None:
    """Run one command inside the environment at `prefix`, in the folder `cwd`.

    Raises `CommandFailedError` with its own words. Cancelled, it is gone with all that it started.
    """
    shown = redacted(command)
    attempt.on_progress(Progress(Phase.COMMAND, shown, message=f"Running {shown}"))
    attempt.log.append(f"$ {shown}")
    printed = bytearray()

    def on_output(stream: str, chunk: bytes) -> None:
        printed.extend(chunk)
        del printed[:-_KEPT_BYTES]
        line = chunk.decode(errors="replace").strip().rpartition("\n")[2]
        if line:
            words = redacted(line[:200])
            attempt.on_progress(Progress(Phase.COMMAND, shown, message=words))

    tree = await ProcessTree.start(
        Command(
            ("/bin/sh", "-c", command),
            await asyncio.to_thread(command_variables, prefix, machine),
            cwd,
            held_fds=tuple(attempt.held_fds),
            grace_s=0,
        ),
        on_output,
    )
    try:
        report = await tree.wait()
    finally:
        await tree.stop(Ladder.at_once())
        words = redacted(printed.decode(errors="replace"))
        attempt.log.extend(words.splitlines())
    if report.exit_code != 0:
        raise CommandFailedError(
            f"A command of the plugin's failed ({report.words}): {shown}",
            hint="Read its own words in the log; the plugin's author may know more.",
            log_tail="\n".join(attempt.log[-_TAIL_LINES:]),
        )


def command_variables(prefix: Path, machine: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a process inside the environment at `prefix`."""
    return {
        **scrubbed(machine),
        "PATH": os.pathsep.join((str(prefix / "bin"), machine.get("PATH", os.defpath))),
        "CONDA_PREFIX" if (prefix / "conda-meta").is_dir() else "VIRTUAL_ENV": str(prefix),
        "PYTHONNOUSERSITE": "1",
        # pip must not look at the machine's own settings of where to install.
        "PIP_REQUIRE_VIRTUALENV": "0",
        "PIP_NO_INPUT": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }

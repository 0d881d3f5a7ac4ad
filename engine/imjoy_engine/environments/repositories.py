"""Repositories that a plugin wants in its work directory: cloned once, by the machine's git.

One that is there already stays as it is: bringing it up to date is a person's act.
"""

from __future__ import annotations

import asyncio
import re
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

from imjoy_engine.environments.builder import Attempt
from imjoy_engine.environments.indexes import index_settings, redacted
from imjoy_engine.environments.progress import Phase, Progress
from imjoy_engine.environments.protect import remove_tree
from imjoy_engine.environments.spec import Repository
from imjoy_engine.errors import EnvironmentBuildError, IndexUnreachableError, MachineError
from imjoy_engine.processes import Command, Ladder, ProcessTree, outlast, scrubbed

__all__ = ["clone"]

_PROGRESS = re.compile(r"(?:Receiving|Updating|Resolving) \w+: +\d+% \((\d+)/(\d+)\)")
_UNREACHABLE = re.compile(
    r"Could not resolve host|Connection refused|Connection timed out|Failed to connect|"
    r"unable to access|Network is unreachable|SSL certificate problem",
    re.IGNORECASE,
)
_TAIL_LINES = 60


async def clone(
    repository: Repository, work_dir: Path, machine: Mapping[str, str], attempt: Attempt
) -> None:
    """Let the repository be in its folder of `work_dir`. Cancelled, nothing of it is left.

    Raises `MachineError` without git, `IndexUnreachableError` when the host does not answer, and
    `EnvironmentBuildError` with git's own words.
    """
    target = work_dir / repository.folder
    if await asyncio.to_thread(target.exists):
        attempt.log.append(f"{repository.folder} is there already, and stays as it is.")
        return
    git = await asyncio.to_thread(shutil.which, "git", path=machine.get("PATH"))
    if git is None:
        raise MachineError(
            f"The plugin needs the repository {redacted(repository.url)}, and this machine has no "
            "git.",
            hint="Install git, or put the repository's files into "
            f"{repository.folder} in the plugin's work directory.",
        )
    fresh = target.with_name(f".{target.name}.cloning")
    await asyncio.to_thread(_make_way, fresh)
    argv = [git, "clone", "--progress", "--recurse-submodules", "--", repository.url, str(fresh)]
    try:
        await _run(argv, repository, machine, attempt, target)
        await asyncio.to_thread(fresh.rename, target)
    finally:
        await outlast(asyncio.ensure_future(asyncio.to_thread(remove_tree, fresh)))


def _make_way(fresh: Path) -> None:
    fresh.parent.mkdir(parents=True, exist_ok=True)
    remove_tree(fresh)


async def _run(
    argv: list[str],
    repository: Repository,
    machine: Mapping[str, str],
    attempt: Attempt,
    target: Path,
) -> None:
    attempt.log.append(f"$ {redacted(shlex.join(argv))}")
    message = f"Cloning {repository.folder}"
    attempt.on_progress(Progress(Phase.DOWNLOAD, repository.folder, message=message))
    words = bytearray()

    def on_output(_: str, chunk: bytes) -> None:
        words.extend(chunk)
        found = _PROGRESS.findall(chunk.decode(errors="replace"))
        if found:
            done, total = map(int, found[-1])
            attempt.on_progress(
                Progress(Phase.DOWNLOAD, repository.folder, done, total, "objects", message)
            )

    # Nobody is there who could type a password; git's own helpers and ~/.netrc still count.
    found = (await asyncio.to_thread(index_settings, machine)).variables
    variables = {
        **({"GIT_SSL_CAINFO": found["SSL_CERT_FILE"]} if "SSL_CERT_FILE" in found else {}),
        **scrubbed(machine),
        "GIT_TERMINAL_PROMPT": "0",
        "GCM_INTERACTIVE": "never",
        "GIT_SSH_COMMAND": machine.get("GIT_SSH_COMMAND", "ssh -oBatchMode=yes"),
        "LC_ALL": "C",
    }
    tree = await ProcessTree.start(Command(argv, variables, Path("/"), grace_s=0), on_output)
    try:
        report = await tree.wait()
    finally:
        await tree.stop(Ladder.at_once())
        lines = redacted(words.decode(errors="replace")).replace("\r", "\n").splitlines()
        attempt.log.extend(line for line in lines if line.strip() and not _PROGRESS.search(line))
    if report.exit_code == 0:
        return
    tail = "\n".join(attempt.log[-_TAIL_LINES:])
    shown = redacted(repository.url)
    if _UNREACHABLE.search(tail):
        raise IndexUnreachableError(
            f"The repository {shown} could not be reached.",
            hint="Check this machine's network and its proxy settings, then try again. Or put the "
            f"repository's files into {target} by hand.",
            log_tail=tail,
        )
    raise EnvironmentBuildError(
        f"The repository {shown} could not be cloned.",
        hint="Check its address, and that this machine may read it.",
        log_tail=tail,
    )

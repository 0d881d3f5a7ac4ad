"""What a list of packages says about their files, held to: pure.

A list with hashes (`requirements.txt`, `pylock.toml`) names the very files that may be installed. A
lock made for it names what the indexes offer today, and of that only those are left.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from imjoy_engine.errors import EnvironmentBuildError

__all__ = ["only_listed_files"]

_PACKAGE = re.compile(r"[^\s].*\n(?:[ \t]+.*\n)*")
_NAME = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?(?:==([^\s;\\]+))?")
_HASH = re.compile(r"--hash=(\S+)")


def only_listed_files(lock: str, hashes: Sequence[str]) -> str:
    """Return the text of a lock with those hashes alone that `hashes` names for a package.

    Each is `name algorithm:digest`. A package that none of them names keeps all of its own.

    Raises `EnvironmentBuildError` when the lock has none of the files that are listed.
    """
    listed: dict[str, set[str]] = {}
    for one in hashes:
        name, _, digest = one.partition(" ")
        listed.setdefault(name, set()).add(digest)

    def narrowed(match: re.Match[str]) -> str:
        package = match[0]
        named = _NAME.match(package)
        wanted = listed.get(named[1]) if named else None
        offered = _HASH.findall(package)
        if named is None or wanted is None or not offered:
            return package
        kept = [digest for digest in offered if digest in wanted]
        if not kept:
            raise EnvironmentBuildError(
                f"The package index has other files of {named[1]} {named[2] or ''} than the list "
                "of packages names by their hashes.",
                hint="Somebody may have replaced them. Ask the author of the list, or take its "
                "hashes out.",
            )
        head = package.partition(" \\\n")[0]
        return " \\\n".join([head, *(f"    --hash={digest}" for digest in kept)]) + "\n"

    return _PACKAGE.sub(narrowed, lock) if listed else lock

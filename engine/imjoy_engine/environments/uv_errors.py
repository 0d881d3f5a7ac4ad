"""Turns the words of a failed run of uv into one sentence and a next step.

uv explains itself well; its words are kept as they are in `log_tail`. Here they are only sorted, by
the phrases that its releases have used for years. An unknown phrase falls through to the plain
`EnvironmentBuildError`, which still shows everything.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from imjoy_engine.environments.indexes import redacted
from imjoy_engine.errors import (
    DiskFullError,
    EnvironmentBuildError,
    IndexUnreachableError,
    NoSuchPackageError,
    NoSuchVersionError,
    NoWheelError,
    PythonNotFoundError,
    RequirementsConflictError,
)

__all__ = ["explained"]

_TAIL_LINES = 60


@dataclass(frozen=True, slots=True)
class _Case:
    """A phrase, and what it means; `{0}` stands for the phrase's first group."""

    phrase: re.Pattern[str]
    error: type[EnvironmentBuildError]
    message: str
    hint: str


def _case(phrase: str, error: type[EnvironmentBuildError], message: str, hint: str) -> _Case:
    return _Case(re.compile(phrase), error, message, hint)


_OLDER_PYTHON = (
    "Ask for a newer version, which may offer one, or for another Python. In env, "
    '{"type": "python", "options": {…}}, exclude_newer takes what was there on a day, and '
    "allow_build builds from source, which can take long and needs compilers."
)

_HOST_AWAY = (
    "Check this machine's network and its proxy settings, then try again. Without that network, "
    "ask for the package from a package index, or from a file on this machine."
)

# The first that matches counts: causes stand before their consequences.
_CASES = (
    _case(
        r"No space left on device|os error 28\b|Disk quota exceeded",
        DiskFullError,
        "The disk is full.",
        "Free some space, or set IMJOY_ENGINE_STORE to a folder on another disk.",
    ),
    _case(
        r"Permission denied \(os error 13\)|Read-only file system",
        EnvironmentBuildError,
        "The folder of the environments cannot be written to.",
        "Give yourself the right to write there, or set IMJOY_ENGINE_STORE to another folder.",
    ),
    _case(
        r"\b(?:401 Unauthorized|403 Forbidden)",
        IndexUnreachableError,
        "The package index refuses to answer without a valid name and password.",
        "Check the address and the credentials of the package index in this machine's settings.",
    ),
    _case(
        r"invalid peer certificate|certificate verify failed",
        IndexUnreachableError,
        "The package index shows a certificate that this machine does not trust.",
        "Set SSL_CERT_FILE to your organisation's certificates, and start the engine again.",
    ),
    _case(
        r"Could not resolve host:? ([\w.-]+)|Could not resolve hostname ([\w.-]+)",
        IndexUnreachableError,
        "The host {0}, from which a requirement comes, was not found.",
        _HOST_AWAY,
    ),
    _case(
        r"Failed to connect to ([\w.-]+)|ssh: connect to host ([\w.-]+)|"
        r"unable to access '\w+://(?:[^/'@]*@)?([\w.-]+)",
        IndexUnreachableError,
        "The host {0}, from which a requirement comes, could not be reached.",
        _HOST_AWAY,
    ),
    _case(
        r"could not read (?:Username|Password) for|Authentication failed for|"
        r"Could not read from remote repository|Permission denied \(publickey",
        IndexUnreachableError,
        "A repository, from which a requirement comes, does not let this machine read it.",
        "Check its address, and that this machine may read it: git clone must work without asking.",
    ),
    _case(
        r"dns error|tcp connect error|Connection refused|error sending request|"
        r"operation timed out|Request failed after|Failed to fetch|Network is unreachable|"
        r"server error \(5\d\d",
        IndexUnreachableError,
        "The package index could not be reached.",
        "Check this machine's network and its proxy settings, then try again.",
    ),
    _case(
        r"because the network was disabled",
        IndexUnreachableError,
        "The packages are not on this machine, and the network is switched off.",
        "Unset UV_OFFLINE, or fetch the packages once while the network is there.",
    ),
    _case(
        r"No interpreter found|No virtual environment found|Failed to inspect Python interpreter|"
        r"Python interpreter not found",
        PythonNotFoundError,
        "The Python interpreter for the environment was not found.",
        "Check that the Python which runs the engine is still installed.",
    ),
    _case(
        r"Hash mismatch for `([^`]+)`",
        EnvironmentBuildError,
        "The package index now has another file for {0} than before.",
        "Somebody replaced a published file. Check the package index before you trust it again.",
    ),
    _case(
        r"Failed to build `?([^\s`]+)`?",
        EnvironmentBuildError,
        "Building {0} from its source failed.",
        "Its authors' build stopped, see the log. Another version may come ready-made.",
    ),
    _case(
        r"Because (?:all versions of )?(\S+?),? (?:has|have) no usable wheels",
        NoWheelError,
        "{0} exists only as source code, not ready-made.",
        _OLDER_PYTHON,
    ),
    _case(
        # Of a range of versions some may be there for other Pythons.
        r"you require (?=([\w.-]+))(\S+?), we can conclude that your requirements are "
        r"unsatisfiable.*Wheels are required for `\1`",
        NoWheelError,
        "{1} is not offered ready-made for this machine's Python.",
        _OLDER_PYTHON,
    ),
    _case(
        r"Wheels are required for `(\S+?)`",
        NoWheelError,
        "{0} exists only as source code, not ready-made.",
        _OLDER_PYTHON,
    ),
    _case(
        r"Because (?:all versions of )?(\S+) (?:has|have) no wheels",
        NoWheelError,
        "{0} is not offered ready-made for this machine's Python.",
        _OLDER_PYTHON,
    ),
    _case(
        r"there (?:is|are) no versions? of (\S+?),? and",
        NoSuchVersionError,
        "There is no {0}.",
        "Check the version; leave it out to take the newest one.",
    ),
    _case(
        r"Because only (.+?) (?:is|are) available and you require (\S+?),",
        NoSuchVersionError,
        "There is no {1}.",
        "Check the version; leave it out to take the newest one.",
    ),
    _case(
        r"Because (\S+) was not found in the",
        NoSuchPackageError,
        "There is no package named {0}.",
        "Check its spelling: a package's name may differ from what is imported (scikit-image is "
        "imported as skimage).",
    ),
    _case(
        r"current Python version \(([^)]*)\) does not satisfy",
        NoSuchVersionError,
        "A requirement does not support this machine's Python {0}.",
        "Ask for another version of it.",
    ),
    _case(
        r"requirements are unsatisfiable|No solution found",
        RequirementsConflictError,
        "The requirements exclude each other: no set of versions fulfils all of them.",
        "Ask for fewer exact versions; the log names the ones that clash.",
    ),
)


def explained(command: Sequence[str], lines: Iterable[str]) -> EnvironmentBuildError:
    """Return the error for a run of `command` that wrote `lines` and failed.

    Its `log_tail` is the exact command and uv's own words, without credentials.
    """
    words = [redacted(line) for line in lines]
    shown = [f"$ {redacted(shlex.join(command))}", *words[-_TAIL_LINES:]]
    text = " ".join(" ".join(words).split())
    for case in _CASES:
        if match := case.phrase.search(text):
            groups = [group for group in match.groups() if group is not None]
            message = case.message.format(*(group.strip("`'") for group in groups))
            return case.error(message, hint=case.hint, log_tail="\n".join(shown))
    return EnvironmentBuildError(
        "The environment could not be built: uv stopped with an error.",
        hint="Read uv's own words in the log.",
        log_tail="\n".join(shown),
    )

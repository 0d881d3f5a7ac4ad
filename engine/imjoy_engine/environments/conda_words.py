"""What conda is asked for, in the words of its command line: pure.

Nothing of it is ever run: the words are read for the packages, channels and files that they name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from imjoy_engine.environments.requirements import shell_words, shown, unsupported
from imjoy_engine.environments.spec import EnvironmentSpec, joined, python_wish
from imjoy_engine.errors import ManifestError

__all__ = ["conda_command", "conda_packages"]

_PROGRAMS = ("conda", "mamba", "micromamba")
_PACKAGE = re.compile(
    r"(?:(?P<channel>[^\s'\"\[\]]+)::)?"
    r"(?P<name>[A-Za-z0-9_][A-Za-z0-9_.-]*)"
    r"(?P<rest>[=<>!~][A-Za-z0-9_.*,|=<>!~+-]*)?"
)
_CHANNEL_NAME = re.compile(r"[A-Za-z0-9_][\w.-]*(?:/[\w.-]+)*")
_OPERATOR = re.compile(r"[=<>!~,|]+")
_VERSION = re.compile(r"\d+(?:\.[\w*]+)+")
_BUNDLED = re.compile(r"-[A-Za-z].+")
_CHANNEL_OPTIONS = ("-c", "--channel")
_IDLE_WITH_VALUE = ("-n", "--name", "-p", "--prefix", "--solver", "--subdir")
_IDLE = {
    *("-y", "--yes", "-q", "--quiet", "-v", "--verbose", "-k", "--insecure", "-d", "--json"),
    *("--override-channels", "--no-default-packages", "--strict-channel-priority", "--offline"),
    *("--no-channel-priority", "--update-deps", "--no-update-deps", "--freeze-installed"),
    *(
        "--force",
        "--force-reinstall",
        "--copy",
        "--no-pin",
        "--use-index-cache",
        "--show-channel-urls",
    ),
}
# uv needs no pip in an environment, and conda's Python brings none of these into the way.
_NOT_NEEDED = {"pip"}


def conda_packages(where: str, body: str) -> EnvironmentSpec:
    """Return what the words after `conda:` or `conda create` ask for.

    Packages, channels by `-c` or as `channel::package`, in any order; a `python=…` among them is
    the wish for that Python. Raises `ManifestError` and `UnsupportedSpecError` naming `where`.
    """
    words = shell_words(where, body)
    if words[:1] in (["install"], ["create"]):
        words = words[1:]
    return _packages(where, body, _glued(_apart(words)))


def conda_command(where: str, text: str) -> EnvironmentSpec | None:
    """Return what a whole command of conda asks for, or None when it is no command of conda.

    The name of the environment is only a label: it is passed over.
    """
    words = shell_words(where, text)
    if words[:2] == ["source", "activate"]:
        words = ["conda", *words[1:]]
    if not words or words[0].rpartition("/")[2] not in _PROGRAMS:
        return None
    match words[1:]:
        case ["env", "create", *rest]:
            return _from_file(where, text, _apart(rest))
        case ["create" | "install", *rest]:
            return _packages(where, text, _glued(_apart(rest)))
        case ["config", *rest]:
            return _configured(where, text, rest)
        case ["activate", name] if name and not name.startswith("-"):
            return EnvironmentSpec(existing=name)
        case _:
            raise unsupported(where, text, "this command of conda")


def _packages(where: str, text: str, words: Sequence[str]) -> EnvironmentSpec:
    channels: list[str] = []
    found: list[EnvironmentSpec] = []
    queue = list(words)
    while queue:
        word = queue.pop(0)
        option, equals, value = word.partition("=")
        if not word.startswith("-"):
            found.append(_package(where, word))
        elif option in _CHANNEL_OPTIONS or option in _IDLE_WITH_VALUE:
            if not equals:
                value = queue.pop(0) if queue else ""
            if not value:
                raise ManifestError(
                    f"{where}: {option} says nothing.", hint="Say it, or leave it out."
                )
            if option in _CHANNEL_OPTIONS:
                channels.append(_channel(where, value))
        elif word not in _IDLE:
            raise unsupported(where, text, f"{option}: an option of conda")
    return joined([EnvironmentSpec(channels=tuple(channels)), *found], where)


def _apart(words: Sequence[str]) -> list[str]:
    """Return the words with short options written one by one: `-yn x` as `-y -n x`."""
    result: list[str] = []
    for word in words:
        letters = word[1:] if _BUNDLED.fullmatch(word) else ""
        flags = letters[: len(letters) - len(letters.lstrip("yqvkd"))]
        option, value = letters[len(flags) : len(flags) + 1], letters[len(flags) + 1 :]
        if not letters or option not in ("", "n", "p", "c", "f"):
            result.append(word)
            continue
        result += [f"-{flag}" for flag in flags]
        result += [f"-{option}"] if option else []
        result += [value.removeprefix("=")] if value else []
    return result


def _one_package(spaced: str) -> str:
    """Return a package that was written as one word with spaces: `numpy >=1.2,<2 py39_0`."""
    result = ""
    for part in spaced.split():
        drawn = not result or _OPERATOR.match(part) or _OPERATOR.search(result[-1])
        result += part if drawn else f"={part}"
    return result


def _glued(words: Sequence[str]) -> list[str]:
    """Return the words with each version drawn to its package: `numpy >= 2`, `numpy 1.26`."""
    result: list[str] = []
    for spaced in words:
        after_option = bool(result) and result[-1].startswith("-")
        word = spaced if after_option else _one_package(spaced)
        glue = result and not result[-1].startswith("-") and not word.startswith("-")
        if glue and (_OPERATOR.match(word) or _OPERATOR.search(result[-1][-1:])):
            result[-1] += word
        elif glue and _VERSION.fullmatch(word):
            result[-1] += f"={word}"
        else:
            result.append(word)
    return result


def _package(where: str, word: str) -> EnvironmentSpec:
    match = _PACKAGE.fullmatch(word)
    if match is None:
        raise ManifestError(
            f"{where}: {shown(word)} is no package of conda.",
            hint="Write a name and, if need be, a version: numpy, numpy=1.26, numpy>=1.20,<2.",
        )
    name, rest = match["name"].lower(), match["rest"] or ""
    if name == "python":
        # A build of Python is nothing that a plugin can depend on.
        version = re.sub(r"^(==?[^=]+)=[^=]+$", r"\1", rest)
        return EnvironmentSpec(python=python_wish(version, where)) if version else EnvironmentSpec()
    if name in _NOT_NEEDED and not match["channel"]:
        return EnvironmentSpec()
    channel = match["channel"]
    prefix = f"{_channel(where, channel)}::" if channel else ""
    return EnvironmentSpec(conda=(f"{prefix}{name}{rest}",))


def _channel(where: str, text: str) -> str:
    if _CHANNEL_NAME.fullmatch(text):
        return text
    try:
        parts = urlsplit(text)
    except ValueError:
        parts = urlsplit("")
    good = parts.scheme in ("https", "http", "file") and (parts.hostname or parts.path)
    if not good or any(letter.isspace() for letter in text):
        raise ManifestError(
            f"{where}: {shown(text)} is no channel of conda.",
            hint="Write its name, such as conda-forge, or its address.",
        )
    if parts.username is not None:
        raise ManifestError(
            f"{where}: the address of a channel carries a name or a password.",
            hint="Leave it out of the plugin, and give it to this machine's conda settings.",
        )
    return text


def _from_file(where: str, text: str, words: Sequence[str]) -> EnvironmentSpec:
    file = ""
    queue = list(words)
    while queue:
        option, equals, value = queue.pop(0).partition("=")
        if option in ("-f", "--file", *_IDLE_WITH_VALUE):
            value = value if equals else (queue.pop(0) if queue else "")
            file = value if option in ("-f", "--file") else file
        elif option not in _IDLE:
            raise unsupported(where, text, f"{option}: an option of conda env create")
    if not file:
        raise ManifestError(
            f"{where}: conda env create names no file.", hint="Add -f with the file's path."
        )
    if file.startswith(("/", "~")) or ".." in file.split("/") or "://" in file:
        raise ManifestError(
            f"{where}: {shown(file)} is not inside the plugin's work directory.",
            hint="Name a file of a cloned repository, such as name/environment.yml.",
        )
    return EnvironmentSpec(files=(file.removeprefix("./"),))


def _configured(where: str, text: str, words: Sequence[str]) -> EnvironmentSpec:
    match [word for word in words if word not in ("--env", "--system")]:
        case ["--add" | "--append" | "--prepend", "channels", channel]:
            return EnvironmentSpec(channels=(_channel(where, channel),))
        case ["--set", *_]:
            return EnvironmentSpec()
        case _:
            raise unsupported(where, text, "this setting of conda")

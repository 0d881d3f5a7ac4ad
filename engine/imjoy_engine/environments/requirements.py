"""Requirements of pip as people write them, brought into one normal form: pure.

They are parsed as PEP 508 and written back, so nothing that a plugin writes can reach a tool as an
option, a path or a shell word.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from imjoy_engine.errors import ManifestError, UnsupportedSpecError

__all__ = [
    "is_reference",
    "requirements",
    "shell_words",
    "shown",
    "unsupported",
]

_OPERATOR_START = re.compile(r"[<>=!~,;@]")
_OPERATOR_END = re.compile(r"[<>=!~,;@]$")
_FILE_ENDINGS = (".whl", ".zip", ".tar.gz", ".tar.bz2", ".tgz", ".txt", ".toml", ".yml", ".yaml")
_SCHEMES = ("https", "http", "git+https", "git+http", "git+ssh")
_INSTALL = re.compile(r"(?:(?:python3? +-m +)?pip3? +)?install +(?=\S)")
_IDLE_OPTIONS = {
    *("-U", "--upgrade", "-q", "--quiet", "-y", "--yes", "--user"),
    *("--no-cache-dir", "--force-reinstall", "--ignore-installed", "-I"),
}


def requirements(where: str, body: str) -> Iterator[str]:
    """Yield the packages that `body` names, one or many, each in its normal form.

    Raises `UnsupportedSpecError` for files and options, `ManifestError` for what is no package.
    """
    body = body.strip()
    if command := _INSTALL.match(body):
        body = body[command.end() :]
    try:
        yield _normal(Requirement(body), where, body)
    except InvalidRequirement:
        for word in _words(where, body):
            if word not in _IDLE_OPTIONS:
                yield _one(word, where, body)


def is_reference(requirement: str) -> bool:
    """Return whether a requirement in its normal form names an address, not an index's package."""
    return "://" in requirement.partition(" ; ")[0]


def shell_words(where: str, text: str) -> list[str]:
    """Return the words of `text` as a shell would split them; nothing is expanded."""
    try:
        return shlex.split(text)
    except ValueError as error:
        raise ManifestError(
            f"{where} {shown(text)} has a quote that is never closed.",
            hint="Close the quote, or leave it out.",
        ) from error


def unsupported(where: str, value: object, kind: str) -> UnsupportedSpecError:
    """Return the error that names a field's value which this engine cannot do yet."""
    return UnsupportedSpecError(
        f"not supported yet: {where} {shown(value)} ({kind})",
        hint=f"Leave {where} out, or say what the plugin needs as packages of pip or conda.",
    )


def shown(value: object) -> str:
    """Return a value as an error shows it: at most 200 characters."""
    text = repr(value)
    return text if len(text) <= 200 else text[:197] + "…" + text[0]


def _words(where: str, body: str) -> list[str]:
    """Return the packages of `body`, where `numpy >= 2 scipy` is two and quotes hold together."""
    words: list[str] = []
    for part in shell_words(where, body):
        if words and (_OPERATOR_START.match(part) or _OPERATOR_END.search(words[-1])):
            words[-1] += " " + part
        else:
            words.append(part)
    return words


def _one(word: str, where: str, text: str) -> str:
    if word.startswith("-"):
        raise unsupported(where, text, f"{word.split('=')[0]}: options of pip")
    if "@" not in word.partition("://")[0] and ("://" in word or "git+" in word):
        return _address(word, where, text)
    if "://" not in word and ("/" in word or "\\" in word or word.startswith(".")):
        raise unsupported(where, text, "a package from a file")
    try:
        requirement = Requirement(word)
    except InvalidRequirement as error:
        hint = "Write a package's name and, if need be, a version: numpy, numpy==2.1, numpy>=2,<3."
        if re.fullmatch(r"[\w.-]+=[^=].*", word):
            hint = f"Versions are pinned with two equals signs: {word.replace('=', '==', 1)}."
        raise ManifestError(f"{where}: {shown(word)} is no package.", hint=hint) from error
    return _normal(requirement, where, text)


def _normal(requirement: Requirement, where: str, text: str) -> str:
    name = canonicalize_name(requirement.name)
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    if requirement.url is not None:
        normal = f"{name}{extras} @ {_address(requirement.url, where, text)}"
    elif requirement.name.lower().endswith(_FILE_ENDINGS):
        raise unsupported(where, text, "a package from a file")
    else:
        normal = f"{name}{extras}{requirement.specifier}"
    if requirement.marker is not None:
        normal += f" ; {requirement.marker}"
    # A requirements file expands ${NAME} and continues lines at a backslash.
    if set(normal) & set("$\\\n\r"):
        raise ManifestError(
            f"{where}: {shown(text)} has a character that no package's name or version has.",
            hint="Leave out dollar signs, backslashes and line breaks.",
        )
    return normal


def _address(word: str, where: str, text: str) -> str:
    """Return an address as a requirement: `name @ address` when it says the name as #egg=."""
    try:
        parts = urlsplit(word)
    except ValueError:
        raise ManifestError(f"{where}: {shown(word)} is no address.") from None
    if parts.scheme == "file" or parts.scheme == "git+file":
        raise unsupported(where, text, "a package from a file")
    if parts.scheme not in _SCHEMES:
        raise unsupported(where, text, f"a package from an address that begins with {parts.scheme}")
    if parts.password is not None or (parts.username and parts.scheme != "git+ssh"):
        raise ManifestError(
            f"{where}: an address carries a name or a password.",
            hint="Leave it out of the plugin: git and uv read ~/.netrc and git's own helpers.",
        )
    if not parts.hostname or any(letter.isspace() or letter in "$\\'\"<>" for letter in word):
        raise ManifestError(f"{where}: {shown(word)} is no address.", hint="Check its spelling.")
    fragment = parse_qs(parts.fragment)
    address = parts._replace(fragment="").geturl()
    if "subdirectory" in fragment:
        address += f"#subdirectory={fragment['subdirectory'][0]}"
    egg = fragment.get("egg")
    if not egg:
        return address
    named = re.fullmatch(r"([A-Za-z0-9][\w.-]*)(\[[\w,.-]+\])?", egg[0])
    if named is None:
        raise ManifestError(f"{where}: {shown(egg[0])} is no package.", hint="Correct its #egg=.")
    return f"{canonicalize_name(named[1])}{named[2] or ''} @ {address}"

"""Where packages come from: the machine's own settings, in the words that uv understands.

People have told pip about their mirror, their proxy and their certificates long ago; uv reads none
of that. What uv itself was told comes first, as a whole.
"""

from __future__ import annotations

import configparser
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from imjoy_engine.processes import scrubbed

__all__ = ["IndexSettings", "index_settings", "pip_config_files", "redacted"]

_UV_INDEX = (
    "UV_DEFAULT_INDEX",
    "UV_INDEX",
    "UV_INDEX_URL",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_CONFIG_FILE",
)
_UV_KEPT = (
    *_UV_INDEX,
    "UV_CACHE_DIR",
    "UV_CONCURRENT_",
    "UV_EXCLUDE_NEWER",
    "UV_HTTP_",
    "UV_INDEX_",
    "UV_INSECURE_HOST",
    "UV_KEYRING_PROVIDER",
    "UV_LINK_MODE",
    "UV_NATIVE_TLS",
    "UV_NO_CONFIG",
    "UV_OFFLINE",
    "UV_PYTHON_DOWNLOADS",
    "UV_PYTHON_INSTALL_",
    "UV_REQUEST_TIMEOUT",
    "UV_SYSTEM_CERTS",
    "UV_TORCH_BACKEND",
)
_PROXIES = ("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY")
_CERTIFICATES = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_SYSTEM_CERTIFICATES = (
    Path("/etc/ssl/certs/ca-certificates.crt"),
    Path("/etc/pki/tls/certs/ca-bundle.crt"),
    Path("/etc/ssl/ca-bundle.pem"),
    Path("/etc/ssl/cert.pem"),
)
_CREDENTIALS = re.compile(r"(?<=://)[^/\s@'\"]+@")
_TOKEN = re.compile(r"(?<=/t/)[^/\s'\"]+(?=/)")  # As channels of conda have them.


@dataclass(frozen=True, slots=True)
class IndexSettings:
    """The variables and options under which uv finds packages as pip does on this machine."""

    variables: Mapping[str, str]
    options: tuple[str, ...] = ()


def index_settings(machine: Mapping[str, str], pip_configs: Iterable[str] = ()) -> IndexSettings:
    """Return how uv is to find packages on a machine with these variables.

    `pip_configs` are the texts of pip's configuration files, the strongest last; pip's variables
    (`PIP_INDEX_URL`, …) are stronger than all of them. They count only when uv was told nothing.
    """
    variables = {
        name: value
        for name, value in scrubbed(machine).items()
        if not name.startswith(("UV_", "FORCE_COLOR", "CLICOLOR", "RUST_LOG"))
        or name.startswith(_UV_KEPT)
    }
    pip = _pip_settings(machine, pip_configs)
    options: tuple[str, ...] = ()
    if not any(machine.get(name) for name in _UV_INDEX) and not _has_uv_file(machine):
        options = ("--no-index",) if _is_true(pip.get("no-index", "")) else ()
        for name, value in _translated(pip).items():
            variables.setdefault(name, value)
    _add_trust(variables, pip)
    return IndexSettings(variables, options)


def pip_config_files(machine: Mapping[str, str]) -> list[Path]:
    """Return the files in which pip looks for its settings, the strongest last.

    Source: the chapter "Configuration" of pip's documentation.
    """
    if machine.get("PIP_CONFIG_FILE") == os.devnull:
        return []
    home = Path(machine.get("HOME", "/"))
    shared = [Path(folder) for folder in machine.get("XDG_CONFIG_DIRS", "").split(":") if folder]
    files = [folder / "pip/pip.conf" for folder in [*shared, Path("/etc/xdg")]]
    files += [
        Path("/etc/pip.conf"),
        home / ".pip/pip.conf",
        Path(machine.get("XDG_CONFIG_HOME") or home / ".config") / "pip/pip.conf",
    ]
    if machine.get("PIP_CONFIG_FILE"):
        files.append(Path(machine["PIP_CONFIG_FILE"]))
    return files


def redacted(text: str) -> str:
    """Return `text` without the names and passwords that addresses may carry."""
    return _TOKEN.sub("***", _CREDENTIALS.sub("***@", text))


def _pip_settings(machine: Mapping[str, str], configs: Iterable[str]) -> dict[str, str]:
    settings: dict[str, str] = {}
    for text in configs:
        parser = configparser.RawConfigParser()
        try:
            parser.read_string(text)
        except configparser.Error:
            continue  # pip would refuse to run; packages may be found all the same.
        for section in ("global", "install"):
            if parser.has_section(section):
                settings.update(parser.items(section))
    for name, value in machine.items():
        if name.startswith("PIP_") and value:
            settings[name.removeprefix("PIP_").lower().replace("_", "-")] = value
    return settings


def _translated(pip: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    if pip.get("index-url"):
        found["UV_DEFAULT_INDEX"] = pip["index-url"]
    if extra := _places(pip.get("extra-index-url", "")):
        found["UV_INDEX"] = " ".join(extra)
        # pip takes the best version of all indexes, uv that of the first which has the package.
        found["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    if links := _places(pip.get("find-links", "")):
        found["UV_FIND_LINKS"] = ",".join(links)
    if pip.get("trusted-host"):
        found["UV_INSECURE_HOST"] = " ".join(pip["trusted-host"].split())
    return found


def _places(words: str) -> list[str]:
    """Return the addresses among `words`; a folder that is not there stops uv, but not pip."""
    found = []
    for word in words.split():
        path = word.removeprefix("file://")
        if (path == word and "://" in word) or Path(path).expanduser().exists():
            found.append(word if "://" in word else str(Path(path).expanduser()))
    return found


def _has_uv_file(machine: Mapping[str, str]) -> bool:
    if machine.get("UV_NO_CONFIG"):
        return False
    own = Path(machine.get("XDG_CONFIG_HOME") or Path(machine.get("HOME", "/")) / ".config")
    return any((folder / "uv/uv.toml").exists() for folder in (own, Path("/etc/xdg"), Path("/etc")))


def _add_trust(variables: dict[str, str], pip: Mapping[str, str]) -> None:
    """Let uv trust whom the machine trusts, and go the way that the machine goes."""
    candidates = [variables.get("SSL_CERT_FILE"), pip.get("cert")]
    candidates += [variables.get(name) for name in _CERTIFICATES]
    bundle = next((place for place in candidates if place and Path(place).exists()), None)
    variables.pop("SSL_CERT_FILE", None)
    if bundle is not None:
        variables["SSL_CERT_FILE"] = bundle
    elif not {"UV_SYSTEM_CERTS", "UV_NATIVE_TLS"} & variables.keys() and any(
        path.exists() for path in _SYSTEM_CERTIFICATES
    ):
        # The same switch under its new and its old name.
        variables["UV_SYSTEM_CERTS"] = variables["UV_NATIVE_TLS"] = "1"
    known = {name.upper() for name in variables}
    if pip.get("proxy") and not known.intersection(_PROXIES):
        variables["ALL_PROXY"] = pip["proxy"]


def _is_true(word: str) -> bool:
    return word.strip().lower() in ("1", "true", "yes", "on")

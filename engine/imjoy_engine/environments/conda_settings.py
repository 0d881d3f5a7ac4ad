"""Where packages of conda come from on this machine: what people have told conda, read and no more.

Pure. Names and passwords in its addresses reach no lock and no log: a lock has the names that the
plugin wrote, and they are looked up here each time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

__all__ = ["CondaSettings", "condarc_files"]

_USUAL_CHANNELS = ("conda-forge",)
_DEFAULTS = ("https://repo.anaconda.com/pkgs/main", "https://repo.anaconda.com/pkgs/r")


class CondaSettings:
    """What the texts of conda's configuration files say of channels, the strongest last."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._said: dict[str, Any] = {}
        for text in texts:
            try:
                found = yaml.safe_load(text)
            except yaml.YAMLError:
                continue  # conda would refuse to run; packages may be found all the same.
            if isinstance(found, Mapping):
                self._said.update({str(name): value for name, value in found.items()})

    def channels(self, asked: Sequence[str]) -> list[str]:
        """Return the addresses or plain names of the channels that a plugin asks for.

        A plugin that names none gets the machine's own, or conda-forge where there are none.
        """
        names = list(asked) or self._list("channels") or list(_USUAL_CHANNELS)
        found: list[str] = []
        for name in names:
            found += [place for place in self._places(name) if place not in found]
        return found

    def _places(self, name: str) -> list[str]:
        if "://" in name:
            return [name]
        if name == "nodefaults":
            return []
        if name == "defaults":
            return self._list("default_channels") or list(_DEFAULTS)
        custom = self._said.get("custom_channels")
        if isinstance(custom, Mapping) and isinstance(custom.get(name), str):
            return [f"{custom[name].rstrip('/')}/{name}"]
        alias = self._said.get("channel_alias")
        if isinstance(alias, str) and "://" in alias:
            return [f"{alias.rstrip('/')}/{name}"]
        return [name]

    def _list(self, name: str) -> list[str]:
        value = self._said.get(name)
        if not isinstance(value, list):
            return []
        return [str(entry) for entry in value if entry != "defaults" or name == "channels"]


def condarc_files(machine: Mapping[str, str]) -> list[Path]:
    """Return the files in which conda looks for its settings, the strongest last.

    Source: the chapter "Searching for .condarc" of conda's documentation.
    """
    home = Path(machine.get("HOME", "/"))
    config = Path(machine.get("XDG_CONFIG_HOME") or home / ".config")
    shared = ("/etc/conda/.condarc", "/etc/conda/condarc", "/var/lib/conda/.condarc")
    files = [Path(name) for name in shared]
    if machine.get("CONDA_ROOT"):
        files.append(Path(machine["CONDA_ROOT"]) / ".condarc")
    files += [config / "conda/.condarc", home / ".conda/.condarc", home / ".condarc"]
    if machine.get("CONDARC"):
        files.append(Path(machine["CONDARC"]))
    return files

"""Wheels made again from what is installed: an environment of uv can leave for a machine without
an index, and needs none to be packed either.

Everything here blocks. What is not here: the bundle that carries them (`packed_helper.py`).
"""

from __future__ import annotations

import base64
import csv
import hashlib
import re
import zipfile
from collections.abc import Iterator
from configparser import RawConfigParser
from email.parser import HeaderParser
from pathlib import Path

__all__ = ["make_wheels"]

_SKIPPED = ("INSTALLER", "REQUESTED", "RECORD", "direct_url.json", "uv_cache.json")
_UNSAFE = re.compile(r"[^\w\d.]+")
_ENTRY_SECTIONS = ("console_scripts", "gui_scripts")


def make_wheels(prefix: Path, target: Path) -> Iterator[tuple[str, str, str]]:
    """Write a wheel into `target` for each package in `prefix`; yield name, version and sha256.

    Raises ValueError naming a package that is not wholly there: one that was installed from a
    folder to be edited, for example.
    """
    for site in sorted(prefix.glob("lib/python3.*/site-packages")):
        for info in sorted(site.glob("*.dist-info")):
            if (info / "RECORD").exists():
                yield _make_wheel(prefix, site, info, target)


def _make_wheel(prefix: Path, site: Path, info: Path, target: Path) -> tuple[str, str, str]:
    headers = HeaderParser().parsestr((info / "METADATA").read_text("utf-8", "replace"))
    name, version = headers["Name"], headers["Version"]
    wheel = HeaderParser().parsestr((info / "WHEEL").read_text("utf-8", "replace"))
    base = f"{_UNSAFE.sub('_', name)}-{_UNSAFE.sub('_', version.replace('-', '_'))}"
    if "+" in version:
        base = f"{_UNSAFE.sub('_', name)}-{version}"
    path = target / f"{base}-{_tag(wheel.get_all('Tag') or ['py3-none-any'])}.whl"
    inside = f"{info.name}/RECORD"
    records = []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for file, entry in _files(prefix, site, info):
            content = file.read_bytes()
            if entry.partition("/")[0].endswith(".data") and "/scripts/" in entry:
                content = _portable(content)
            member = zipfile.ZipInfo(entry, (1980, 1, 1, 0, 0, 0))
            member.external_attr = (file.stat().st_mode | 0o200) << 16
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, content)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=")
            records.append(f"{_quoted(entry)},sha256={digest.decode()},{len(content)}")
        archive.writestr(inside, "".join(f"{line}\n" for line in [*records, f"{inside},,"]))
    return name, version, hashlib.sha256(path.read_bytes()).hexdigest()


def _files(prefix: Path, site: Path, info: Path) -> Iterator[tuple[Path, str]]:
    """Yield what a package consists of: the file, and its name inside of a wheel."""
    generated = _entry_points(info)
    data = info.name.removesuffix(".dist-info") + ".data"
    with (info / "RECORD").open(encoding="utf-8", newline="") as record:
        names = [row[0] for row in csv.reader(record) if row]
    for name in names:
        path = Path(name) if name.startswith("/") else site / name
        path = Path(_normal(path))
        if path.suffix == ".pyc" or (path.parent == info and path.name in _SKIPPED):
            continue
        if path.suffix == ".pth" and path.name.startswith("__editable__"):
            raise ValueError(f"{info.name} was installed from a folder to be edited")
        if not path.exists():
            raise ValueError(f"{path.name} of {info.name} is missing")
        if path.is_relative_to(site):
            yield path, path.relative_to(site).as_posix()
        elif path.is_relative_to(prefix / "bin"):
            if path.name not in generated:
                yield path, f"{data}/scripts/{path.name}"
        elif path.is_relative_to(prefix / "include"):
            yield path, f"{data}/headers/{path.name}"
        elif path.is_relative_to(prefix):
            yield path, f"{data}/data/{path.relative_to(prefix).as_posix()}"


def _normal(path: Path) -> str:
    parts: list[str] = []
    for part in path.parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return str(Path(*parts))


def _entry_points(info: Path) -> set[str]:
    """Return the scripts that an installer writes itself."""
    file = info / "entry_points.txt"
    if not file.exists():
        return set()
    parser = RawConfigParser(delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(file.read_text("utf-8"))
    return {
        name
        for section in _ENTRY_SECTIONS
        if parser.has_section(section)
        for name in parser[section]
    }


def _tag(tags: list[str]) -> str:
    """Return the tags of a wheel as its file's name has them: `py2.py3-none-any`."""
    parts = [tag.split("-") for tag in tags]
    columns = [list(dict.fromkeys(column)) for column in zip(*parts, strict=False)]
    return "-".join(".".join(column) for column in columns)


def _portable(script: bytes) -> bytes:
    """Return a script whose first line an installer replaces by the new interpreter."""
    first, newline, rest = script.partition(b"\n")
    if first.startswith(b"#!") and b"python" in first:
        return b"#!python" + newline + rest
    return script


def _quoted(entry: str) -> str:
    return f'"{entry}"' if "," in entry else entry

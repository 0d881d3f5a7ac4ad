"""Packs, looks into and unpacks archives of environments, in a process of its own.

    python -I -m imjoy_engine.environments.packed_helper REQUEST

    {"do": "look", "archive"}
    {"do": "unpack", "archive", "prefix"}           what conda-pack made; paths are not yet right
    {"do": "open", "archive", "folder"}             a bundle of ours, into a folder
    {"do": "pack", "kind", "prefix", "manifest", "archive", "scratch"}

    {"event": "looked", "kind", "sha256", "packages", "manifest"}    conda, wheels, conda-bundle
    {"event": "progress", "phase", "item", "done", "total", "unit"}
    {"event": "unpacked" | "opened" | "packed"}
    {"event": "error", "kind", "words"}

A bundle is a plain tar: `manifest.json` first, then `wheels/` with `requirements.txt`, or
`environment.tar.gz`, which conda-pack made. The manifest has the sha256 of both.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from imjoy_engine.environments.protect import MARKER
from imjoy_engine.environments.wheelhouse import make_wheels

_TAR_ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")
_TELL_EVERY = 100
_UNREADABLE = (tarfile.ReadError, zipfile.BadZipFile, EOFError, zlib.error)


class Refused(Exception):
    """An archive that cannot be used; the words are for people."""


def tell(event: str, **fields: Any) -> None:
    """Write one event and flush it."""
    sys.stdout.write(json.dumps({"event": event, **fields}) + "\n")
    sys.stdout.flush()


def progress(phase: str, item: str, done: int, total: int | None, unit: str) -> None:
    """Tell how far it is."""
    tell("progress", phase=phase, item=item, done=done, total=total, unit=unit)


# ── reading ──────────────────────────────────────────────────────────────────────────────────


def look(request: dict[str, Any]) -> None:
    """Tell what an archive is."""
    archive = Path(request["archive"])
    manifest = bundle_manifest(archive)
    if manifest is not None:
        tell(
            "looked",
            kind=manifest["kind"],
            sha256=sha256_of(archive),
            packages=manifest["packages"],
            manifest=manifest,
        )
        return
    names = readable_names(archive)
    packages = sorted(
        package_of(name) for name in names if name.parts[:1] == ("conda-meta",) and is_record(name)
    )
    if not packages or Path("bin/conda-unpack") not in names:
        raise Refused(
            "is no packed environment: it is neither a bundle of ours nor made by conda-pack"
        )
    tell("looked", kind="conda", sha256=sha256_of(archive), packages=packages, manifest=None)


def readable_names(archive: Path) -> list[Path]:
    """Return the names of all files in an archive, or refuse what is none."""
    names: list[Path] = []
    try:
        # What was read before an error stays in the list.
        names.extend(Path(name) for name in names_in(archive))
    except _UNREADABLE as error:
        if names:
            raise Refused(f"is damaged: {error}") from None
        raise Refused("is no packed environment") from None
    return names


def is_record(name: Path) -> bool:
    """Return whether a file describes one installed package of conda."""
    return len(name.parts) == 2 and name.suffix == ".json"


def package_of(name: Path) -> list[str]:
    """Return name and version of `conda-meta/numpy-1.26.4-py311_0.json`."""
    return name.stem.rsplit("-", 2)[:2]


def bundle_manifest(archive: Path) -> dict[str, Any] | None:
    """Return the manifest of a bundle, or None when the archive is something else."""
    with contextlib.suppress(tarfile.TarError, ValueError), tarfile.open(archive, "r:") as tar:
        first = tar.next()
        if first is not None and first.name == "manifest.json":
            file = tar.extractfile(first)
            manifest = json.loads(file.read()) if file else None
            if isinstance(manifest, dict) and manifest.get("format") == 1:
                return manifest
    return None


def sha256_of(path: Path) -> str:
    """Return the hash of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def names_in(archive: Path) -> Iterator[str]:
    """Yield the names of all files in an archive."""
    if archive.name.endswith(".zip"):
        with zipfile.ZipFile(archive) as zipped:
            yield from zipped.namelist()
    elif archive.name.endswith((".squashfs", ".sqsh")):
        listed = squashfs("-l", "-d", "", archive)
        yield from (line.lstrip("/") for line in listed.splitlines())
    else:
        with tar_stream(archive) as tar:
            yield from (os.path.normpath(member.name) for member in tar)


@contextlib.contextmanager
def tar_stream(archive: Path, inside: IO[bytes] | None = None) -> Iterator[tarfile.TarFile]:
    """Open a tar of any compression, to be read once from its beginning."""
    with contextlib.ExitStack() as stack:
        file = inside or stack.enter_context(archive.open("rb"))
        if archive.name.endswith(".tar.zst"):
            try:
                import zstandard
            except ImportError:
                raise Refused(
                    "is compressed by zstd: pip install 'imjoy-engine[conda]' adds what reads it"
                ) from None
            stack.enter_context(told_as_unreadable(zstandard.ZstdError))
            file = stack.enter_context(zstandard.ZstdDecompressor().stream_reader(file))
            mode = "r|"
        else:
            mode = "r|*"
        yield stack.enter_context(tarfile.open(fileobj=file, mode=mode))  # type: ignore[call-overload]


@contextlib.contextmanager
def told_as_unreadable(kind: type[Exception]) -> Iterator[None]:
    """Have a library's own error be one of the usual kind."""
    try:
        yield
    except kind as error:
        raise tarfile.ReadError(str(error)) from None


def squashfs(*options: str | Path) -> str:
    """Return what unsquashfs prints."""
    program = shutil.which("unsquashfs")
    if program is None:
        raise Refused("is a squashfs, and needs the program unsquashfs: install squashfs-tools")
    done = subprocess.run([program, *map(str, options)], capture_output=True, text=True)
    if done.returncode:
        raise Refused(f"cannot be read: {done.stderr.strip()[:500]}")
    return done.stdout


# ── unpacking ────────────────────────────────────────────────────────────────────────────────


def unpack(request: dict[str, Any]) -> None:
    """Put what conda-pack packed into the prefix of the request."""
    archive, prefix = Path(request["archive"]), Path(request["prefix"])
    prefix.mkdir(parents=True)
    if archive.name.endswith(".zip"):
        unzip(archive, prefix)
    elif archive.name.endswith((".squashfs", ".sqsh")):
        squashfs("-f", "-no-progress", "-d", prefix, archive)
    elif archive.name.endswith(_TAR_ENDINGS):
        untar(archive, prefix)
    else:
        raise Refused(f"has an unknown ending: {', '.join(_TAR_ENDINGS)}, .zip, .squashfs")
    # conda-unpack expects the file where there was one; what it says must not be believed.
    (prefix / MARKER).write_text("{}")
    tell("unpacked")


def untar(archive: Path, folder: Path) -> None:
    """Extract a tar; links and names that lead out of `folder` are refused."""
    total = archive.stat().st_size
    with archive.open("rb") as file, tar_stream(archive, file) as tar:
        for count, member in enumerate(tar):
            if os.path.normpath(member.name) == MARKER:
                continue
            tar.extract(member, folder, filter="data")
            if count % _TELL_EVERY == 0:
                progress("link", "", file.tell(), total, "bytes")
    progress("link", "", total, total, "bytes")


def unzip(archive: Path, folder: Path) -> None:
    """Extract a zip, with the rights and links that Python's own extraction would lose."""
    with zipfile.ZipFile(archive) as zipped:
        members = zipped.infolist()
        for count, member in enumerate(members):
            if os.path.normpath(member.filename) == MARKER:
                continue
            mode = member.external_attr >> 16
            if mode & 0o170000 == 0o120000:
                raise Refused("is a zip with links, which is not safe to unpack: use tar.gz")
            path = Path(zipped.extract(member, folder))
            if path.is_file() and mode & 0o111:
                path.chmod(0o755)
            if count % _TELL_EVERY == 0:
                progress("link", "", count, len(members), "files")


def open_bundle(request: dict[str, Any]) -> None:
    """Extract a bundle of ours, and see that it is whole."""
    archive, folder = Path(request["archive"]), Path(request["folder"])
    manifest = bundle_manifest(archive)
    if manifest is None:
        raise Refused("is no bundle of ours")
    untar(archive, folder)
    for name, digest in manifest["files"].items():
        if not (folder / name).is_file() or sha256_of(folder / name) != digest:
            raise Refused(f"is damaged: {name} is not what it was")
    tell("opened")


# ── packing ──────────────────────────────────────────────────────────────────────────────────


def pack(request: dict[str, Any]) -> None:
    """Write a bundle: under another name first, so that nobody finds half of it."""
    prefix, scratch = Path(request["prefix"]), Path(request["scratch"])
    manifest = dict(request["manifest"])
    if request["kind"] == "wheels":
        names = pack_wheels(prefix, scratch, len(manifest["packages"]))
    else:
        names = pack_conda(prefix, scratch)
    manifest.update(
        format=1, kind=request["kind"], files={name: sha256_of(scratch / name) for name in names}
    )
    archive = Path(request["archive"])
    fresh = archive.with_name(f".{archive.name}.part")
    try:
        write_bundle(fresh, manifest, scratch, names)
        fresh.replace(archive)
    finally:
        fresh.unlink(missing_ok=True)
    tell("packed", size_bytes=archive.stat().st_size)


def pack_wheels(prefix: Path, scratch: Path, total: int) -> list[str]:
    """Make the wheels and their lock; return the names of all."""
    (scratch / "wheels").mkdir()
    lines = []
    for count, (name, version, digest) in enumerate(make_wheels(prefix, scratch / "wheels")):
        lines.append(f"{name}=={version} --hash=sha256:{digest}\n")
        progress("build", f"{name}=={version}", count, total, "packages")
    (scratch / "requirements.txt").write_text("".join(lines), "utf-8")
    wheels = sorted(f"wheels/{path.name}" for path in (scratch / "wheels").iterdir())
    return ["requirements.txt", *wheels]


def pack_conda(prefix: Path, scratch: Path) -> list[str]:
    """Let conda-pack pack the prefix; return the name of what it made."""
    try:
        import conda_pack
    except ImportError:
        raise Refused(
            "can only be packed with conda-pack: pip install 'imjoy-engine[conda]'"
        ) from None
    progress("build", "", 0, None, "")
    name = "environment.tar.gz"
    with contextlib.redirect_stdout(sys.stderr):
        conda_pack.pack(
            prefix=str(prefix),
            output=str(scratch / name),
            n_threads=-1,
            filters=[("exclude", f"*{MARKER}")],
            ignore_missing_files=True,
        )
    return [name]


def write_bundle(path: Path, manifest: dict[str, Any], folder: Path, names: list[str]) -> None:
    """Write the tar of a bundle, the manifest first."""
    content = json.dumps(manifest, indent=1).encode()
    total = sum((folder / name).stat().st_size for name in names)
    done = 0
    with tarfile.open(path, "w") as tar:
        first = tarfile.TarInfo("manifest.json")
        first.size = len(content)
        tar.addfile(first, io.BytesIO(content))
        for name in names:
            progress("link", name, done, total, "bytes")
            tar.add(folder / name, name)
            done += (folder / name).stat().st_size


_DEEDS = {"look": look, "unpack": unpack, "open": open_bundle, "pack": pack}


def main() -> int:
    """Do what the request says; return the exit code."""
    request = json.loads(Path(sys.argv[1]).read_bytes())
    try:
        _DEEDS[request["do"]](request)
    except _UNREADABLE as error:
        tell("error", kind=type(error).__name__, words=f"is damaged: {error}")
        return 1
    except Exception as error:  # noqa: BLE001
        # The border of this process.
        tell("error", kind=type(error).__name__, words=str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

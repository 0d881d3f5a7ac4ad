"""A channel of conda in a folder, with a real Python and tiny packages, made by hand."""

from __future__ import annotations

import asyncio
import io
import json
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Mapping
from pathlib import Path

from aiohttp import web

__all__ = ["PYTHON_VERSION", "ChannelServer", "make_channel"]

PYTHON_VERSION = ".".join(map(str, sys.version_info[:3]))
_MINOR = f"python{sys.version_info.major}.{sys.version_info.minor}"
_LEFT_OUT = {"__pycache__", "site-packages", "test", "tests", "idlelib", "lib2to3", "ensurepip"}
_INDEX = """
import asyncio, os, pathlib, sys
from rattler.index import index_fs
asyncio.run(index_fs(pathlib.Path(sys.argv[1])))
os._exit(0)
"""


def make_channel(folder: Path) -> str:
    """Return the address of a channel in `folder` with python, tiny-one 1.0 and tiny-two 1.5, 2.0.

    `gputool` 1.0 comes in one build for machines with CUDA and one for all others.
    """
    platform = folder / "linux-64"
    platform.mkdir(parents=True)
    _python(platform)
    noarch = folder / "noarch"
    noarch.mkdir()
    _tiny(noarch, "tiny-one", "1.0", depends=["tiny-two >=1"])
    _tiny(noarch, "tiny-two", "1.5")
    _tiny(noarch, "tiny-two", "2.0")
    _tiny(noarch, "needs-old", "1.0", depends=["tiny-two <2"])
    _tiny(noarch, "gputool", "1.0", build=("cpu_0", 0))
    _tiny(noarch, "gputool", "1.0", build=("cuda_1", 1), depends=["__cuda >=12"])
    script = b'export DATA_OF_IT="$CONDA_PREFIX/share/data"\n'
    _tiny(noarch, "with-data", "1.0", files={"etc/conda/activate.d/with-data.sh": script})
    subprocess.run([sys.executable, "-c", _INDEX, str(folder)], check=True, capture_output=True)
    return f"file://{folder}"


class ChannelServer:
    """A channel over HTTP. While `gate` is closed no package is sent; `stalled` says one should be.

    `authorization` keeps what clients said of themselves.
    """

    def __init__(self, folder: Path) -> None:
        self.url = ""
        self.gate = asyncio.Event()
        self.gate.set()
        self.stalled = asyncio.Event()
        self.authorization: set[str] = set()
        self._folder = folder
        app = web.Application()
        app.router.add_get("/{path:.*}", self._send)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)

    async def __aenter__(self) -> ChannelServer:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self.gate.set()
        await self._runner.cleanup()

    async def _send(self, request: web.Request) -> web.StreamResponse:
        self.authorization.add(request.headers.get("Authorization", ""))
        path = self._folder / request.match_info["path"]
        if not path.is_file():
            raise web.HTTPNotFound
        if path.name.endswith(".tar.bz2") and not self.gate.is_set():
            self.stalled.set()
            await self.gate.wait()
        return web.FileResponse(path)


def _tiny(
    folder: Path,
    name: str,
    version: str,
    *,
    build: tuple[str, int] = ("py_0", 0),
    depends: list[str] | None = None,
    files: Mapping[str, bytes] | None = None,
) -> None:
    module = name.replace("-", "_")
    info = f"site-packages/{module}-{version}.dist-info"
    files = {
        **(files or {}),
        f"site-packages/{module}.py": f"version, build = {version!r}, {build[0]!r}\n".encode(),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/INSTALLER": b"conda",
    }
    index = {
        "name": name,
        "version": version,
        "build": build[0],
        "build_number": build[1],
        "depends": ["python", *(depends or [])],
        "noarch": "python",
        "subdir": "noarch",
    }
    with tarfile.open(folder / f"{name}-{version}-{build[0]}.tar.bz2", "w:bz2") as archive:
        _describe(archive, index, list(files))
        for entry, content in files.items():
            _add(archive, entry, content)


def _python(folder: Path) -> None:
    """Pack the interpreter that runs the tests; its library is found where it always was."""
    base = Path(sys.base_prefix)
    library = Path(sysconfig.get_path("stdlib"))
    files = {f"bin/{_MINOR}": (base / "bin" / _MINOR).resolve()}
    for path in library.rglob("*"):
        inside = path.relative_to(library)
        if path.is_file() and not _LEFT_OUT.intersection(inside.parts) and path.suffix != ".a":
            files[f"lib/{_MINOR}/{inside}"] = path
    index = {
        "name": "python",
        "version": PYTHON_VERSION,
        "build": "0_cpython",
        "build_number": 0,
        "depends": [],
        "subdir": "linux-64",
        "arch": "x86_64",
        "platform": "linux",
    }
    name = f"python-{PYTHON_VERSION}-0_cpython.tar.bz2"
    with tarfile.open(folder / name, "w:bz2", compresslevel=1) as archive:
        _describe(archive, index, ["bin/python", "bin/python3", *files])
        for link in ("bin/python", "bin/python3"):
            member = tarfile.TarInfo(link)
            member.type, member.linkname = tarfile.SYMTYPE, _MINOR
            archive.addfile(member)
        for entry, path in files.items():
            archive.add(path.resolve(), entry)


def _describe(archive: tarfile.TarFile, index: Mapping[str, object], files: list[str]) -> None:
    _add(archive, "info/index.json", json.dumps(index).encode())
    _add(archive, "info/files", "".join(f"{name}\n" for name in files).encode())
    if index.get("noarch"):
        _add(
            archive,
            "info/link.json",
            b'{"noarch": {"type": "python"}, "package_metadata_version": 1}',
        )


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o644
    archive.addfile(member, io.BytesIO(content))

"""Tiny packages made by hand, and an index that serves them as slowly as a test wants."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from aiohttp import web

__all__ = ["PackageIndex", "make_sdist", "make_wheel"]


def make_wheel(
    folder: Path,
    name: str,
    version: str,
    *,
    requires: tuple[str, ...] = (),
    size_bytes: int = 0,
    source: str = "",
) -> Path:
    """Write a pure-Python wheel whose module says `version`; `size_bytes` of ballast come along.

    It has a command, `<name>-says`.
    """
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    files = {
        f"{module}.py": f"version = {version!r}\n{source}".encode(),
        f"{info}/METADATA": _metadata(name, version, requires),
        f"{info}/entry_points.txt": f"[console_scripts]\n{name}-says = {module}:say\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if size_bytes:
        # Not compressible, so that it is as long on the way as it is on the disk.
        seed = hashlib.sha256(name.encode()).digest()
        files[f"{module}_ballast.bin"] = hashlib.shake_256(seed).digest(size_bytes)
    files[f"{info}/RECORD"] = _record(files, f"{info}/RECORD")
    path = folder / f"{module}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for entry, content in files.items():
            archive.writestr(entry, content)
    return path


_BACKEND = """
import zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    module, info = {module!r}, {info!r}
    name = info.removesuffix(".dist-info") + "-py3-none-any.whl"
    with zipfile.ZipFile(folder + "/" + name, "w") as archive:
        archive.writestr(module + ".py", "version = {version!r}\\n")
        archive.writestr(info + "/METADATA", {metadata!r})
        tags = "Root-Is-Purelib: true\\nTag: py3-none-any\\n"
        archive.writestr(info + "/WHEEL", "Wheel-Version: 1.0\\n" + tags)
        archive.writestr(info + "/RECORD", "")
    return name
"""


def make_sdist(folder: Path, name: str, version: str, *, buildable: bool = False) -> Path:
    """Write a source distribution, by default one that nothing here can build."""
    path = folder / f"{name}-{version}.tar.gz"
    metadata = _metadata(name, version, ())
    module = name.replace("-", "_")
    backend = _BACKEND.format(
        module=module,
        info=f"{module}-{version}.dist-info",
        version=version,
        metadata=metadata.decode(),
    )
    settings = 'requires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    with tarfile.open(path, "w:gz") as archive:
        for entry, content in {
            "PKG-INFO": metadata,
            "pyproject.toml": f"[build-system]\n{settings}".encode(),
            **({"backend.py": backend.encode()} if buildable else {}),
        }.items():
            member = tarfile.TarInfo(f"{name}-{version}/{entry}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def _metadata(name: str, version: str, requires: tuple[str, ...]) -> bytes:
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Dist: {requirement}" for requirement in requires]
    return "".join(f"{line}\n" for line in lines).encode()


def _record(files: Mapping[str, bytes], own_name: str) -> bytes:
    lines = []
    for entry, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        lines.append(f"{entry},sha256={digest},{len(content)}")
    return "".join(f"{line}\n" for line in [*lines, f"{own_name},,"]).encode()


class PackageIndex:
    """A package index over HTTP for the wheels of a folder.

    While `gate` is closed a wheel is sent to its half; `stalled` is set when one is, and `left`
    when whoever fetched it hung up. `fetched` counts the wheels that were asked for. A file was
    uploaded on the day that `uploaded` says.
    """

    def __init__(self, folder: Path) -> None:
        self.url = ""
        self.fetched = 0
        self.uploaded: dict[str, str] = {}
        self.gate = asyncio.Event()
        self.gate.set()
        self.stalled = asyncio.Event()
        self.left = asyncio.Event()
        self._transports: set[asyncio.Transport] = set()
        self._folder = folder
        app = web.Application()
        app.router.add_get("/simple/{name}/", self._list)
        app.router.add_get("/files/{file}", self._send)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)

    async def __aenter__(self) -> PackageIndex:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/simple"
        return self

    async def __aexit__(self, *_: object) -> None:
        self.gate.set()
        await self._runner.cleanup()

    def variables(self, cache: Path) -> dict[str, str]:
        """Return the variables of an engine that gets its packages here alone, into this cache."""
        return {
            "UV_DEFAULT_INDEX": self.url,
            "UV_CACHE_DIR": str(cache),
            "UV_FIND_LINKS": "",
            "PIP_FIND_LINKS": "",
            "UV_PYTHON_DOWNLOADS": "never",
        }

    def stall(self) -> None:
        """Let the next wheel come to its half and wait there for `gate`."""
        self.gate.clear()
        self.stalled.clear()

    def hang_up(self) -> None:
        """End what is being sent in its middle."""
        for transport in list(self._transports):
            transport.abort()

    async def _list(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        wheels = sorted(self._folder.glob(f"{name.replace('-', '_')}-*.whl"))
        sources = sorted(self._folder.glob(f"{name}-*.tar.gz"))
        if not wheels and not sources:
            raise web.HTTPNotFound
        files = [self._file(path) for path in (*wheels, *sources)]
        return web.json_response(
            {"meta": {"api-version": "1.1"}, "name": name, "files": files},
            content_type="application/vnd.pypi.simple.v1+json",
        )

    def _file(self, path: Path) -> dict[str, object]:
        """Return how an index lists a file (PEP 691, PEP 700)."""
        return {
            "filename": path.name,
            "url": f"/files/{path.name}",
            "hashes": {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()},
            "size": path.stat().st_size,
            "upload-time": f"{self.uploaded.get(path.name, '2020-01-01')}T00:00:00Z",
            "core-metadata": path.suffix == ".whl",
        }

    async def _send(self, request: web.Request) -> web.StreamResponse:
        file = request.match_info["file"]
        if file.endswith(".metadata"):
            with zipfile.ZipFile(self._folder / file.removesuffix(".metadata")) as archive:
                (entry,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
                return web.Response(body=archive.read(entry))
        self.fetched += 1
        content = (self._folder / file).read_bytes()
        half = len(content) // 2
        response = web.StreamResponse()
        response.content_length = len(content)
        await response.prepare(request)
        await response.write(content[:half])
        if not self.gate.is_set():
            if request.transport is not None:
                self._transports.add(request.transport)
            self.stalled.set()
            try:
                await self.gate.wait()
            except asyncio.CancelledError:
                self.left.set()
                raise
        await response.write(content[half:])
        return response

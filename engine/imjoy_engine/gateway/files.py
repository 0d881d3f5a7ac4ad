"""The file manager: list, remove, and links to fetch and to send files.

Every path is confined by `paths.Roots`; every disk access happens in a thread. The methods of
`FileService` carry the names of the Socket.IO events they answer and return what the ack carries;
its HTTP handlers serve the links that they give out:

    GET, HEAD  /file/{signature}/{name}[/{path below a directory}]
    POST, PUT  /upload/{id}                multipart (the first file of the form) or the raw bytes

What is not here: how a link is signed (`signing`), how an upload is stored (`uploads`), what a
directory holds (`directories`).
"""

from __future__ import annotations

import asyncio
import os
import re
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from aiohttp import BodyPartReader, hdrs, web
from aiohttp.abc import AbstractStreamWriter
from multidict import CIMultiDict

from imjoy_engine.clock import Clock
from imjoy_engine.errors import (
    BadRequestError,
    ClientError,
    ConflictError,
    EngineError,
    NotFoundError,
    TokenError,
    TooLargeError,
)
from imjoy_engine.gateway.directories import Lister, remove_entry
from imjoy_engine.gateway.paths import Roots, is_hidden_name, typed_error
from imjoy_engine.gateway.signing import Grant, UrlSigner
from imjoy_engine.gateway.uploads import UploadRight, UploadRights, new_file

__all__ = ["FileLimits", "FileService"]

_LINK = re.compile(r"/file/(?P<signature>[^/]+)/[^/]+(?:/(?P<below>.*))?$")
_KINDS = {None: None, "": None, "file": "file", "dir": "dir", "directory": "dir"}
_READ_BYTES = 1 << 18
_STATUS: tuple[tuple[type[EngineError], int], ...] = (
    (TokenError, 403),
    (NotFoundError, 404),
    (ConflictError, 409),
    (TooLargeError, 413),
    (ClientError, 400),
)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class FileLimits:
    """The bounds of the file manager."""

    max_entries: int = 10_000
    """In one listing, all levels together."""
    max_depth: int = 16
    """Levels of a recursive listing."""
    max_upload_bytes: int = 1 << 40
    link_lifetime_s: float = 24 * 3600.0
    upload_lifetime_s: float = 3600.0


class FileService:
    """Answer file requests of clients, each inside the directories of its workspace.

    `roots` names the directories that clients of a workspace may see, the one that relative paths
    start in first. `base_url` is the address that links begin with; it may be set later, once the
    port is known.
    """

    def __init__(
        self,
        roots: Callable[[str], Sequence[Path]],
        signer: UrlSigner,
        clock: Clock,
        base_url: str = "",
        limits: FileLimits | None = None,
    ) -> None:
        self.base_url = base_url
        self._directories = roots
        self._signer = signer
        self._clock = clock
        self._limits = limits or FileLimits()
        self._uploads = UploadRights(clock)

    # ── requests of a client ─────────────────────────────────────────────────────────────────

    async def list_dir(
        self,
        path: str | None = None,
        type: str | None = None,
        recursive: bool = False,
        *,
        workspace: str = "default",
    ) -> dict[str, Any]:
        """Return what the directory `path` holds, and the `roots` that the client may look into.

        `type` is "file", "dir" (or "directory") or None for both. Raises EngineError.
        """
        kind = _kind(type)

        def look() -> dict[str, Any]:
            roots = self._roots(workspace)
            listing = self._list(roots, roots.resolve(path), kind, recursive)
            return {**listing, "roots": [str(each) for each in roots.directories]}

        return await asyncio.to_thread(look)

    async def remove_files(
        self,
        path: str,
        type: str | None = None,
        recursive: bool = False,
        *,
        workspace: str = "default",
    ) -> dict[str, Any]:
        """Remove a file or an empty directory; a recursive removal moves to `<root>/.trash`.

        Returns `{}`, or `{"moved_to": path}`. Raises EngineError.
        """
        kind = _kind(type)

        def remove() -> Path | None:
            roots = self._roots(workspace)
            now = self._clock.now()
            return remove_entry(roots, path, kind, recursive=recursive, now=now)

        moved_to = await asyncio.to_thread(remove)
        return {"moved_to": str(moved_to)} if moved_to else {}

    async def get_file_url(self, path: str, *, workspace: str = "default") -> dict[str, Any]:
        """Return `{"url"}`, a signed link to the file or directory. Raises EngineError."""

        def find() -> Path:
            return _existing(self._roots(workspace).resolve(path))[0]

        found = await asyncio.to_thread(find)
        expires = int(self._clock.now() + self._limits.link_lifetime_s)
        signature = self._signer.sign(Grant("GET", str(found), expires, workspace))
        return {"url": f"{self._base}/file/{signature}/{_quoted(found.name) or '-'}"}

    async def get_file_path(self, url: str, *, workspace: str = "default") -> dict[str, Any]:
        """Return `{"path"}`, where the file behind a link of `get_file_url` lies.

        Raises TokenError for a link that does not hold, NotFoundError for a file that clients of
        this workspace may not see.
        """
        match = _LINK.search(_path_of(url))
        if match is None:
            raise BadRequestError(
                "This is no link to a file of this engine.", hint="Send a link of get_file_url."
            )
        grant = self._verified(match["signature"])
        below = unquote(match["below"] or "")
        path, _ = await asyncio.to_thread(self._granted, grant, below, workspace)
        return {"path": str(path)}

    async def request_upload_url(
        self,
        path: str | None = None,
        dir: str | None = None,
        overwrite: bool = False,
        *,
        workspace: str = "default",
    ) -> dict[str, Any]:
        """Return `{"id", "url"}`, a link that takes one file once.

        The file lands at `path`, which may be relative to `dir`; without `path` it lands in `dir`
        under the name that it comes with. Missing directories are made. Raises EngineError.
        """

        def place() -> tuple[Path, Path | None]:
            roots = self._roots(workspace)
            directory = roots.resolve(dir)
            target = roots.entry(path, base=directory) if path else None
            if target and not overwrite and os.path.lexists(target):
                raise ConflictError(f"{path!r} is already there.", hint="Ask for overwriting.")
            return directory, target

        directory, target = await asyncio.to_thread(place)
        expires_s = self._clock.monotonic() + self._limits.upload_lifetime_s
        right = UploadRight(workspace, directory, target, overwrite, expires_s)
        upload_id = self._uploads.issue(right)
        return {"id": upload_id, "url": f"{self._base}/upload/{upload_id}"}

    # ── HTTP ─────────────────────────────────────────────────────────────────────────────────

    def routes(self, app: web.Application) -> None:
        """Add the handlers of file and upload links to `app`."""
        fetch, receive = _answering(self._fetch), _answering(self._receive)
        app.router.add_get("/file/{signature}/{name}", fetch)
        app.router.add_get("/file/{signature}/{name}/{below:.*}", fetch)
        app.router.add_post("/upload/{id}", receive)
        app.router.add_put("/upload/{id}", receive)

    async def _fetch(self, request: web.Request) -> web.StreamResponse:
        grant = self._verified(request.match_info["signature"])
        below = request.match_info.get("below", "")

        def look() -> tuple[Path, os.stat_result, dict[str, Any] | None]:
            path, status = self._granted(grant, below, grant.workspace)
            if stat.S_ISDIR(status.st_mode):
                return path, status, self._list(self._roots(grant.workspace), path, None, False)
            return path, status, None

        path, status, listing = await asyncio.to_thread(look)
        if listing is not None:
            return web.json_response(listing, headers=_PRIVATE)
        return _PlainFileResponse(path, status, attached="download" in request.query)

    async def _receive(self, request: web.Request) -> web.StreamResponse:
        upload_id = request.match_info["id"]
        right = self._uploads.claim(upload_id)
        try:
            stored = await self._store(request, right)
        except BaseException:
            self._uploads.give_back(upload_id, right)
            raise
        return web.json_response({"success": True, **stored}, status=201)

    async def _store(self, request: web.Request, right: UploadRight) -> dict[str, Any]:
        most = self._limits.max_upload_bytes
        name, chunks = await _body(request)
        target = right.target
        if target is None:
            target = await asyncio.to_thread(self._named, right, name)
        async with new_file(target, overwrite=right.overwrite, max_bytes=most) as writer:
            async for chunk in chunks:
                await writer.write(chunk)
        return {"path": str(target), "name": target.name, "size": writer.size_bytes}

    # ── inside a thread ──────────────────────────────────────────────────────────────────────

    def _roots(self, workspace: str) -> Roots:
        return Roots(self._directories(workspace))

    def _list(self, roots: Roots, path: Path, kind: str | None, recursive: bool) -> dict[str, Any]:
        lister = Lister(roots, most=self._limits.max_entries, depth=self._limits.max_depth)
        return lister.listing(path, kind, recursive)

    def _granted(self, grant: Grant, below: str, workspace: str) -> tuple[Path, os.stat_result]:
        """Return what `below` names under a grant's path, as the roots stand now."""
        roots = self._roots(workspace)
        top = roots.resolve(grant.path)
        path = roots.resolve(below, base=top)
        if not path.is_relative_to(top):
            raise NotFoundError(f"The link does not reach {below!r}.")
        return _existing(path)

    def _named(self, right: UploadRight, name: str) -> Path:
        plain = name.replace("\\", "/").rpartition("/")[2]
        if not plain or is_hidden_name(plain):
            raise BadRequestError(
                f"A file cannot be stored under the name {name!r}.",
                hint="Send it as a form with a file name, or ask for a link with a path.",
            )
        return self._roots(right.workspace).entry(plain, base=right.directory)

    # ── links ────────────────────────────────────────────────────────────────────────────────

    @property
    def _base(self) -> str:
        return self.base_url.rstrip("/")

    def _verified(self, signature: str) -> Grant:
        return self._signer.verify(signature, method="GET", now=self._clock.now())


_PRIVATE = {
    hdrs.CACHE_CONTROL: "private, no-cache",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""A link is a secret, and a listing is true for now only: revalidate, tell nobody."""


class _PlainFileResponse(web.FileResponse):
    """Serve exactly the bytes of one file, with ranges, ETag and Last-Modified.

    aiohttp serves `x.gz` when a browser asks for `x` and both lie side by side: right for a site's
    scripts, wrong for data. And it takes If-Range for a date only: a download that resumes by ETag
    would get the rest of another version.
    """

    def __init__(self, path: Path, status: os.stat_result, *, attached: bool) -> None:
        super().__init__(path, chunk_size=_READ_BYTES, headers=_PRIVATE)
        self._current_etag = f'"{status.st_mtime_ns:x}-{status.st_size:x}"'
        self.headers[hdrs.CONTENT_DISPOSITION] = _disposition(path.name, attached)
        if path.suffix.lower() != ".pdf":
            # A page among the data must not act as the engine's own page: its scripts may run, in
            # an origin of their own. Browsers refuse to show a PDF that way, and need not.
            self.headers["Content-Security-Policy"] = "sandbox allow-scripts allow-downloads"

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send the response, as if the request had asked for nothing that we do not offer."""
        headers = CIMultiDict(request.headers)
        headers.popall(hdrs.ACCEPT_ENCODING, None)
        condition = headers.get(hdrs.IF_RANGE, "")
        if condition.endswith('"') and condition != self._current_etag:
            headers.popall(hdrs.RANGE, None)
        return await super().prepare(request.clone(headers=headers))


def _answering(handler: Handler) -> Handler:
    """Return `handler` with its engine errors turned into a status and a JSON sentence."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except EngineError as error:
            status = next((code for kind, code in _STATUS if isinstance(error, kind)), 500)
            body = {
                "success": False,
                "error": error.message,
                "code": error.code,
                "hint": error.hint,
            }
            return web.json_response(body, status=status)

    return answer


async def _body(request: web.Request) -> tuple[str, AsyncIterator[bytes]]:
    """Return the file name that a request came with, "" for none, and its bytes in pieces."""
    if request.content_type != "multipart/form-data":
        return "", request.content.iter_chunked(_READ_BYTES)
    try:
        form = await request.multipart()
        async for part in form:
            if isinstance(part, BodyPartReader) and part.filename:
                return part.filename, _pieces(part)
    except ValueError as error:
        raise BadRequestError(f"The form cannot be read: {error}.") from error
    raise BadRequestError("The form holds no file.", hint="Give one field a file name.")


async def _pieces(part: BodyPartReader) -> AsyncIterator[bytes]:
    try:
        while chunk := await part.read_chunk(_READ_BYTES):
            yield chunk
    except ValueError as error:
        raise BadRequestError(f"The form cannot be read: {error}.") from error


def _existing(path: Path) -> tuple[Path, os.stat_result]:
    """Return `path` with its status; raise NotFoundError unless it is a file or a directory."""
    try:
        status = path.stat()
    except OSError as error:
        raise typed_error(error, path.name) from error
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        raise NotFoundError(f"{path.name!r} is neither a file nor a directory.")
    return path, status


def _path_of(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:
        return ""


def _kind(type: str | None) -> str | None:
    if type not in _KINDS:
        raise BadRequestError(f"{type!r} is no type of file.", hint="Send 'file' or 'dir'.")
    return _KINDS[type]


def _disposition(name: str, attached: bool) -> str:
    """Return Content-Disposition with the name in both forms of RFC 6266."""
    plain = re.sub(r'[^ -~]|["\\%]', "_", name)
    kind = "attachment" if attached else "inline"
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{_quoted(name)}"


def _quoted(name: str) -> str:
    return quote(os.fsencode(name), safe="")

"""One-time rights to upload, and files that appear whole or not at all.

What is not here: which paths may be written (`paths`) and the HTTP side (`files`).
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from imjoy_engine.clock import Clock
from imjoy_engine.errors import ConflictError, NotFoundError, TooLargeError
from imjoy_engine.gateway.paths import typed_error
from imjoy_engine.ids import new_secret

__all__ = ["FileWriter", "UploadRight", "UploadRights", "new_file"]

_WRITE_BYTES = 1 << 20
_NO_HARD_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV}


@dataclass(frozen=True, slots=True)
class UploadRight:
    """The right to put one file at `target`, or into `directory` under the name it comes with."""

    workspace: str
    directory: Path
    target: Path | None
    overwrite: bool
    expires_s: float
    """By the clock that never goes back."""


class UploadRights:
    """Remember the rights that were given and not yet used, never more than `most` of them."""

    def __init__(self, clock: Clock, *, most: int = 10_000) -> None:
        self._clock = clock
        self._most = most
        self._rights: OrderedDict[str, UploadRight] = OrderedDict()

    def issue(self, right: UploadRight) -> str:
        """Return the id under which `right` can be claimed once; the oldest one makes room."""
        upload_id = new_secret()
        self._rights[upload_id] = right
        while len(self._rights) > self._most:
            self._rights.popitem(last=False)
        return upload_id

    def claim(self, upload_id: str) -> UploadRight:
        """Return the right and take it away; raise NotFoundError when there is none (any more)."""
        right = self._rights.pop(upload_id, None)
        if right is None or self._clock.monotonic() >= right.expires_s:
            raise NotFoundError(
                "This upload link is unknown, was used or has expired.",
                hint="Ask for a new upload link.",
            )
        return right

    def give_back(self, upload_id: str, right: UploadRight) -> None:
        """Make a claimed right usable again: the upload failed and nothing was stored."""
        self._rights[upload_id] = right


class FileWriter:
    """Collects an upload in a hidden file beside its target."""

    def __init__(self, target: Path, overwrite: bool, max_bytes: int) -> None:
        self.target = target
        self.size_bytes = 0
        self._overwrite = overwrite
        self._max_bytes = max_bytes
        self._waiting = bytearray()
        self._temporary = target.with_name(f".{new_secret()[:12]}.upload")
        self._handle = -1
        # One thread: what is written, closed and removed happens in the order it was asked for,
        # also when the request that asked is cancelled in between.
        self._thread = ThreadPoolExecutor(1, "upload")

    async def write(self, data: bytes) -> None:
        """Take `data` as the next bytes of the file; raise TooLargeError above the limit."""
        self.size_bytes += len(data)
        if self.size_bytes > self._max_bytes:
            raise TooLargeError(
                f"{self.target.name!r} is larger than the {self._max_bytes} bytes allowed.",
                hint="Copy it to the engine's machine by other means, or raise the limit.",
            )
        self._waiting += data
        if len(self._waiting) >= _WRITE_BYTES:
            await self._flush()

    async def _open(self) -> None:
        await self._run(self._create)

    async def _publish(self) -> None:
        await self._flush()
        await self._run(self._move_in)

    async def _discard(self) -> None:
        """Leave nothing open or half-written; done even when the caller is cancelled meanwhile."""
        done = self._thread.submit(self._remove)
        self._thread.shutdown(wait=False)
        await asyncio.shield(asyncio.wrap_future(done))

    async def _flush(self) -> None:
        data, self._waiting = bytes(self._waiting), bytearray()
        await self._run(lambda: _write_all(self._handle, data))

    async def _run(self, work: Callable[[], None]) -> None:
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except OSError as error:
            raise typed_error(error, self.target.name) from error

    def _create(self) -> None:
        self._refuse_taken()
        self.target.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        self._handle = os.open(self._temporary, flags, 0o666)

    def _refuse_taken(self) -> None:
        """Raise ConflictError when the file may not take its place."""
        is_directory = self.target.is_dir() and not self.target.is_symlink()
        if is_directory or (not self._overwrite and os.path.lexists(self.target)):
            raise _taken(self.target)

    def _move_in(self) -> None:
        os.fsync(self._handle)
        self._refuse_taken()
        if self._overwrite:
            self._temporary.replace(self.target)
            return
        try:
            self.target.hardlink_to(self._temporary)
        except FileExistsError as error:
            raise _taken(self.target) from error
        except OSError as error:
            if error.errno not in _NO_HARD_LINKS:
                raise
            # This filesystem cannot refuse an existing name in one step; we have looked above.
            self._temporary.rename(self.target)

    def _remove(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._temporary.unlink(missing_ok=True)


@asynccontextmanager
async def new_file(target: Path, *, overwrite: bool, max_bytes: int) -> AsyncIterator[FileWriter]:
    """Publish `target` when the block ends well; however it ends, nothing else is left.

    Raises ConflictError when the name is taken and `overwrite` is False, TooLargeError above
    `max_bytes`, MachineError when the disk is full or refuses.
    """
    writer = FileWriter(target, overwrite, max_bytes)
    try:
        await writer._open()
        yield writer
        await writer._publish()
    finally:
        await writer._discard()


def _write_all(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def _taken(target: Path) -> ConflictError:
    return ConflictError(
        f"{target.name!r} is already there.",
        hint="Choose another name, or ask for overwriting if it is a file.",
    )

"""Files of records that can be read after any interruption.

A record is a msgpack value behind its length and checksum. Records are only ever appended; what
was being written when the power went is not there, and everything before it is.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from io import RawIOBase
from pathlib import Path
from typing import Any

import msgpack

__all__ = ["append_records", "read_records"]

_PREFIX = struct.Struct(">2sII")
_MAGIC = b"IR"


def append_records(path: Path, records: Iterable[Any]) -> int:
    """Write records behind those in the file, which is made if need be; return its new size.

    For one writer at a time. Raises OSError; the file then is as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab", buffering=0) as file:
        before = file.tell()
        try:
            for record in records:
                content = msgpack.packb(record, use_bin_type=True)
                prefix = _PREFIX.pack(_MAGIC, len(content), zlib.crc32(content))
                _write_all(file, prefix + content)
        except OSError:
            # What stands behind a record that is not whole would never be read.
            file.truncate(before)
            raise
        return file.tell()


def _write_all(file: RawIOBase, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) or 0 :]


def read_records(path: Path, offset: int = 0) -> Iterator[tuple[Any, int]]:
    """Yield each whole record from `offset` on, with the offset behind it.

    Ends, without an error, where the file does or where it is damaged. Raises OSError.
    """
    with path.open("rb") as file:
        file.seek(offset)
        while len(prefix := file.read(_PREFIX.size)) == _PREFIX.size:
            magic, size, checksum = _PREFIX.unpack(prefix)
            if magic != _MAGIC:
                return
            content = file.read(size)
            if len(content) != size or zlib.crc32(content) != checksum:
                return
            offset += _PREFIX.size + size
            yield msgpack.unpackb(content, raw=False, strict_map_key=False), offset

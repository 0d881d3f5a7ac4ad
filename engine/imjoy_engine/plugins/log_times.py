"""When a plugin has printed what stands in its log.

Beside `….log` lies `….times`: a line `OFFSET SECONDS` for each second in which something came: from
that byte on the log has what came then. So the log itself stays as it was printed.
`processes/keeper.py` writes the same while there is no engine.
"""

from __future__ import annotations

import codecs
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Printed", "note_time", "printed", "times_path"]

_READ_BYTES = 256 << 10
"""Of the times: as many as there can be for what is asked of a log."""


@dataclass(frozen=True, slots=True)
class Printed:
    """A piece of a log, and when it came, in seconds since the epoch; None where nobody knows."""

    text: str
    time_s: int | None


def times_path(log: Path) -> Path:
    """Return where the times of a log are."""
    return log.with_suffix(".times")


def note_time(log: Path, offset: int, time_s: int) -> None:
    """Remember when the log went on at `offset`; without effect when the disk has no room."""
    with contextlib.suppress(OSError), times_path(log).open("a" if offset else "w") as file:
        file.write(f"{offset} {time_s}\n")


def printed(log: Path, most_bytes: int) -> list[Printed]:
    """Return the last whole lines of a log, at most so many bytes, by the seconds they came in."""
    try:
        end = log.stat().st_size
        start = max(0, end - most_bytes)
        with log.open("rb") as file:
            file.seek(start)
            content = file.read(end - start)
    except OSError:
        return []
    if start:
        cut = content.find(b"\n") + 1
        start, content = start + cut, content[cut:]
    times = _times(log, start, end)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    pieces = []
    for at, (offset, time_s) in enumerate(times):
        until = times[at + 1][0] if at + 1 < len(times) else end
        if text := decoder.decode(content[offset - start : until - start], final=until == end):
            pieces.append(Printed(text, time_s))
    return pieces


def _times(log: Path, start: int, end: int) -> list[tuple[int, int | None]]:
    """Return where and when the log went on between the two; the first is at `start`."""
    times: list[tuple[int, int | None]] = [(start, None)]
    for offset, time_s in _noted(times_path(log)):
        if offset <= start:
            times[0] = (start, time_s)
        elif times[-1][0] < offset < end:
            times.append((offset, time_s))
    if times[0][1] is None and len(times) > 1:
        times[0] = (start, times[1][1])
    return times


def _noted(path: Path) -> Iterator[tuple[int, int]]:
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            file.seek(max(0, size - _READ_BYTES))
            lines = file.read().splitlines()
    except OSError:
        return
    for line in lines[1 if size > _READ_BYTES else 0 :]:
        with contextlib.suppress(ValueError):  # a full disk has cut it
            offset, time_s = (int(word) for word in line.split())
            yield offset, time_s
